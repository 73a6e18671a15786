"""The doors of those who sit in a structure, and of who operates the instance."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, cast

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django_htmx.middleware import HtmxDetails

from havre.accounts.doors import SignedInRequest
from havre.accounts.middleware import to_sign_in
from havre.organisations.middleware import Seat


class ProRequest(SignedInRequest):
    """A request by a professional: their user, their seat, and whether htmx asks."""

    seat: Seat
    htmx: HtmxDetails


type View[**P] = Callable[Concatenate[ProRequest, P], HttpResponseBase]
type Guarded[**P] = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def professionals[**P](view: View[P]) -> Guarded[P]:
    """Signed-in professionals who belong to a structure today; other users see nothing here (404)."""
    return _door("professionals", lambda seat: bool(seat.memberships), view)


def operators[**P](view: View[P]) -> Guarded[P]:
    """Those who operate the instance today; for other users there is nothing here (404)."""
    return _door("operators", lambda seat: seat.is_operator, view)


def _door[**P](name: str, lets_in: Callable[[Seat], bool], view: View[P]) -> Guarded[P]:
    @functools.wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **options: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return to_sign_in(request)
        seated = cast(ProRequest, request)
        if not lets_in(seated.seat):
            raise Http404
        return view(seated, *args, **options)

    guarded.door = name  # type: ignore[attr-defined]
    return guarded
