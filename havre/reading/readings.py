"""The nouns of reading: limits asked for, pages given back, problems told."""

from dataclasses import dataclass, field
from enum import StrEnum

MEBIBYTE = 1024 * 1024
MAX_PIXELS = 60_000_000


class Problem(StrEnum):
    """Why a document has no pages, or not all of them."""

    ENCRYPTED = "encrypted"
    BROKEN = "broken"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_HEAVY = "too_heavy"
    CRASHED = "crashed"


class ReadingAbsent(Exception):  # a state of the house, not a mistake
    """No server answers, or it ended in mid-document: nothing is known of the document; try again later."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may cost and what is made of it.

    Sizes in bytes, times in seconds, `page_px` and `thumb_px` in pixels of the longer side, `max_pixels` of a
    picture before any reduction. `memory` is what the child may map beyond what the warm server has mapped.
    """

    max_bytes: int = 100 * MEBIBYTE
    max_pages: int = 50
    max_pixels: int = MAX_PIXELS
    page_px: int = 2000
    thumb_px: int = 320
    memory: int = 512 * MEBIBYTE
    cpu_seconds: int = 8
    wall_seconds: float = 8.0


@dataclass(frozen=True, slots=True)
class Page:
    """One page, counted from 1; `width` and `height` in pixels; `jpeg` and `thumb` are bare JPEG files."""

    number: int
    width: int
    height: int
    jpeg: bytes = field(repr=False)
    thumb: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """The pages shown (`max_pages` at most), how many the document says it has, and what went wrong.

    A problem may come with pages: those made before it.
    """

    pages: list[Page]
    page_count: int
    problem: Problem | None
