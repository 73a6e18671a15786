"""Identifiers: version 7, sorted by their birth, impossible to guess."""

from __future__ import annotations

import time
from uuid import RFC_4122, UUID

import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from havre.core import ids
from havre.core.ids import is_uuid, uuid7
from tests.conftest import NOW


def test_an_identifier_says_its_version_its_variant_and_its_birth() -> None:
    for _one in range(50):
        before = time.time_ns() // 1_000_000
        made = uuid7()
        assert (made.version, made.variant) == (7, RFC_4122)
        assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_identifiers_sort_by_their_birth(clock: time_machine.Traveller) -> None:
    made = []
    for _one in range(50):
        made.append(uuid7())
        clock.shift(0.001)
    assert made == sorted(made)
    assert [str(one) for one in made] == sorted(str(one) for one in made)


def test_identifiers_of_one_instant_differ_in_every_random_bit() -> None:
    with time_machine.travel(NOW, tick=False):
        made = [uuid7().int for _one in range(200)]
    assert len(set(made)) == 200
    ones, zeros = 0, 0
    for one in made:
        ones |= one
        zeros |= ~one
    fixed = (0xF << 76) | (0x3 << 62)
    random = ((1 << 80) - 1) & ~fixed
    assert ones & zeros & random == random


@settings(deadline=None)
@given(st.uuids())
def test_any_identifier_is_recognised(made: UUID) -> None:
    assert is_uuid(str(made))


@settings(deadline=None)
@given(st.text(max_size=20))
def test_no_short_text_is_an_identifier(text: str) -> None:
    assert not is_uuid(text)


# --- references ---

SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def test_references_are_random_and_of_signs_that_are_not_taken_for_each_other() -> None:
    made = {ids.reference() for _one in range(500)}
    assert len(made) == 500
    assert {len(one) for one in made} == {9}
    assert set("".join(made)) == set(SIGNS)
    assert not set(SIGNS) & set("01ILO")


def test_a_reference_is_read_as_people_type_it() -> None:
    one = ids.reference()
    shown = ids.spelled(one)
    assert shown == f"{one[:3]} {one[3:6]} {one[6:]}"
    arabic = shown.translate(dict(zip(map(ord, "0123456789"), "٠١٢٣٤٥٦٧٨٩", strict=True)))
    for typed in (one, shown, shown.lower(), shown.replace(" ", "-"), f"  {shown}. ", arabic):
        assert ids.read_reference(typed) == one


def test_one_wrong_sign_or_two_exchanged_are_seen() -> None:
    for _one in range(20):
        right = ids.reference()
        for place in range(9):
            for sign in set(SIGNS) - {right[place]}:
                assert ids.read_reference(right[:place] + sign + right[place + 1 :]) is None
        for place in range(8):
            first, second = right[place], right[place + 1]
            wrong = right[:place] + second + first + right[place + 2 :]
            assert wrong == right or ids.read_reference(wrong) is None


@settings(deadline=None)
@given(st.text(max_size=12))
def test_any_text_is_a_reference_or_is_not(text: str) -> None:
    read = ids.read_reference(text)
    assert read is None or ids.read_reference(ids.spelled(read)) == read
