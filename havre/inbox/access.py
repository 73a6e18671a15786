"""Which work items a user may close: those of the structures they sit in."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from havre.inbox.models import WorkItem


def closable(structures: Iterable[UUID]) -> QuerySet[WorkItem]:
    return WorkItem.objects.filter(structure__in=list(structures), done_at=None)
