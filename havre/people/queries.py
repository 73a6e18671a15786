"""Reads across people: lists with names opened, search, the journal with its authors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import FETCH_RAISE

from havre.accounts.models import User
from havre.audit import acts
from havre.audit import queries as audit
from havre.audit.models import Entry
from havre.core import sealing, sounds
from havre.core.sounds import Asked
from havre.organisations import queries as organisations
from havre.people import access, births, names
from havre.people.models import Consent, Person, PersonQuerySet

SHOWN = 50  # a page of the list
SEARCHED = 20  # a page of a search, and the names that it opens at most
LONGEST = 100  # signs of a search


@dataclass(frozen=True)
class Found:
    """People found, and whether more stand behind them.

    Of a search: `sure` when every name is written as it was typed, or begins so; `alike` when all of them only sound
    so; `short` when too few letters were typed for beginnings to answer.
    """

    people: list[Person]
    more: bool
    sure: bool = False
    alike: bool = False
    short: bool = False


def search(user: User, words: str = "", *, page: int = 1) -> Found:
    """The people that a user may see, newest first, or those whose name answers all these words, the surest first."""
    visible = Person.objects.visible_to(user).order_by("-created_at", "-id").fetch_mode(FETCH_RAISE)
    asked = sounds.asked(words[:LONGEST])
    if asked:
        return _search(user, visible, asked)
    start = (page - 1) * SHOWN
    rows = list(visible[start : start + SHOWN + 1])
    return Found(dress(named(rows[:SHOWN], user, "list"), user), more=len(rows) > SHOWN)


def _search(user: User, visible: PersonQuerySet, asked: list[Asked]) -> Found:
    """Their tokens choose who is opened, 20 at most; then the names themselves say who answers, and how well."""
    rows = list(names.answering(visible, user, asked)[: SEARCHED + 1])
    opened = named(rows[:SEARCHED], user, "search")
    answers = {person.pk: [word.answer(person.name) for word in asked] for person in opened}
    hits = [person for person in opened if all(answers[person.pk])]
    hits.sort(key=lambda person: (min(answers[person.pk]) == 1, -sum(answers[person.pk])))
    written = [min(answers[person.pk]) > 1 for person in hits]
    return Found(
        _told_apart(dress(hits, user), written),
        more=len(rows) > SEARCHED,
        sure=all(written),
        alike=not any(written),
        short=all(len(word.written[0]) < sounds.SHORTEST for word in asked),
    )


def _told_apart(people: list[Person], written: list[bool]) -> list[Person]:
    """The same people, with their whole date of birth, for namesakes; and whether their name only sounds as asked."""
    for person, as_written in zip(people, written, strict=True):
        person.born = births.shown(person.birth)  # type: ignore[attr-defined]
        person.alike = not as_written  # type: ignore[attr-defined]
    return people


def named(people: list[Person], user: User, purpose: str) -> list[Person]:
    """The same people, with name and birth opened for this user."""
    sealing.unseal(people, "name", "birth", by=user.actor, purpose=purpose)
    return people


def dress(people: list[Person], user: User) -> list[Person]:
    """Give people in a list their year of birth, and whether this user may add a paper at once."""
    addable = access.open_to_add(user, people) if people else set()
    for person in people:
        person.born = births.year(person.birth)  # type: ignore[attr-defined]
        person.addable = person.pk in addable  # type: ignore[attr-defined]
        person.alike = False  # type: ignore[attr-defined]
    return people


def recent(ids: list[UUID], user: User) -> list[Person]:
    """Some people, in the order of their identifiers, as far as the user may see them."""
    visible = (
        {person.pk: person for person in Person.objects.visible_to(user).filter(pk__in=ids)} if ids else {}
    )
    return dress(named([visible[one] for one in ids if one in visible], user, "list"), user)


def names_of(ids: set[UUID], user: User) -> dict[UUID, str]:
    """Names of some people, as far as the user may see them."""
    rows = list(Person.objects.visible_to(user).filter(pk__in=ids))
    return {person.pk: person.name for person in sealing.unseal(rows, "name", by=user.actor, purpose="inbox")}


def consents(person: Person, user: User) -> list[Consent]:
    """The accords about a person that concern the user's structures, newest first."""
    rows = Consent.objects.visible_to(user).filter(person=person).select_related("withdrawal", "collected_at")
    return list(rows.prefetch_related("named__structure").order_by("-given_at"))


type Labels = Callable[[set[UUID], User], dict[UUID, Label]]


@dataclass(frozen=True)
class Label:
    """What a line of the journal is about, for those who may see it: its name and its page."""

    name: str
    url: str


_labels: dict[str, Labels] = {}


def register_labels(object_kind: str, labels: Labels) -> None:
    """Apps above say how their objects are named in the journal ("vault.document": the papers a user sees)."""
    _labels[object_kind] = labels


@dataclass(frozen=True)
class Line:
    """One line of the journal, in words."""

    at: datetime
    who: str
    where: str
    act: str
    about: Label | None


def journal(person: Person, user: User, *, most: int = 100) -> list[Line]:
    """Who did what about a person, newest first, with names."""
    entries: list[Any] = list(audit.about(person.pk)[:most])
    who = organisations.names({entry.by for entry in entries}, by=user.actor)
    where = organisations.structure_names({entry.structure for entry in entries})
    about: dict[UUID, Label] = {}
    for kind, labels in _labels.items():
        about |= labels({entry.object_id for entry in entries if entry.object_kind == kind}, user)
    return [_line(entry, who, where, about) for entry in entries]


def _line(entry: Entry, who: dict[UUID, str], where: dict[UUID, str], about: dict[UUID, Label]) -> Line:
    return Line(
        at=entry.at,
        who=who.get(entry.by, "") if entry.by else "",
        where=where.get(entry.structure, "") if entry.structure else "",
        act=acts.sentence(entry.act),
        about=about.get(entry.object_id) if entry.object_id else None,
    )
