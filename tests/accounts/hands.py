"""What somebody types to come in."""

from __future__ import annotations

import re
from typing import Any

import pyotp
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

PASSWORD = "cheval agrafe pile correcte"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def password(
    browser: Client, word: str = PASSWORD, *, email: str = "claire@exemple.test", **more: Any
) -> Any:
    return browser.post(reverse("sign-in"), {"email": email, "password": word, **more})


def code_now(steps: int = 0, *, secret: str = SECRET) -> str:
    return pyotp.TOTP(secret).at(int(timezone.now().timestamp()) + 30 * steps)


def code(browser: Client, digits: str | None = None, **more: Any) -> Any:
    return browser.post(reverse("sign-in-code"), {"code": code_now() if digits is None else digits, **more})


def words(answer: HttpResponse) -> str:
    """A page without what changes at every visit."""
    return re.sub(r'(name="csrfmiddlewaretoken" value=")[^"]+', r"\1", answer.content.decode())
