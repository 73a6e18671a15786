"""Closing a work item."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from havre.accounts.doors import professionals
from havre.inbox import access, actions, kinds


@professionals
@require_POST
def done(request: HttpRequest, id: UUID) -> HttpResponse:
    """Say that an item is done; the roles that hold records may."""
    structures = request.seat.structures(*kinds.ROLES)  # type: ignore[attr-defined]
    item = get_object_or_404(access.closable(structures), pk=id)
    actions.close(item, by=request.user.pk)
    messages.success(request, _("C’est fait. La ligne est retirée de la liste."))
    return redirect("pro")
