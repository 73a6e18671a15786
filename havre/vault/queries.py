"""Reads across papers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from havre.accounts.models import User
from havre.core import sealing
from havre.people.models import Person
from havre.people.queries import Label
from havre.vault import access, kinds
from havre.vault.models import Document, Part, Version


def has_papers(person: UUID) -> bool:
    """Whether a person has any paper, in any part: an empty vault may be opened by a signature."""
    return Document.objects.for_system("is the vault empty?").filter(person=person).exists()


def documents(person: Person, user: User) -> list[Document]:
    """The papers of a person that a user may see, newest first, with titles opened and `latest` versions."""
    rows = list(Document.objects.visible_to(user).filter(person=person, part=Part.SHARED))
    sealing.unseal(rows, "kind", "title", by=user.actor, purpose="list")
    latest = latest_versions(rows)
    for document in rows:
        dress(document)
        document.latest = latest[document.pk]  # type: ignore[attr-defined]
    return rows


def latest_versions(rows: list[Document]) -> dict[UUID, Version]:
    found: dict[UUID, Version] = {}
    for version in Version.objects.filter(document__in=rows).order_by("number"):
        found[version.document_id] = version
    return found


def dress(document: Document) -> None:
    """Give a document the words that it is shown with: its kind's name, a label; `half_named` when one is lost."""
    kind = kinds.get(document.kind)
    texts = (document.kind, document.title)
    document.half_named = any(isinstance(text, sealing.Unreadable) for text in texts)  # type: ignore[attr-defined]
    document.kind_name = kind.name  # type: ignore[attr-defined]
    document.icon = kind.icon  # type: ignore[attr-defined]
    document.label = document.title or kind.name  # type: ignore[attr-defined]
    document.list_label = kinds.BY_CODE["other"].name if kind.discreet else document.label  # type: ignore[attr-defined]


def labels(ids: set[UUID], user: User) -> dict[UUID, Label]:
    """How the journal names papers, for those that this user sees."""
    rows = list(Document.objects.visible_to(user).filter(pk__in=ids)) if ids else []
    sealing.unseal(rows, "kind", "title", by=user.actor, purpose="journal")
    for document in rows:
        dress(document)
    return {
        row.pk: Label(str(row.list_label), reverse("document", args=[row.pk]))  # type: ignore[attr-defined]
        for row in rows
    }


def section(request: HttpRequest, person: Person) -> dict[str, Any] | None:
    """The documents on a person's page; None for those who do not see papers."""
    user: Any = request.user
    if not access.can_see_papers(user, person):
        return None
    return {"documents": documents(person, user), "can_add": access.can_add(user, person), "person": person}
