"""Birth dates as people say them."""

from __future__ import annotations

from datetime import date

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from havre.core.sealing import Unreadable
from havre.people.births import NotABirth, parse, shown, year

TODAY = date(2026, 3, 16)
BORN = st.dates(date(1906, 3, 16), TODAY)
ARABIC, PERSIAN, FULL_WIDTH = (
    {48 + digit: first + digit for digit in range(10)} for first in (0x0660, 0x06F0, 0xFF10)
)
HANDS = (
    "{0.day:02}/{0.month:02}/{0.year}",
    "{0.day}/{0.month}/{0.year}",
    "{0.day:02}-{0.month:02}-{0.year}",
    "{0.day}.{0.month}.{0.year}.",
    " {0.day} {0.month}  {0.year} ",
    "{0.day} / {0.month} / {0.year}",
    "\u200f{0.day}/{0.month}/{0.year}\u200f",
    "{0.year}-{0.month:02}-{0.day:02}",
)


@settings(deadline=None)
@given(BORN, st.sampled_from(HANDS), st.sampled_from([{}, ARABIC, PERSIAN, FULL_WIDTH]))
def test_any_date_is_understood_in_any_hand(born: date, hand: str, digits: dict[int, int]) -> None:
    assert parse(hand.format(born).translate(digits), today=TODAY) == born.isoformat()


@settings(deadline=None)
@given(BORN, st.sampled_from(["{0.month}/{0.year}", "{0.month:02}-{0.year}", "{0.month} {0.year}"]))
def test_a_month_is_enough(born: date, hand: str) -> None:
    first = born.replace(day=1)
    assert parse(hand.format(born), today=TODAY) == f"{first:%Y-%m}"


@settings(deadline=None)
@given(st.integers(1906, 2026), st.sampled_from([{}, ARABIC, PERSIAN]))
def test_a_year_is_enough(year: int, digits: dict[int, int]) -> None:
    assert parse(str(year).translate(digits), today=TODAY) == str(year)


@settings(deadline=None)
@given(st.text())
def test_no_text_is_a_fault(text: str) -> None:
    try:
        born = parse(text, today=TODAY)
    except NotABirth:
        return
    assert len(born) in (0, 4, 7, 10)
    assert shown(born)


@settings(deadline=None)
@given(st.text("0123456789/-. ٠١٢٣٤٥٦٧٨٩", max_size=14))
def test_no_digits_are_a_fault(text: str) -> None:
    try:
        born = parse(text, today=TODAY)
    except NotABirth:
        return
    assert parse(born if len(born) != 7 else f"{born[5:]}/{born[:4]}", today=TODAY) == born


@pytest.mark.parametrize("text", ["9" * 5000, "1/1/" + "9" * 5000, "1" * 4301 + "/2/1974"])
def test_even_endless_digits_are_only_no_birth(text: str) -> None:
    with pytest.raises(NotABirth):
        parse(text, today=TODAY)


@pytest.mark.parametrize(
    "text",
    [
        "29/02/1975",
        "31/04/1974",
        "00/01/1974",
        "27/13/1974",
        "27/03/74",
        "27 mars 1974",
        "17/03/2026",
        "1905",
        "2027",
        "1/2/3/1974",
        "?",
        "/",
        "né en 1974",
        "03/27/1974",
    ],
)
def test_what_is_no_birth_is_refused(text: str) -> None:
    with pytest.raises(NotABirth):
        parse(text, today=TODAY)


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_nothing_is_no_date_and_no_mistake(text: str) -> None:
    assert parse(text, today=TODAY) == ""


@pytest.mark.parametrize(
    ("birth", "words"),
    [
        ("1974-03-27", "27 mars 1974"),
        ("1974-03", "mars 1974"),
        ("1974", "année 1974"),
        ("", "Date inconnue"),
    ],
)
def test_a_birth_is_shown_as_far_as_it_is_known(birth: str, words: str) -> None:
    with translation.override("fr"):
        assert shown(birth) == words


@pytest.mark.parametrize(
    ("birth", "words"),
    [
        ("1974-03-27", "année 1974"),
        ("1974-03", "année 1974"),
        ("1974", "année 1974"),
        ("", "année de naissance inconnue"),
    ],
)
def test_a_list_tells_the_year_alone(birth: str, words: str) -> None:
    with translation.override("fr"):
        assert year(birth) == words


def test_a_birth_that_does_not_open_says_so_in_a_list() -> None:
    assert year(Unreadable("(illisible)")) == "(illisible)"
