"""How passwords are kept: Argon2id, sized so that a sign-in never starves the pages (`foundations.md`)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import Argon2PasswordHasher

_at_once = threading.BoundedSemaphore(2)
PATIENCE = 1.0  # seconds: a flood of sign-ins must not hold the threads that serve pages


class Busy(Exception):
    """Too many passwords are being checked at once; try again in a moment."""


@contextmanager
def _turn() -> Iterator[None]:
    if not _at_once.acquire(timeout=PATIENCE):
        raise Busy
    try:
        yield
    finally:
        _at_once.release()


class Argon2id(Argon2PasswordHasher):
    """Argon2id with 19 MiB and two passes (OWASP's first choice), at most two at a time."""

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _turn():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _turn():
            return super().verify(password, encoded)
