"""Translations, compiled again when their source is newer: `python -m havre.core.catalogues`. No Django."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def compile_stale() -> list[str]:
    """Compile each catalogue whose source is newer; gives a sentence for each one that could not be."""
    return [sentence for source in _stale() if (sentence := _compiled(source))]


def _stale() -> Iterator[Path]:
    folders = [PROJECT / "locale", *PROJECT.glob("havre/*/locale"), *PROJECT.glob("demo/locale")]
    for source in sorted(path for folder in folders for path in folder.glob("*/LC_MESSAGES/*.po")):
        made = source.with_suffix(".mo")
        if not made.exists() or made.stat().st_mtime_ns < source.stat().st_mtime_ns:
            yield source


def _compiled(source: Path) -> str:
    """Empty when it went well. The result takes its place in one step: a server may read the old one."""
    made = source.with_suffix(".mo")
    fresh = made.with_suffix(".mo.new")
    command = ["msgfmt", "--check-format", "-o", str(fresh), str(source)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        return (
            f"{source.relative_to(PROJECT)} is not compiled: the program msgfmt (package gettext) is missing."
        )
    if result.returncode:
        return f"{source.relative_to(PROJECT)} is not compiled: {result.stderr.strip()}"
    fresh.replace(made)
    return ""


if __name__ == "__main__":
    problems = compile_stale()
    print("".join(f"{problem}\n" for problem in problems), end="", file=sys.stderr)
    sys.exit(1 if problems else 0)
