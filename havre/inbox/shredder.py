"""How this app's personal data is kept, given back and erased."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from havre.core.shredding import Shredder
from havre.inbox.models import WorkItem

DONE_KEPT = timedelta(days=180)


def purge_done() -> int:
    """Remove items that have been done for six months."""
    return WorkItem.objects.filter(done_at__lt=timezone.now() - DONE_KEPT).delete()[0]


def _export(id: UUID) -> list[dict[str, Any]]:
    return [{"kind": row.kind, "due": row.due.isoformat()} for row in WorkItem.objects.filter(person=id)]


SHREDDERS = [
    Shredder(
        "inbox.workitem",
        "Until done, then six months (`DONE_KEPT`), purged every day.",
        _export,
        lambda id: WorkItem.objects.filter(person=id).delete()[0],
    )
]
