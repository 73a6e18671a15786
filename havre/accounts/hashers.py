"""How passwords are kept: Argon2id, sized so that a sign-in never starves the pages (`foundations.md`)."""

from __future__ import annotations

import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

_at_once = threading.BoundedSemaphore(2)


class Argon2id(Argon2PasswordHasher):
    """Argon2id with 19 MiB and two passes (OWASP's first choice), at most two at a time."""

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _at_once:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _at_once:
            return super().verify(password, encoded)
