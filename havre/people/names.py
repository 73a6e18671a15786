"""Names found without being read: the blind tokens of a structure, written, renewed, cleaned, asked (docs/names.md)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import batched, groupby
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.utils import timezone

from havre.accounts.models import User
from havre.core import facts, sealing, sounds
from havre.core.keeper_client import MAX_FACTS, Actor
from havre.core.sounds import Asked
from havre.organisations import access as seats
from havre.people.models import Accompaniment, Consent, NameToken, Party, Person, PersonQuerySet

KIND = "names"
TOKEN_BYTES = 16
ROWS = 32  # a person's rows in a structure are a multiple of it, so that their number does not tell the name's length
MOST_WORDS = 6  # words of a search that the database is asked about; the names opened answer them all


# --- asking ---


def answering(people: PersonQuerySet, user: User, asked: list[Asked]) -> QuerySet[Person]:
    """Among people that a user may see, those whose tokens answer every word, the surest first.

    A single letter is in too many names to choose by: it counts only where nothing longer was typed, as a whole word.
    """
    structures = seats.structures_where(user, *seats.WITH_RECORDS)
    words = ([word for word in asked if len(word.written[0]) >= sounds.SHORTEST] or asked)[:MOST_WORDS]
    tokens = _asked_tokens(structures, {fact for word in words for fact in word.facts})

    def holding(wanted: Iterable[str]) -> QuerySet[NameToken, Any]:
        found = [token for fact in wanted for token in tokens[fact]]
        return NameToken.objects.filter(structure__in=structures, token__in=found).values_list("person")

    sureness: Combinable = Value(0)
    for word in words:
        people = people.filter(pk__in=holding(word.facts))
        sureness += Case(
            When(pk__in=holding(word.whole), then=2), When(pk__in=holding(word.begun), then=1), default=0
        )
    return people.annotate(sureness=sureness).order_by("-sureness", "-created_at", "-id")


def _asked_tokens(structures: list[UUID], wanted: set[str]) -> dict[str, list[bytes]]:
    """The tokens of each fact in each structure, under this year's key and under last year's."""
    tokens: dict[str, list[bytes]] = {fact: [] for fact in wanted}
    for structure in structures:
        for kind in facts.kinds(KIND):
            for fact, token in _blind(structure, kind, wanted).items():
                tokens[fact].append(token)
    return tokens


def _blind(structure: UUID, kind: str, wanted: Iterable[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for some in batched(wanted, MAX_FACTS):
        answers = sealing.keeper().tokens(structure, kind, [fact.encode() for fact in some])
        found |= {fact: token[:TOKEN_BYTES] for fact, token in zip(some, answers, strict=True)}
    return found


# --- writing ---


def write(people: list[Person], *structures: UUID, by: Actor) -> None:
    """The tokens of some names (100 at most) in some structures, in the place of those that were there."""
    sealing.unseal(people, "name", by=by, purpose="names")
    wanted = {person.pk: _facts(person) for person in people}
    year, kind = timezone.localdate().year, facts.kinds(KIND)[0]
    for structure in structures:
        tokens = _blind(structure, kind, set().union(*wanted.values()))
        rows = [
            NameToken(
                structure_id=structure, person_id=person, token=tokens[fact], year=year, rules=sounds.RULES
            )
            for person, its_facts in wanted.items()
            for fact in its_facts
        ]
        with transaction.atomic():
            NameToken.objects.filter(structure=structure, person__in=people).delete()
            NameToken.objects.bulk_create(rows, ignore_conflicts=True)  # another process may write the same


def _facts(person: Person) -> set[str]:
    """What a person is found by, and enough facts that nobody asks about to fill their rows."""
    unreadable = isinstance(person.name, sealing.Unreadable)
    found = set() if unreadable else sounds.facts(person.name)
    missing = -len(found) % ROWS or (0 if found else ROWS)
    return found | {f"-{person.pk} {number}" for number in range(missing)}


# --- keeping: what is missing, old, or no longer wanted ---


def renew(*, most: int | None = None, lost_only: bool = False) -> int:
    """Write what is missing or was made under another year's key or by other rules, in batches; how many were written.

    `lost_only` leaves what a search still finds. It may be stopped anywhere: what is left is found again.
    """
    pairs = _lacking(lost_only)[:most]
    for structure, group in groupby(pairs, key=lambda pair: pair[0]):
        for some in batched((person for _structure, person in group), sealing.BATCH):
            people = Person.objects.for_system("names").filter(pk__in=some)
            write(list(people), structure, by=sealing.worker())
    return len(pairs)


def _lacking(lost_only: bool) -> QuerySet[Any, Any]:
    """Structures and people whom they see without being able to find them, or by old tokens only."""
    year = timezone.localdate().year
    good = Q(year__in=(year, year - 1)) if lost_only else Q(year=year, rules=sounds.RULES)
    tokens = NameToken.objects.filter(good, structure=OuterRef("structure"), person=OuterRef("whom"))
    accompanied, named = (rows.filter(~Exists(tokens)).values_list("structure", "whom") for rows in _seen())
    return accompanied.union(named).order_by("structure", "whom")


def _seen() -> tuple[QuerySet[Any, Any], QuerySet[Any, Any]]:
    """Which structure sees whom now: the accompaniments under way, and the parties to live accords."""
    accompanied = Accompaniment.objects.filter(until=None).annotate(whom=F("person"))
    named = Party.objects.filter(consent__in=Consent.objects.live()).annotate(whom=F("consent__person"))
    return accompanied.filter(person__closed_at=None), named.filter(consent__person__closed_at=None)


def clean() -> int:
    """Remove the tokens by which structures found people whom they no longer see; how many."""
    accompanied, named = (
        rows.filter(structure=OuterRef("structure"), whom=OuterRef("person")) for rows in _seen()
    )
    return NameToken.objects.filter(~Exists(accompanied), ~Exists(named)).delete()[0]


def make_all_again() -> None:
    """Have `renew` write every token again; until then the old ones still answer."""
    NameToken.objects.update(rules=0)
