"""Writing the journal."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import models
from django.utils import timezone

from havre.audit import acts
from havre.audit.models import Entry

A_LOOK = timedelta(minutes=10)


def record_look(
    act: str, *, by: UUID, structure: UUID | None, person: UUID, on: models.Model, within: timedelta = A_LOOK
) -> None:
    """Write that somebody looked at something; looks at the same thing within ten minutes are one line."""
    seen = Entry.objects.filter(
        person=person, at__gt=timezone.now() - within, act=act, by=by, object_id=on.pk
    )
    if not seen.exists():
        record(act, by=by, structure=structure, person=person, on=on)


def record(
    act: str,
    *,
    by: UUID | None,
    structure: UUID | None = None,
    person: UUID | None = None,
    on: models.Model | None = None,
    **facts: str | int,
) -> Entry:
    """Write one act, in the transaction that does it. `facts` are codes and counts; never names, titles or texts."""
    acts.must_be_known(act)
    return Entry.objects.create(
        at=timezone.now(),
        act=act,
        by=by,
        structure=structure,
        person=person,
        object_kind=on._meta.label_lower if on is not None else "",
        object_id=on.pk if on is not None else None,
        facts=facts,
    )
