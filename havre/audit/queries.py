"""Reading the journal."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from havre.audit.models import Entry


def about(person: UUID) -> QuerySet[Entry]:
    """What was done about one person, newest first."""
    return Entry.objects.filter(person=person).order_by("-at", "-id")
