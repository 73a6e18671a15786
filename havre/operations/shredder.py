"""How this app's personal data is kept, given back and erased: identifiers alone, of a person or of an account."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q

from havre.core.shredding import Shredder
from havre.operations.models import Alarm, Loss


def _about(id: UUID) -> Q:
    return Q(subject=id) | Q(actor__endswith=f":{id}")


def _export_alarms(id: UUID) -> list[dict[str, Any]]:
    return [{"at": row.at.isoformat(), "what": row.what} for row in Alarm.objects.filter(_about(id))]


def _forget(id: UUID) -> int:
    """The alarm stays, without whom it was about."""
    return Alarm.objects.filter(_about(id)).update(subject=None, actor="")


SHREDDERS = [
    Shredder(
        "operations.alarm",
        "A year, then until the operator has seen it (`tasks.KEPT`), purged every day.",
        _export_alarms,
        _forget,
    ),
    Shredder(
        "operations.loss",
        "Until the keeper has their keys again, or they are erased.",
        lambda id: [{"why": row.why} for row in Loss.objects.filter(subject=id)],
        lambda id: Loss.objects.filter(subject=id).delete()[0],
    ),
]
