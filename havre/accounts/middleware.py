"""Who is there: the session's user, unless the session has ended; then what they were sending is kept as a draft."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from django.contrib import auth, messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from havre.accounts import drafts, sessions
from havre.accounts.models import User

type Handler = Callable[[HttpRequest], HttpResponse]


class sign_in:  # noqa: N801 -- Django's middlewares are callables; this one also has a view hook
    """Sets `request.user`, ends idle sessions, and keeps as a draft what arrives after the end."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.lapsed = None  # type: ignore[attr-defined]
        user = auth.get_user(request) if request.session.session_key else AnonymousUser()
        row = getattr(request.session, "row", None)
        if user.is_authenticated and row is not None:
            now = timezone.now()
            if sessions.ended(row, now):
                request.lapsed = user.pk  # type: ignore[attr-defined]
                request.session.flush()
                user = AnonymousUser()
            else:
                sessions.note_visit(row, now)
        request.user = user
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: object
    ) -> HttpResponse | None:
        lapsed = request.lapsed  # type: ignore[attr-defined]
        if lapsed is None or getattr(view, "open_to_all", False):
            return None
        messages.warning(request, _("Votre session est finie. Ce que vous avez écrit est gardé."))
        if request.method == "POST":
            drafts.keep(User.objects.get(pk=lapsed), request)
        return to_sign_in(request)


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Go and sign in, then come back to this page."""
    address = f"{reverse('sign-in')}?{urlencode({'next': request.get_full_path()})}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)
