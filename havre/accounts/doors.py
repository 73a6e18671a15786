"""Which views are open to whom. A view without one of these marks fails the start of the tests."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from havre.accounts.middleware import to_sign_in

type View = Callable[..., HttpResponse]


def open_to_all(view: View) -> View:
    """Anyone, with or without an account."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


def signed_in(view: View) -> View:
    """Any signed-in user; others are asked to sign in."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return to_sign_in(request)
        return view(request, *args, **options)

    guarded.door = "signed-in"  # type: ignore[attr-defined]
    return guarded


def professionals(view: View) -> View:
    """Signed-in professionals who belong to a structure today; other users see nothing here (404)."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return to_sign_in(request)
        if not request.seat.memberships:  # type: ignore[attr-defined]
            raise Http404
        return view(request, *args, **options)

    guarded.door = "professionals"  # type: ignore[attr-defined]
    return guarded
