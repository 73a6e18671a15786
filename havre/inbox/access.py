"""Which work items a user may close by hand: those of the structures they sit in, but what closes elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from havre.inbox import kinds
from havre.inbox.models import WorkItem


def closable(structures: Iterable[UUID]) -> QuerySet[WorkItem]:
    waiting = WorkItem.objects.filter(structure__in=list(structures), done_at=None)
    return waiting.exclude(kind__in=kinds.not_by_hand())
