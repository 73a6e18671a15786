"""Who may do what with papers. Seeing one is decided by `Document.objects.visible_to`."""

from __future__ import annotations

from havre.accounts.models import User
from havre.people import access as people
from havre.people.models import Person


def can_see_papers(user: User, person: Person) -> bool:
    return people.can_read_papers(user, person)


def can_add(user: User, person: Person) -> bool:
    return people.can_bring_papers(user, person)
