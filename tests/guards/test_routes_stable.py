"""Addresses only grow: what somebody printed, kept or sent by message opens the same page for ever, or redirects to it.

A new address is added to `routes.txt`. An old one is never taken out: its view may become a redirect.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests import journey

KEPT = Path(__file__).with_name("routes.txt")


def _kept() -> list[str]:
    return [line for line in KEPT.read_text("utf-8").splitlines() if line and not line.startswith("#")]


def _now() -> set[str]:
    return {f"/{pattern}" for pattern in journey.routes().values()}


def test_no_address_is_taken_out() -> None:
    gone = set(_kept()) - _now()
    assert gone == set(), "keep it: a RedirectView on the same pattern leads to the new page"


def test_each_address_is_written_down() -> None:
    new = _now() - set(_kept())
    assert new == set(), "add it to tests/guards/routes.txt, for ever"


def test_the_list_is_sorted_and_says_nothing_twice() -> None:
    assert _kept() == sorted(set(_kept()))


def test_addresses_are_nouns_in_small_letters_and_end_as_pages_or_files() -> None:
    for pattern in _kept():
        fixed = re.sub(r"<[^>]+>", "x", pattern)
        assert re.fullmatch(r"/(?:[a-z0-9-]+/)*(?:[a-z0-9-]+\.[a-z]+|healthz)?", fixed), pattern
