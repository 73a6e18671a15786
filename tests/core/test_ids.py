"""Identifiers: version 7, sorted by their birth, impossible to guess."""

from __future__ import annotations

import time
from uuid import RFC_4122, UUID

import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

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
