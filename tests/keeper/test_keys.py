"""Derivations are exactly those of the design, and a wrapped key opens one part of one person only."""

import hashlib
import hmac
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from havre.keeper import keys
from havre.keeper.keys import ShredKeys

AMINA = ShredKeys(b"p" * 32, b"f" * 32)


def hkdf(key: bytes, info: bytes) -> bytes:
    """RFC 5869 with SHA-256, no salt, 32 bytes: one round of expansion."""
    extracted = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


@pytest.mark.parametrize("part", sorted(keys.PARTS))
def test_a_part_has_the_key_of_its_label(part: str) -> None:
    assert keys.part_key(AMINA, part) == hkdf(AMINA.papers, f"papers/{part}".encode())


@pytest.mark.parametrize("name", ["names", "papers", "contacts", "notes", "messages", "private"])
def test_a_class_of_fields_has_the_key_of_its_label(name: str) -> None:
    assert name in keys.FIELD_CLASSES
    assert keys.fields_key(AMINA, name) == hkdf(AMINA.fields, f"fields/{name}".encode())


def test_all_the_keys_of_a_person_differ() -> None:
    derived = [keys.part_key(AMINA, part) for part in keys.PARTS]
    derived += [keys.fields_key(AMINA, name) for name in keys.FIELD_CLASSES]
    assert len(set(derived)) == len(keys.PARTS) + len(keys.FIELD_CLASSES)


def test_a_wrapped_key_opens_under_its_own_key_only() -> None:
    dek, wrapped = keys.new_wrapped(keys.part_key(AMINA, "shared"))
    assert len(wrapped) == keys.WRAPPED_BYTES
    assert keys.unwrap(keys.part_key(AMINA, "shared"), wrapped) == dek
    with pytest.raises(keys.WrongKey):
        keys.unwrap(keys.part_key(AMINA, "private"), wrapped)


@given(at=st.integers(0, keys.WRAPPED_BYTES - 1), bit=st.integers(0, 7))
def test_any_changed_bit_of_a_wrapped_key_is_refused(at: int, bit: int) -> None:
    key = bytes(32)
    wrapped = bytearray(keys.new_wrapped(key)[1])
    wrapped[at] ^= 1 << bit
    with pytest.raises(keys.WrongKey):
        keys.unwrap(key, bytes(wrapped))


@given(st.binary(max_size=100))
def test_any_other_bytes_are_refused_as_a_wrapped_key(junk: bytes) -> None:
    with pytest.raises(keys.WrongKey):
        keys.unwrap(bytes(32), junk)


def test_tokens_differ_by_scope_kind_and_root() -> None:
    root, scope = os.urandom(32), os.urandom(16)
    made = {
        keys.token(keys.token_key(*asked), b"+33600000000")
        for asked in [
            (root, b"", "phone"),
            (root, scope, "phone"),
            (root, b"", "mail"),
            (bytes(32), b"", "phone"),
        ]
    }
    assert len(made) == 4
