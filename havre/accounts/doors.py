"""Which views are open to whom. A view without a door fails the tests (`tests/guards`)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from havre.accounts.middleware import to_sign_in
from havre.accounts.models import User


class SignedInRequest(HttpRequest):
    """A request whose user is known."""

    user: User


def signed_in[**P](
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Any signed-in user; others are asked to sign in."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **options: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return to_sign_in(request)
        return view(cast(SignedInRequest, request), *args, **options)

    guarded.door = "signed-in"  # type: ignore[attr-defined]
    return guarded
