"""Sealed texts: opened in their own place only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from havre.core.fieldseal import FieldDamaged, open_text, seal_text

KEY = bytes(range(32))
PLACE = b"people_person|sealed_name|0190"


@given(text=st.text(), context=st.binary(max_size=60))
def test_any_text_comes_back(text: str, context: bytes) -> None:
    assert open_text(KEY, context, seal_text(KEY, context, text)) == text


@given(text=st.text(max_size=40), where=st.data())
def test_any_single_changed_bit_is_detected(text: str, where: st.DataObject) -> None:
    sealed = bytearray(seal_text(KEY, PLACE, text))
    sealed[where.draw(st.integers(0, len(sealed) - 1))] ^= 1 << where.draw(st.integers(0, 7))
    with pytest.raises(FieldDamaged):
        open_text(KEY, PLACE, bytes(sealed))


def test_a_cut_or_longer_value_is_detected() -> None:
    sealed = seal_text(KEY, PLACE, "Amina")
    for altered in [*(sealed[:end] for end in range(len(sealed))), sealed + b"\0"]:
        with pytest.raises(FieldDamaged):
            open_text(KEY, PLACE, altered)


@pytest.mark.parametrize(("key", "context"), [(bytes(32), PLACE), (KEY, b"people_person|sealed_name|0191")])
def test_a_value_moved_to_another_row_or_key_is_refused(key: bytes, context: bytes) -> None:
    with pytest.raises(FieldDamaged):
        open_text(key, context, seal_text(KEY, PLACE, "Amina"))


def test_texts_of_close_lengths_look_alike() -> None:
    assert {len(seal_text(KEY, PLACE, "a" * size)) for size in range(16)} == {45}
    assert len(seal_text(KEY, PLACE, "a" * 16)) == 61


def test_equal_texts_never_look_alike() -> None:
    assert seal_text(KEY, PLACE, "Amina") != seal_text(KEY, PLACE, "Amina")


def test_a_key_of_a_wrong_length_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        seal_text(bytes(16), PLACE, "Amina")
    with pytest.raises(ValueError, match="32 bytes"):
        open_text(bytes(31), PLACE, b"")


def test_a_value_sealed_by_the_first_release_still_opens() -> None:
    sealed = bytes.fromhex(
        "01b9d827757f0d20757e8552ef489c49a2c574a5308f01e412028c1b0f6ce7d59591d0846e7c57a5142618ba55a90189e8e5518eb3176d9bf60699224f"
    )
    assert open_text(KEY, PLACE, sealed) == "Aïcha 阿依莎"
