"""How this app's personal data is kept, given back and erased."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from havre.core.shredding import Shredder
from havre.outbox.actions import file_of
from havre.outbox.models import Message, State

OVER_KEPT = timedelta(days=90)


def purge_over() -> int:
    """Remove messages, and their sealed files, that left or expired three months ago."""
    over = Message.objects.filter(state__in=[State.SENT, State.EXPIRED])
    return _remove(over.filter(created_at__lt=timezone.now() - OVER_KEPT))


def _remove(messages: QuerySet[Message]) -> int:
    for message in messages:
        file_of(message).unlink(missing_ok=True)
    return messages.delete()[0]


def _export(id: UUID) -> list[dict[str, Any]]:
    rows = Message.objects.filter(subject=id)
    return [{"notice": row.notice, "state": row.state, "at": row.created_at.isoformat()} for row in rows]


SHREDDERS = [
    Shredder(
        "outbox.message",
        "Three months after it left or expired (`OVER_KEPT`), purged every day.",
        _export,
        lambda id: _remove(Message.objects.filter(subject=id)),
    )
]
