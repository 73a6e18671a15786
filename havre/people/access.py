"""Who may do what about a person. Existence is decided by `Person.objects.visible_to`; here is what comes after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

from havre.accounts.models import User
from havre.organisations import access as seats
from havre.people.models import Accompaniment, Consent, Person

DOCUMENTS = "documents"

_papers_of: list[Callable[[UUID], bool]] = []


def register_papers(has_papers: Callable[[UUID], bool]) -> None:
    """The vault says here whether a person has papers (it is above this app and cannot be asked directly)."""
    _papers_of.append(has_papers)


def vault_is_empty(person: Person) -> bool:
    return not any(has_papers(person.pk) for has_papers in _papers_of)


def opened_to(person: Person, thing: str = DOCUMENTS) -> set[UUID]:
    """The structures to which live accords of this person open a thing."""
    parties = Consent.objects.live().filter(person=person).values_list("things", "named__structure")
    return {structure for things, structure in parties if thing in things}


def consented_structures(user: User, person: Person, *roles: str) -> list[UUID]:
    """The user's structures, in these roles, to which the person has opened their documents."""
    return sorted(opened_to(person) & set(seats.structures_where(user, *roles)))


def seat_for(user: User, person: Person) -> UUID | None:
    """The structure for which a user looks at a person: one that accompanies them, else one that they named."""
    mine = set(seats.structures_where(user, *seats.WITH_RECORDS))
    accompanying = Accompaniment.objects.filter(person=person, structure__in=mine, until=None)
    by = set(accompanying.values_list("structure_id", flat=True))
    return min(by or (opened_to(person) & mine), default=None)


def open_to_add(user: User, people: Iterable[Person]) -> set[UUID]:
    """Among some people, those to whose documents the user may add."""
    structures = seats.structures_where(user, *seats.WHO_BRING_PAPERS)
    accords = Consent.objects.live().filter(person__in=list(people), named__structure__in=structures)
    return {person for person, things in accords.values_list("person", "things") if DOCUMENTS in things}


def can_read_papers(user: User, person: Person) -> bool:
    return bool(consented_structures(user, person, *seats.WITH_PAPERS))


def can_bring_papers(user: User, person: Person) -> bool:
    return bool(consented_structures(user, person, *seats.WHO_BRING_PAPERS))


def accompanying(user: User, person: Person) -> list[UUID]:
    """The user's structures, as professional, that accompany the person."""
    mine = seats.structures_where(user, *seats.WHO_BRING_PAPERS)
    return list(
        Accompaniment.objects.filter(person=person, structure__in=mine, until=None).values_list(
            "structure_id", flat=True
        )
    )


def can_collect_consent(user: User, person: Person) -> bool:
    """A professional whose structure accompanies the person, or is already named in a live accord (to renew it)."""
    return bool(accompanying(user, person)) or can_bring_papers(user, person)


def nameable(user: User, person: Person) -> set[UUID] | None:
    """The structures that a signature on the screen may name now; None when any may (the vault is empty).

    Once there are papers, a signature renews what the collecting structure has or had; naming another one asks for
    something that the person holds (`field.md`, Consent and identity).
    """
    if vault_is_empty(person):
        return None
    mine = set(seats.structures_where(user, *seats.WHO_BRING_PAPERS))
    had = Consent.objects.filter(person=person, named__structure__in=mine).values_list(
        "named__structure", flat=True
    )
    return mine & set(had)


def withdrawing(user: User, consent: Consent) -> list[UUID]:
    """The user's structures, as professional, that the accord names."""
    named = consent.named.values_list("structure_id", flat=True)
    return sorted(set(named) & set(seats.structures_where(user, *seats.WHO_BRING_PAPERS)))


def can_withdraw(user: User, consent: Consent) -> bool:
    """A professional of a structure that the accord names, at the person's word."""
    return bool(withdrawing(user, consent))
