"""How far each language is read by someone who speaks it, counted in the catalogues themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True)
class Count:
    """One language: its texts written by a machine (`drafted`), read by a speaker, and still missing."""

    code: str
    name: str
    drafted: int = 0
    reviewed: int = 0
    missing: int = 0
    source: bool = False

    @property
    def total(self) -> int:
        return self.drafted + self.reviewed + self.missing


@cache
def counts() -> tuple[Count, ...]:
    """Each language that can be chosen; French is the source and has nothing to translate."""
    return tuple(_count(code, str(name)) for code, name in settings.LANGUAGES)


@cache
def drafted(code: str) -> bool:
    """Whether a machine wrote texts of this language that no speaker has read yet."""
    return any(count.code == code and count.drafted for count in counts())


def _count(code: str, name: str) -> Count:
    if code == settings.LANGUAGE_CODE:
        return Count(code, name, source=True)
    entries = [entry for catalogue in _catalogues(code) for entry in _entries(catalogue)]
    missing = sum(not _translated(entry) for entry in entries)
    drafted = sum(_translated(entry) and _drafted(entry) for entry in entries)
    return Count(code, name, drafted, len(entries) - drafted - missing, missing)


def _catalogues(code: str) -> list[Path]:
    folders = [Path(folder) / code.replace("-", "_") / "LC_MESSAGES" for folder in settings.LOCALE_PATHS]
    return [catalogue for folder in folders for catalogue in sorted(folder.glob("*.po"))]


def _entries(catalogue: Path) -> list[list[str]]:
    """The lines of each entry of a .po file (entries are apart by an empty line), header and obsolete ones left out."""
    blocks = [block.splitlines() for block in re.split(r"\n\s*\n", catalogue.read_text("utf-8").strip())]
    return [
        lines for lines in blocks if any(line.startswith("msgid") for line in lines) and not _is_header(lines)
    ]


def _is_header(lines: list[str]) -> bool:
    text = "".join(lines)
    return 'msgid ""msgstr ""' in text and "msgctxt" not in text


def _translated(lines: list[str]) -> bool:
    """Every msgstr (each plural form) says something, on its line or on the ones below."""
    values = re.split(r"^msgstr(?:\[\d\])?", "\n".join(lines), flags=re.MULTILINE)[1:]
    return bool(values) and all(re.search(r'"[^"]', value) for value in values)


def _drafted(lines: list[str]) -> bool:
    """Marked `# drafted`, or fuzzy: no speaker has read it yet."""
    return any(line.strip() == "# drafted" or (line.startswith("#,") and "fuzzy" in line) for line in lines)
