"""What every template knows of the page: its language, direction and who is in the seat."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language, get_language_bidi


def page(request: HttpRequest) -> dict[str, Any]:
    """`language`, `dir`, `languages` [(code, own name)], `demo`, `seat` (None when nobody is signed in)."""
    return {
        "language": get_language() or settings.LANGUAGE_CODE,
        "dir": "rtl" if get_language_bidi() else "ltr",
        "languages": settings.LANGUAGES,
        "demo": settings.DEMO,
        "seat": getattr(request, "seat", None),
    }
