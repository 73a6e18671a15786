"""Short texts sealed in the database: names, titles, notes, messages.

Layout: version u8 = 1 | nonce 12 | AES-256-GCM of the padded text, with its tag 16. The associated data are
the version byte then the caller's context (`table|column|row id`), so a value moved to another row does not
open. Padding: 0x80 then zeros up to a multiple of 16 bytes (ISO/IEC 7816-4), at least one byte.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12
_BLOCK = 16
_OVERHEAD = len(_VERSION) + _NONCE_BYTES + 16


class FieldDamaged(Exception):
    """The value was altered, moved, or sealed under another key."""


def seal_text(key: bytes, context: bytes, text: str) -> bytes:
    """Seal `text` under a 32-byte key; 29 bytes more than its UTF-8 length rounded up to the next 16.

    ValueError when the key is not 32 bytes or the text holds a lone surrogate.
    """
    clear = text.encode() + b"\x80"
    nonce = os.urandom(_NONCE_BYTES)
    padded = clear + bytes(-len(clear) % _BLOCK)
    return _VERSION + nonce + _aead(key).encrypt(nonce, padded, _VERSION + context)


def open_text(key: bytes, context: bytes, sealed: bytes) -> str:
    """The text sealed under this key and context, or FieldDamaged; ValueError unless the key is 32 bytes."""
    aead = _aead(key)
    if len(sealed) < _OVERHEAD + _BLOCK or sealed[:1] != _VERSION:
        raise FieldDamaged("This value is not a sealed text.")
    nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        padded = aead.decrypt(nonce, body, _VERSION + context)
    except InvalidTag:
        raise FieldDamaged("This value was altered, moved, or sealed under another key.") from None
    clear, mark, _ = padded.rpartition(b"\x80")
    if not mark:
        raise FieldDamaged("This value has no end mark.")
    return clear.decode()


def _aead(key: bytes) -> AESGCM:
    if len(key) != KEY_BYTES:
        raise ValueError(f"A field key is {KEY_BYTES} bytes.")
    return AESGCM(key)
