"""Signatures as strokes, the words of an accord, and its digest."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from havre.people import terms
from havre.people.signatures import MOST_POINTS, SIDE, NotASignature, path, strokes

POINT = st.tuples(st.integers(0, SIDE), st.integers(0, SIDE))
DRAWN = st.lists(st.lists(POINT, max_size=8), max_size=5).filter(lambda drawn: sum(map(len, drawn)) >= 4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 1005) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=30,
)


@settings(deadline=None)
@given(DRAWN)
def test_any_strokes_come_back_as_they_were_drawn(drawn: list[list[tuple[int, int]]]) -> None:
    assert strokes(json.dumps(drawn)) == drawn


@settings(deadline=None)
@given(st.text())
def test_no_text_is_a_fault(text: str) -> None:
    _only_strokes_or_a_refusal(text)


@settings(deadline=None)
@given(JSON | st.lists(st.lists(st.lists(JSON, min_size=2, max_size=2), max_size=4), max_size=3))
def test_no_json_is_a_fault(value: Any) -> None:
    _only_strokes_or_a_refusal(json.dumps(value))


def _only_strokes_or_a_refusal(text: str) -> None:
    try:
        drawn = strokes(text)
    except NotASignature:
        return
    assert all(
        type(number) is int and 0 <= number <= SIDE for line in drawn for point in line for number in point
    )
    assert set(path(drawn)) <= set("ML 0123456789")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 20_000,
        "[[[true,false],[true,false],[true,false],[true,false]]]",
        "[[[1,2],[3,4],[5,6],[7,1e400]]]",
        "[[[1,2],[3,4],[5,6],[7," + "9" * 5000 + "]]]",
        "[[[1,2],[3,4],[5,6],[7,-1]]]",
        "[[[1,2],[3,4],[5,6],[7,1001]]]",
        "[[[1,2],[3,4],[5,6],[7,8,9]]]",
    ],
    ids=["deep lists", "deep objects", "booleans", "infinite", "huge", "before", "beyond", "three numbers"],
)
def test_what_the_field_never_sends_is_refused(text: str) -> None:
    with pytest.raises(NotASignature):
        strokes(text)


def test_a_dot_is_too_short_and_a_novel_too_long() -> None:
    for count in (0, 3, MOST_POINTS + 1):
        with pytest.raises(NotASignature):
            strokes(json.dumps([[[1, 1]] * count]))
    assert len(strokes(json.dumps([[[1, 1]] * MOST_POINTS]))[0]) == MOST_POINTS


def test_a_path_draws_each_stroke() -> None:
    assert path([[(0, 0), (10, 20)], [], [(5, 5)]]) == "M0 0 L10 20 M5 5"


UNTIL = datetime(2027, 3, 16, 12, tzinfo=UTC)


def test_the_words_name_the_structures_and_the_last_day_in_each_language() -> None:
    said = {code: terms.words(code, structures=["Halte Exemple"], until=UNTIL) for code in ("fr", "en", "ar")}
    assert said["fr"].until == "Jusqu’au 16 mars 2027"
    assert all(word.structures == ["Halte Exemple"] and len(word.points) == 5 for word in said.values())
    assert len({word.title for word in said.values()}) == 3


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4), st.text(max_size=9), st.data())
def test_a_digest_holds_to_the_words_the_signature_and_the_salt(
    said: dict[str, str], signature: str, data: st.DataObject
) -> None:
    first = terms.digest(said, signature, "salt")
    reordered = dict(data.draw(st.permutations(list(said.items()))))
    assert terms.digest(reordered, signature, "salt") == first
    assert terms.digest(said | {"added": "word"}, signature, "salt") != first
    assert terms.digest(said, signature + ".", "salt") != first
    assert terms.digest(said, signature, "salt2") != first
    assert len(first) == 64
