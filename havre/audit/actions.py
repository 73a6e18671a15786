"""Writing the journal."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.utils import timezone

from havre.audit import acts
from havre.audit.models import Entry


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
