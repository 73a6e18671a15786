"""Identifiers: uuid7 everywhere, so that rows sort by their birth and nobody can guess the next one.

References are for people to say and type: 8 random signs that are not taken for each other, then a check sign.
"""

from __future__ import annotations

import secrets
import time
import unicodedata
from uuid import UUID

_SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # 31, a prime: a wrong sign or two exchanged neighbours never pass
_DRAWN = 8


def uuid7() -> UUID:
    """A new UUID of version 7: 48 bits of Unix milliseconds, then 74 random bits (RFC 9562 §5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def is_uuid(text: str) -> bool:
    """Whether a text is written as a UUID."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def reference() -> str:
    """A new random reference, of 9 signs; one in 850 thousand million."""
    drawn = "".join(secrets.choice(_SIGNS) for _ in range(_DRAWN))
    return drawn + _check_sign(drawn)


def read_reference(text: str) -> str | None:
    """The reference that somebody typed, in any case, spacing and digits; None when it cannot be one."""
    signs = "".join(str(unicodedata.decimal(sign, sign)) for sign in text.upper() if sign.isalnum())
    drawn = signs[:_DRAWN]
    right = len(signs) == _DRAWN + 1 and set(signs) <= set(_SIGNS) and signs[-1] == _check_sign(drawn)
    return signs if right else None


def spelled(reference: str) -> str:
    """A reference in groups of three, as it is shown and said."""
    return " ".join(reference[start : start + 3] for start in range(0, len(reference), 3))


def _check_sign(drawn: str) -> str:
    return _SIGNS[sum(weight * _SIGNS.index(sign) for weight, sign in enumerate(drawn, 1)) % len(_SIGNS)]
