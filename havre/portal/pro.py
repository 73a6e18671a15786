"""The Espace pro's start page: what is to be done now, the most overdue first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from havre.accounts.doors import SignedInRequest, signed_in
from havre.accounts.models import User
from havre.inbox import access, actions, kinds
from havre.inbox import queries as inbox
from havre.inbox.models import WorkItem
from havre.organisations.doors import ProRequest
from havre.people import queries as people
from havre.people import recent

SHOWN = 50


@dataclass(frozen=True)
class Row:
    """One line of the list: whom it is about, why it is there, since when it is late, where it is done."""

    item: WorkItem
    name: str
    reason: Any
    url: str
    late: bool
    by_hand: bool


@signed_in
@require_http_methods(["GET", "HEAD"])
def pro(request: SignedInRequest) -> HttpResponse:
    """The start page of who is signed in; without a team there is nothing to do here but to leave."""
    seated = cast(ProRequest, request)
    if not seated.seat.memberships and not seated.seat.is_operator:
        return render(request, "portal/pro/no_team.html")
    return _to_do(seated)


def _to_do(request: ProRequest) -> HttpResponse:
    """À faire maintenant."""
    mine = request.seat.desks
    items = list(inbox.to_do(mine)[: SHOWN + 1]) if mine else []
    context = {
        "rows": _rows(items[:SHOWN], request.user),
        "more": len(items) > SHOWN,
        "recent": people.recent(recent.ids(request), request.user) if request.seat.sees_people else [],
    }
    return render(request, "portal/pro/home.html", context)


def _rows(items: list[WorkItem], user: User) -> list[Row]:
    names = people.names_of({item.person for item in items if item.person}, user) if items else {}
    reasons, now = kinds.reasons(items), timezone.now()
    return [
        Row(
            item,
            names.get(item.person, "") if item.person else "",
            reasons[item.kind, item.object_id],
            kind.url(item),
            late=item.due < now,
            by_hand=kind.by_hand,
        )
        for item in items
        if (kind := kinds.of(item))
    ]


@signed_in
@require_POST
def done(request: SignedInRequest, id: UUID) -> HttpResponse:
    """Say that an item is done."""
    item = get_object_or_404(access.closable(cast(ProRequest, request).seat.desks), pk=id)
    actions.close(item, by=request.user.pk)
    messages.success(request, _("C’est fait. La ligne est retirée de la liste."))
    return redirect("pro")
