"""Identifiers: uuid7 everywhere, so that rows sort by their birth and nobody can guess the next one."""

from __future__ import annotations

import secrets
import time
from uuid import UUID


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
