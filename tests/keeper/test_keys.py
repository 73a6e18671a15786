"""Key derivations: each part and class has its own key, a wrapped key opens for one subject, part and epoch only."""

import hashlib
import hmac
import os

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from hypothesis import given
from hypothesis import strategies as st

from havre.keeper import keys
from havre.keeper.keys import ShredKeys

AMINA = ShredKeys(b"p" * 32, b"f" * 32)
BRUNO = ShredKeys(b"q" * 32, b"g" * 32)
EPOCH = AMINA.at(3)


def hkdf(key: bytes, info: bytes) -> bytes:
    """RFC 5869 with SHA-256, no salt, 32 bytes: one round of expansion."""
    extracted = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


@pytest.mark.parametrize("part", sorted(keys.PARTS))
def test_a_part_wraps_under_the_key_of_its_label(part: str) -> None:
    dek = keys.new_dek()
    wrapped = keys.wrap(AMINA, part, dek)
    assert wrapped[:4] == bytes(4)
    assert aes_key_unwrap(hkdf(AMINA.papers, f"papers/{part}".encode()), wrapped[4:]) == dek


@pytest.mark.parametrize("name", ["names", "papers", "contacts", "notes", "messages", "private"])
def test_a_class_of_fields_has_the_key_of_its_label(name: str) -> None:
    assert name in keys.FIELD_CLASSES
    assert keys.fields_key(AMINA, name) == hkdf(AMINA.fields, f"fields/{name}".encode())


def test_all_the_field_keys_of_a_person_differ() -> None:
    assert len({keys.fields_key(AMINA, name) for name in keys.FIELD_CLASSES}) == len(keys.FIELD_CLASSES)


def test_the_next_epoch_is_derived_from_the_one_before_and_the_fields_stay() -> None:
    later = AMINA.ratcheted()
    assert later.papers == hkdf(AMINA.papers, b"papers/next")
    assert (later.epoch, later.previous, later.fields) == (1, AMINA.papers, AMINA.fields)
    assert later.settled() == ShredKeys(later.papers, AMINA.fields, 1)
    assert AMINA.at(3) == AMINA.ratcheted().settled().ratcheted().ratcheted().settled()
    assert AMINA.at(0) == AMINA
    assert later.at(1) == later.settled()


def test_while_a_ratchet_is_pending_both_epochs_open_then_the_new_one_only() -> None:
    dek = keys.new_dek()
    old = keys.wrap(AMINA, "shared", dek)
    pending = AMINA.ratcheted()
    new = keys.wrap(pending, "shared", dek)
    assert keys.unwrap(pending, "shared", old) == keys.unwrap(pending, "shared", new) == dek
    assert (pending.oldest_epoch, pending.settled().oldest_epoch) == (0, 1)
    assert keys.unwrap(pending.settled(), "shared", new) == dek
    for own, wrapped in ((pending.settled(), old), (AMINA, new)):
        with pytest.raises(keys.WrongKey):
            keys.unwrap(own, "shared", wrapped)


@pytest.mark.parametrize(
    ("own", "part"),
    [(EPOCH, "private"), (BRUNO.at(3), "shared"), (AMINA.at(2), "shared"), (AMINA.at(4), "shared")],
)
def test_a_wrapped_key_opens_for_its_own_subject_part_and_epoch_only(own: ShredKeys, part: str) -> None:
    wrapped = keys.wrap(EPOCH, "shared", keys.new_dek())
    with pytest.raises(keys.WrongKey):
        keys.unwrap(own, part, wrapped)


def test_every_changed_bit_of_a_wrapped_key_is_refused() -> None:
    wrapped = keys.wrap(EPOCH, "shared", keys.new_dek())
    assert len(wrapped) == keys.WRAPPED_BYTES
    for at in range(8 * len(wrapped)):
        altered = bytearray(wrapped)
        altered[at // 8] ^= 1 << at % 8
        for own in (EPOCH, EPOCH.ratcheted()):
            with pytest.raises(keys.WrongKey):
                keys.unwrap(own, "shared", bytes(altered))


@given(st.binary(max_size=100))
def test_any_other_bytes_are_refused_as_a_wrapped_key(junk: bytes) -> None:
    with pytest.raises(keys.WrongKey):
        keys.unwrap(AMINA, "shared", junk)


@given(st.binary(min_size=40, max_size=40), st.integers(0, 4))
def test_no_guess_opens_as_a_wrapped_key(junk: bytes, epoch: int) -> None:
    with pytest.raises(keys.WrongKey):
        keys.unwrap(EPOCH.ratcheted(), "shared", epoch.to_bytes(4) + junk)


def test_a_record_holds_all_the_keys_pending_or_not() -> None:
    for own in (AMINA, AMINA.ratcheted(), EPOCH, EPOCH.ratcheted()):
        assert len(own.packed()) == keys.PACKED_BYTES
        assert ShredKeys.unpacked(own.packed()) == own


def test_new_keys_are_random() -> None:
    made = [ShredKeys.new() for _ in range(3)]
    assert len({key for one in made for key in (one.papers, one.fields)}) == 6
    assert {(one.epoch, one.previous) for one in made} == {(0, b"")}


def test_a_shred_key_never_shows_in_a_repr() -> None:
    assert repr(AMINA.ratcheted()) == "ShredKeys(epoch=1)"


def test_tokens_differ_by_scope_kind_and_house() -> None:
    master, scope = os.urandom(32), os.urandom(16)
    asked = [
        (master, b"", "phone"),
        (master, scope, "phone"),
        (master, b"", "mail"),
        (bytes(32), b"", "phone"),
    ]
    made = {keys.token(keys.token_key(*one), b"+33600000000") for one in asked}
    assert len(made) == 4
    assert keys.token_key(master, b"", "phone") == hkdf(master, b"tokens/all/phone")
    assert keys.token_key(master, scope, "phone") == hkdf(master, f"tokens/{scope.hex()}/phone".encode())


def test_a_pepper_has_the_key_of_its_kind() -> None:
    assert keys.pepper_key(bytes(32), "pin") == hkdf(bytes(32), b"pepper/pin")
    assert keys.token(b"k", b"1234") == hmac.new(b"k", b"1234", hashlib.sha256).digest()
