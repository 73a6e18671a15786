"""Key derivations: HKDF-SHA-256 (RFC 5869) by label, and the wrapping of papers' keys (AES-KW, RFC 3394).

A wrapped key is 44 bytes: epoch (u32, big-endian) then the 40 bytes of AES-KW. The epoch numbers the shred
key that wraps it; it is 0 until papers can be erased one by one.
"""

import hashlib
import hmac
import os
import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

KEY_BYTES = 32
EPOCH = 0
WRAPPED_BYTES = 4 + KEY_BYTES + 8
PARTS = frozenset({"shared", "private"})
FIELD_CLASSES = frozenset({"names", "papers", "contacts", "notes", "messages", "private"})
PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class ShredKeys:
    """The two random keys of one subject, which exist nowhere outside the keeper."""

    papers: bytes = field(repr=False)
    fields: bytes = field(repr=False)

    @classmethod
    def new(cls) -> "ShredKeys":
        """Two fresh keys from the system's generator."""
        return cls(os.urandom(KEY_BYTES), os.urandom(KEY_BYTES))


class WrongKey(Exception):
    """The wrapped key is damaged, of another subject or part, or of another epoch."""


def derive(key: bytes, label: str, salt: bytes = b"") -> bytes:
    """32 bytes of HKDF-SHA-256 with `label` as info."""
    return HKDF(SHA256(), KEY_BYTES, salt or None, label.encode()).derive(key)


def part_key(keys: ShredKeys, part: str) -> bytes:
    """The key that wraps the papers' keys of one part ("shared" or "private")."""
    return derive(keys.papers, f"papers/{part}")


def fields_key(keys: ShredKeys, field_class: str) -> bytes:
    """The key that seals one class of fields (see FIELD_CLASSES)."""
    return derive(keys.fields, f"fields/{field_class}")


def new_wrapped(key: bytes) -> tuple[bytes, bytes]:
    """A new 32-byte DEK and the same wrapped under `key` (WRAPPED_BYTES long)."""
    dek = os.urandom(KEY_BYTES)
    return dek, struct.pack(">I", EPOCH) + aes_key_wrap(key, dek)


def unwrap(key: bytes, wrapped: bytes) -> bytes:
    """The 32-byte DEK; WrongKey when `wrapped` was not made under `key` at this epoch."""
    if len(wrapped) != WRAPPED_BYTES or int.from_bytes(wrapped[:4]) != EPOCH:
        raise WrongKey
    try:
        return aes_key_unwrap(key, wrapped[4:])
    except InvalidUnwrap:
        raise WrongKey from None


def token_key(root: bytes, scope: bytes, kind: str) -> bytes:
    """The key of blind tokens for one scope (16 bytes, or none for the whole platform) and one kind."""
    return derive(root, f"tokens/{scope.hex() or 'all'}/{kind}")


def token(key: bytes, fact: bytes) -> bytes:
    """HMAC-SHA-256 of one fact, 32 bytes."""
    return hmac.digest(key, fact, hashlib.sha256)
