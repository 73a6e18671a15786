"""Specimen papers of the demo territory: typeset, then photographed by our own simulator.

Everything on them is invented, and each says SPÉCIMEN in large letters.
"""

from dataclasses import dataclass
from datetime import date
from random import Random

from . import photograph as camera
from .holder import Holder
from .papers import PAPERS
from .typeset import pages, typeset

__all__ = ["STYLES", "Holder", "Specimen", "available", "specimen"]

STYLES = ("pdf", "flat", *camera.STYLES, "upside_down")
_SCAN = 1900  # pixels on the longer side of a scan


@dataclass(frozen=True, slots=True)
class Specimen:
    """A file as a person would send it."""

    name: str
    media_type: str
    data: bytes
    title_fr: str
    kind: str


def available() -> tuple[str, ...]:
    """The kinds of paper, in the order of the contact sheet."""
    return tuple(PAPERS)


def specimen(
    kind: str, holder: Holder, today: date, *, seed: int, style: str = "table", longest: int = camera.LONGEST
) -> Specimen:
    """One paper in one style; the same arguments give the same bytes. ValueError names what is unknown.

    `pdf` is the office's own file; `flat` a clean scan (JPEG); `upside_down` a PDF of scans the wrong way
    up; the others are photos whose longer side is `longest` pixels, of the paper's first page.
    """
    if kind not in PAPERS:
        raise ValueError(f"no specimen of kind {kind!r}")
    if style not in STYLES:
        raise ValueError(f"no style {style!r}")
    media_type, name, data = _file(kind, holder, today, seed, style, longest)
    return Specimen(name, media_type, data, PAPERS[kind].title_fr, kind)


def _file(
    kind: str, holder: Holder, today: date, seed: int, style: str, longest: int
) -> tuple[str, str, bytes]:
    """(media type, file name, bytes)."""
    pdf = typeset(kind, holder, today, seed=seed)
    number = Random(f"name|{kind}|{seed}").randint(1, 9999)
    if style == "pdf":
        return "application/pdf", f"{kind}_{today:%Y%m%d}.pdf", pdf
    if style == "flat":
        [page] = pages(pdf, longest=_SCAN, only_first=True)
        return "image/jpeg", f"Scan{number:04}.jpg", camera.scan_jpeg(page, seed=seed)
    if style == "upside_down":
        sheets = pages(pdf, longest=_SCAN)
        return (
            "application/pdf",
            f"Scan{number:04}.pdf",
            camera.scan_pdf(sheets, today, seed=seed, upside_down=True),
        )
    [page] = pages(pdf, longest=longest * 7 // 8, only_first=True)
    photo = camera.photograph(page, camera.STYLES[style], today, seed=seed, longest=longest)
    return "image/jpeg", f"IMG_{today:%Y%m%d}_{number:04}.jpg", photo
