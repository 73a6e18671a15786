"""Writing and closing work items, in the transaction of the act that causes it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.utils import timezone

from havre.inbox.models import WorkItem


def ask(
    kind: str, *, structure: UUID, object_id: UUID, due: datetime | None = None, person: UUID | None = None
) -> WorkItem:
    """Put something on a structure's list; asking again for the same thing changes nothing."""
    item, _ = WorkItem.objects.get_or_create(
        kind=kind,
        structure=structure,
        object_id=object_id,
        done_at=None,
        defaults={"due": due or timezone.now(), "person": person},
    )
    return item


def ask_once(
    kind: str, *, structure: UUID, object_id: UUID, due: datetime | None = None, person: UUID | None = None
) -> None:
    """As `ask`, for what the clock finds again and again: once it has been closed, it does not come back."""
    if not WorkItem.objects.filter(kind=kind, structure=structure, object_id=object_id).exists():
        ask(kind, structure=structure, object_id=object_id, due=due, person=person)


def done(kind: str, *, object_id: UUID, by: UUID | None, structure: UUID | None = None) -> int:
    """Close what was asked about an object (for one structure, or for all); answers how many items."""
    items = WorkItem.objects.filter(kind=kind, object_id=object_id, done_at=None)
    if structure is not None:
        items = items.filter(structure=structure)
    return items.update(done_at=timezone.now(), done_by=by)


def close(item: WorkItem, *, by: UUID) -> bool:
    """Close one item; False when somebody else did so first."""
    return bool(WorkItem.objects.filter(pk=item.pk, done_at=None).update(done_at=timezone.now(), done_by=by))
