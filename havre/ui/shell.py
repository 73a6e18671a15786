"""What a phone keeps to open without a network: styles, scripts and icons, never a personal page."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from django.templatetags.static import static

_FILES = ("havre.css", "havre.js", "mark.svg", "icon-192.png")
_FOLDER = Path(__file__).parent / "static" / "ui"
_OFFLINE_PAGE = Path(__file__).parent / "templates" / "ui"


@cache
def files() -> list[str]:
    """The addresses of the shell's files."""
    return [static(f"ui/{name}") for name in _FILES]


@cache
def version() -> str:
    """Twelve characters that change whenever a file of the shell, or the layout, changes."""
    sources = [_FOLDER / name for name in _FILES] + sorted(_OFFLINE_PAGE.glob("*.*"))
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    digest.update(" ".join(files()).encode())
    return digest.hexdigest()[:12]
