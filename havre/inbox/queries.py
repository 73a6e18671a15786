"""Reading the inbox."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import FETCH_RAISE, QuerySet

from havre.inbox.models import WorkItem


def to_do(structures: Iterable[UUID]) -> QuerySet[WorkItem]:
    """What is to be done by these structures, the most overdue first."""
    return (
        WorkItem.objects.filter(structure__in=list(structures), done_at=None)
        .order_by("due", "id")
        .fetch_mode(FETCH_RAISE)
    )
