"""A specimen paper as a PDF, and its pages as images."""

import json
from datetime import date
from functools import cache
from pathlib import Path
from random import Random

import pypdfium2
import typst
from PIL import Image

from .holder import Holder
from .papers import facts_of

TEMPLATES = Path(__file__).parent / "templates"


def typeset(kind: str, holder: Holder, today: date, *, seed: int) -> bytes:
    """The paper as a PDF; the same arguments give the same bytes."""
    facts = facts_of(kind, holder, today, Random(f"{kind}|{seed}"))
    pdf = _compiler().compile(
        str(TEMPLATES / f"{kind}.typ"),
        format="pdf",
        sys_inputs={"facts": json.dumps(facts)},
        timestamp=0,
        pdf_tags=False,
    )
    if not isinstance(pdf, bytes):
        raise TypeError("one PDF expected")
    return pdf


def pages(pdf: bytes, *, longest: int, only_first: bool = False) -> list[Image.Image]:
    """The PDF's pages in RGB, `longest` pixels on their longer side."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        wanted = range(1 if only_first else len(document))
        return [_render(document[index], longest) for index in wanted]
    finally:
        document.close()


def font_folders() -> list[str]:
    """Where this machine keeps Noto, Liberation or DejaVu; typst's own fonts are the last resort."""
    home = Path.home()
    candidates = (
        Path("/usr/share/fonts/truetype/noto"),
        Path("/usr/share/fonts/noto"),
        Path("/usr/share/fonts/google-noto"),
        Path("/usr/share/fonts/truetype/liberation"),
        Path("/usr/share/fonts/truetype/dejavu"),
        Path("/usr/local/share/fonts"),
        Path("/Library/Fonts"),
        home / ".local/share/fonts",
        home / "Library/Fonts",
    )
    return [str(folder) for folder in candidates if folder.is_dir()]


@cache
def _compiler() -> typst.Compiler:
    fonts = typst.Fonts(include_system_fonts=False, font_paths=font_folders())
    return typst.Compiler(root=str(TEMPLATES), font_paths=fonts)


def _render(page: pypdfium2.PdfPage, longest: int) -> Image.Image:
    scale = longest / max(page.get_width(), page.get_height())
    image: Image.Image = page.render(scale=scale).to_pil()
    return image.convert("RGB")
