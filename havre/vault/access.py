"""Who may do what with papers. Seeing one is decided by `Document.objects.visible_to`."""

from __future__ import annotations

from havre.accounts.models import User
from havre.people import access as people
from havre.people.models import Person
from havre.vault.models import Document


def can_see_papers(user: User, person: Person) -> bool:
    return people.can_read_papers(user, person)


def can_add(user: User, person: Person) -> bool:
    return people.can_bring_papers(user, person)


def can_erase(user: User, document: Document) -> bool:
    """Those who may bring a paper may take it away for good, at the person's word."""
    return (
        can_add(user, document.person) and Document.objects.visible_to(user).filter(pk=document.pk).exists()
    )
