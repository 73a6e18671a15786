"""The operator's room: how the keeper is, what it said, who is lost. Nobody's name or paper is read here."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from havre.operations import actions, queries
from havre.operations.models import Alarm
from havre.organisations.doors import ProRequest, operators


@operators
@require_http_methods(["GET", "HEAD"])
def instance(request: ProRequest) -> HttpResponse:
    """L'instance."""
    alarms, more = queries.waiting_alarms()
    lost, lost_in_all = queries.losses()
    context = {
        "keeper": queries.keeper(),
        "last_seen": queries.last_seen(),
        "conditions": queries.conditions(),
        "alarms": alarms,
        "more": more,
        "lost": lost,
        "lost_in_all": lost_in_all,
        "some_may_come_back": queries.some_may_come_back(),
    }
    return render(request, "operations/instance.html", context)


@operators
@require_POST
def alarm_seen(request: ProRequest, id: UUID) -> HttpResponse:
    """Say that an alarm was dealt with."""
    actions.mark_seen(get_object_or_404(Alarm, pk=id), by=request.user)
    messages.success(request, _("C’est noté. L’alerte est retirée de la liste."))
    return redirect(f"{reverse('instance')}#alertes")
