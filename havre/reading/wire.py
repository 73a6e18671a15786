"""What goes between client, server and child.

The client connects to the server's SOCK_SEQPACKET socket (the *control*), sends one Request and one end of a
socket pair (the *data*), then the document over the data. The child answers with frames over the data; the
server, which never sees a byte of either, answers with a Verdict over the control once the child has ended.
The child is not believed: every frame is checked against the limits asked for.
"""

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from typing import IO

from havre.reading.kinds import Kind
from havre.reading.readings import MEBIBYTE, Limits, Page, Problem

REQUEST_BYTES = 4096
SENT = b"sent"

_HEADER = struct.Struct("!cIIIII")  # type, three numbers, two lengths
_COUNT, _PAGE, _END = b"C", b"P", b"E"
_PROBLEMS: tuple[Problem | None, ...] = (None, *Problem)
_JPEG_MAGIC = b"\xff\xd8\xff"
_MAX_JPEG = 16 * MEBIBYTE


class Verdict(Enum):
    """How the child ended, by the server's own observation."""

    DONE = b"done"
    CRASHED = b"crashed"
    TOO_HEAVY = b"too_heavy"


class FrameError(Exception):
    """The child said something that it may not say."""


@dataclass(frozen=True, slots=True)
class Request:
    """One document to read."""

    kind: Kind
    limits: Limits

    def packed(self) -> bytes:
        return json.dumps({"kind": self.kind.name, "limits": asdict(self.limits)}).encode()

    @classmethod
    def unpacked(cls, message: bytes) -> "Request":
        """Raises KeyError, TypeError or ValueError on anything else than a packed request."""
        fields = json.loads(message)
        return cls(Kind[fields["kind"]], Limits(**fields["limits"]))


@dataclass(frozen=True, slots=True)
class PageCount:
    """How many pages the document says it has."""

    pages: int


@dataclass(frozen=True, slots=True)
class End:
    """The last frame: the reading ended by itself."""

    problem: Problem | None


type Frame = PageCount | Page | End


def packed(frame: Frame) -> Iterator[bytes]:
    """The bytes of one frame, in pieces so that an image is not copied."""
    match frame:
        case PageCount(pages):
            yield _HEADER.pack(_COUNT, pages, 0, 0, 0, 0)
        case End(problem):
            yield _HEADER.pack(_END, _PROBLEMS.index(problem), 0, 0, 0, 0)
        case Page(number, width, height, jpeg, thumb):
            yield _HEADER.pack(_PAGE, number, width, height, len(jpeg), len(thumb))
            yield jpeg
            yield thumb


def read_frame(stream: IO[bytes], limits: Limits) -> Frame | None:
    """The next frame, or None when the child has hung up, even in the middle of one. Raises FrameError."""
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    name, first, width, height, jpeg_bytes, thumb_bytes = _HEADER.unpack(header)
    if name == _COUNT:
        return PageCount(first)
    if name == _END and first < len(_PROBLEMS):
        return End(_PROBLEMS[first])
    if name != _PAGE or max(width, height) > limits.page_px or max(jpeg_bytes, thumb_bytes) > _MAX_JPEG:
        raise FrameError
    return _read_page(stream, first, (width, height), (jpeg_bytes, thumb_bytes))


def _read_page(
    stream: IO[bytes], number: int, size: tuple[int, int], lengths: tuple[int, int]
) -> Page | None:
    jpeg, thumb = (stream.read(length) for length in lengths)
    if (len(jpeg), len(thumb)) != lengths:
        return None
    if not jpeg.startswith(_JPEG_MAGIC) or not thumb.startswith(_JPEG_MAGIC):
        raise FrameError
    return Page(number, *size, jpeg, thumb)
