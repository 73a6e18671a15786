"""Exact facts in one spelling each, and the yearly kinds of their tokens."""

from __future__ import annotations

import pytest
import time_machine

from havre.core import facts, sealing
from havre.core.facts import NotAFact


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("06 39 98 00 01", "+33639980001"),
        ("06.39.98.00.01", "+33639980001"),
        ("+33 6 39 98 00 01", "+33639980001"),
        ("+33 (0)6 39 98 00 01", "+33639980001"),
        ("(+33) 6 39 98 00 01", "+33639980001"),
        ("＋33 6 39 98 00 01", "+33639980001"),
        ("0033 639980001", "+33639980001"),
        ("٠٦ ٣٩ ٩٨ ٠٠ ٠١", "+33639980001"),
        ("01 99 00 12 34", "+33199001234"),
        ("0692 12 34 56", "+262692123456"),
        ("+262 692 12 34 56", "+262692123456"),
        ("+262 0692 12 34 56", "+262692123456"),
        ("+33 6 92 12 34 56", "+262692123456"),
        ("0639 01 02 03", "+262639010203"),
        ("+262 262 12 34 56", "+262262123456"),
        ("0690 12 34 56", "+590690123456"),
        ("0594 12 34 56", "+594594123456"),
        ("0696 12 34 56", "+596696123456"),
        ("+32 470 12 34 56", "+32470123456"),
        ("00213 551 23 45 67", "+213551234567"),
        ("+1 613 555 0123", "+16135550123"),
    ],
)
def test_a_number_has_one_spelling(typed: str, number: str) -> None:
    assert facts.phone(typed) == number
    assert facts.phone(number) == number


NOT_NUMBERS = """
115, 3646, 06 39 98 00, 06 39 98 00 01 2, 639980001, 33639980001, +33 6 39 98, 06 39 98 00 01 (sa sœur)
+, 00, +0 123 456 789, 0006 39 98 00 01, +1234567890123456
"""


@pytest.mark.parametrize("typed", ["", *NOT_NUMBERS.replace("\n", ", ").split(", ")])
def test_what_cannot_be_dialled_is_no_number(typed: str) -> None:
    with pytest.raises(NotAFact):
        facts.phone(typed)


@pytest.mark.parametrize("typed", ["Amina@Exemple.Test", " amina@exemple.test ", "ＡＭＩＮＡ@exemple.test"])
def test_an_address_has_one_spelling(typed: str) -> None:
    assert facts.email(typed) == "amina@exemple.test"


@pytest.mark.parametrize(
    "typed", ["1234567", "12 345 67", "SI-SIAO n° 1234567", "si siao 1234567", "١٢٣٤٥٦٧"]
)
def test_a_number_of_the_siao_has_one_spelling(typed: str) -> None:
    assert facts.siao(typed) == "1234567"


@pytest.mark.parametrize("typed", ["", "123", "1234567890123", "A1234567"])
def test_what_is_no_number_of_the_siao(typed: str) -> None:
    with pytest.raises(NotAFact):
        facts.siao(typed)


def test_a_birth_and_a_name_that_sound_the_same_are_one_fact() -> None:
    known = facts.born("Mohamed Ben Salah", "1990-05-01")
    assert facts.born("MUHAMMAD", "1990-05-01") & known
    assert facts.born("Bensalah", "1990-05-01") & known
    assert not facts.born("Mohamed", "1990-05-02") & known
    assert not facts.born("Mahmoud", "1990-05-01") & known


@pytest.mark.parametrize("birth", ["", "1990", "1990-05", "1990-05-01 "])
def test_without_a_whole_date_there_is_no_such_fact(birth: str) -> None:
    assert facts.born("Mohamed", birth) == set()


def test_the_kinds_of_tokens_are_those_of_the_year_in_paris_and_of_the_one_before() -> None:
    with time_machine.travel("2026-12-31T22:59:00Z"):
        assert facts.kinds("names") == ("names-2026", "names-2025")
    with time_machine.travel("2026-12-31T23:01:00Z"):
        assert facts.kinds("names") == ("names-2027", "names-2026")


@pytest.mark.usefixtures("keeper")
def test_another_year_gives_another_token() -> None:
    this_year, last_year = (
        sealing.blind(None, kind, facts.phone("06 39 98 00 01")) for kind in facts.kinds("phone")
    )
    assert this_year != last_year
