"""Who is there: the session's user, unless the session has ended; then what they were sending is kept as a draft."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.contrib import auth, messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from havre.accounts import drafts, sessions
from havre.accounts.models import Session, User
from havre.accounts.sessions import SessionStore
from havre.core.arrivals import sender

ENDED = "X-Havre-Ended"  # told by an open page that is asked after the end
POLL = "X-Havre-Poll"  # sent by a page that looks again by itself: nobody is there
LEAVING = "X-Havre-Leaving"  # sent by havre.js when nobody has touched the page for too long

type Handler = Callable[[HttpRequest], HttpResponse]


class sign_in:  # noqa: N801 -- Django's middlewares are callables; this one also has a view hook
    """Sets `request.user`, ends idle sessions, and keeps as a draft what arrives after the end."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.lapsed = None  # type: ignore[attr-defined]
        user, row = _visitor(request)
        if user is not None and row is not None:
            now = timezone.now()
            if sessions.ended(row, now):
                request.lapsed = user.pk  # type: ignore[attr-defined]
                user = None
            elif not request.headers.get(POLL):
                sessions.note_visit(row, now)
        request.user = AnonymousUser() if user is None else user
        response = self.get_response(request)
        if request.lapsed is not None:  # type: ignore[attr-defined]
            response.headers[ENDED] = "1"  # havre.js: "I stay" comes too late
        if response.status_code < 400:
            drafts.forget(request)
        return response

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: object
    ) -> HttpResponse | None:
        if request.headers.get(LEAVING) and request.method == "POST":
            return _left(request)
        if getattr(view, "open_to_all", False):
            return None
        lapsed = request.lapsed  # type: ignore[attr-defined]
        if lapsed is None:
            return None
        if request.method == "POST":
            drafts.keep(User.objects.get(pk=lapsed), request)
        _end(request)
        messages.warning(request, _("Votre session est finie. Ce que vous avez écrit est gardé."))
        return to_sign_in(request)


def _end(request: HttpRequest) -> None:
    """The session goes once what came after its end is safe; until then the same page can be sent again."""
    if request.lapsed is not None:  # type: ignore[attr-defined]
        request.session.flush()
        request.lapsed = None  # type: ignore[attr-defined]


def _left(request: HttpRequest) -> HttpResponse:
    """A page whose time is over sends what was typed, to be kept and not to be done; then the session ends."""
    author = sender(request)
    if author is not None:
        user = User.objects.get(pk=author)
        drafts.keep(user, request)
        auth.logout(request)
        messages.warning(request, _("Votre session est finie. Ce que vous avez écrit est gardé."))
    return HttpResponse(status=204)


def _visitor(request: HttpRequest) -> tuple[User | None, Session | None]:
    """The user of the request's session and its row; nobody when the account or its password has changed since."""
    session = cast(SessionStore, request.session)
    if not session.session_key or auth.SESSION_KEY not in session or session.row is None:
        return None, None
    user = session.row.user
    if user is None or not user.is_active or str(user.pk) != session[auth.SESSION_KEY]:
        return None, None
    same_password = constant_time_compare(session[auth.HASH_SESSION_KEY], user.get_session_auth_hash())
    return (user, session.row) if same_password else (None, None)


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Go and sign in, then come back to this page."""
    address = f"{reverse('sign-in')}?{urlencode({'next': _page_to_come_back_to(request)})}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def _page_to_come_back_to(request: HttpRequest) -> str:
    """This page, or the one whose button was pressed (an address that only takes posts shows nothing)."""
    referrer = urlsplit(request.headers.get("Referer", ""))
    if request.method == "POST" and referrer.netloc == request.get_host():
        return urlunsplit(("", "", referrer.path, referrer.query, ""))
    return request.get_full_path()
