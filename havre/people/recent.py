"""The records that somebody has just looked at: their identifiers, in the session, for the start page."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest

KEY = "recent-people"
MOST = 5


def note(request: HttpRequest, person: UUID) -> None:
    """Put a person first among the recent ones."""
    known = [str(person)] + [one for one in request.session.get(KEY, []) if one != str(person)]
    if known != request.session.get(KEY):
        request.session[KEY] = known[:MOST]


def ids(request: HttpRequest) -> list[UUID]:
    """The recent people, the last one first."""
    return [UUID(one) for one in request.session.get(KEY, [])]
