"""PDF by Typst: tagged, in any shipped script, with fonts from the system's Noto families."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import typst

FONT_FOLDERS = ("/usr/share/fonts/truetype/noto", "/usr/share/fonts/noto", "/usr/local/share/fonts")


class FontsMissing(RuntimeError):
    """No Noto font was found: the PDF would show boxes instead of letters."""


@functools.cache
def fonts() -> list[Path]:
    """The folders that hold Noto fonts; raises FontsMissing when there is none."""
    found = [Path(folder) for folder in FONT_FOLDERS if any(Path(folder).glob("NotoSans-*.ttf"))]
    if not found:
        raise FontsMissing("install the Noto fonts (Debian: fonts-noto-core)")
    return found


def typeset(template: Path, data: dict[str, Any]) -> bytes:
    """A PDF from a Typst template; the template reads `json(bytes(sys.inputs.data))`. Text is data, never markup."""
    return bytes(
        typst.compile(
            template,
            font_paths=fonts(),
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            format="pdf",
        )
    )
