"""What each static file weighs, and what a stylesheet may say."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

import havre.ui

STATIC = Path(havre.ui.__file__).parent / "static" / "ui"
PHYSICAL = re.compile(
    r"(?:^|[\s;{])((?:margin|padding|border|inset|scroll-margin|scroll-padding)-(?:left|right|top|bottom)[\w-]*"
    r"|border-(?:top|bottom)-(?:left|right)-radius|left|right|top|bottom)\s*:"
)
PHYSICAL_VALUE = re.compile(r"(?:text-align|float|clear)\s*:\s*(?:left|right)")
FOUR_SIDES = re.compile(r"(?:margin|padding|inset|border-width)\s*:\s*([^;}]+)[;}]")


def styles() -> str:
    return re.sub(r"/\*.*?\*/", "", (STATIC / "havre.css").read_text("utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize(
    ("name", "most"),
    [("havre.css", 12_000), ("havre.js", 4_000), ("upload.js", 4_000), ("signature.js", 4_000)],
)
def test_a_file_stays_within_its_budget(name: str, most: int) -> None:
    assert len(gzip.compress((STATIC / name).read_bytes(), 9)) <= most


def test_styles_follow_the_direction_of_reading() -> None:
    assert PHYSICAL.findall(styles()) == []
    assert PHYSICAL_VALUE.findall(styles()) == []


def test_no_shorthand_gives_the_two_sides_of_a_line_different_sizes() -> None:
    for value in FOUR_SIDES.findall(styles()):
        sides = re.sub(r"\([^()]*\)", "", re.sub(r"\([^()]*\)", "", value)).split()
        assert len(sides) < 4 or sides[1] == sides[3], value


def test_styles_load_nothing() -> None:
    assert "url(" not in styles()
    assert "@import" not in styles()


@pytest.mark.parametrize("name", ["havre.js", "upload.js", "signature.js"])
def test_scripts_speak_to_this_site_only(name: str) -> None:
    script = (STATIC / name).read_text("utf-8")
    assert "http:" not in script
    assert "https:" not in script
    assert "innerHTML" not in script
