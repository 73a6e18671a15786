"""What the operator's room shows: how the keeper is, what it said, who is lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count

from havre.accounts.models import User
from havre.core import sealing
from havre.core.ids import is_uuid
from havre.core.keeper_client import Check, KeeperError
from havre.inbox import queries as inbox
from havre.inbox.models import INSTANCE, WorkItem
from havre.operations import words
from havre.operations.actions import ALARM, moment
from havre.operations.models import Alarm, Condition, KeeperSeen, Kind, Loss
from havre.organisations.models import Membership, Structure
from havre.people.models import Accompaniment, Person
from havre.vault.models import Document

SHOWN = 50


@dataclass(frozen=True)
class Keeper:
    """How the keeper is now, in facts to show; `check` is what it said."""

    check: Check
    role: Any
    started: datetime
    day_made: datetime
    behind_since: datetime | None


def keeper() -> Keeper | None:
    """The keeper as it answers now; None when it does not."""
    try:
        check = sealing.keeper().check()
    except KeeperError:
        return None
    since = check["copy"]["since"]
    return Keeper(
        check,
        role=words.ROLES.get(check["role"], check["role"]),
        started=moment(check["started"]),
        day_made=moment(check["day"]["made"]),
        behind_since=moment(since) if since else None,
    )


def last_seen() -> datetime | None:
    """When the worker last read the keeper."""
    return KeeperSeen.objects.values_list("checked_at", flat=True).first()


@dataclass(frozen=True)
class Told:
    """One alarm, in words; `who` and `where` are the account that caused it and its structures."""

    alarm: Alarm
    words: words.Words
    who: UUID | None = None
    where: list[str] = field(default_factory=list)


def waiting_alarms() -> tuple[list[Told], bool]:
    """The alarms that nobody has dealt with, the oldest first; and whether there are more."""
    items: list[WorkItem] = list(inbox.to_do([INSTANCE]).filter(kind=ALARM)[: SHOWN + 1])
    alarms = Alarm.objects.in_bulk([item.object_id for item in items[:SHOWN]])
    found = [alarms[item.object_id] for item in items[:SHOWN] if item.object_id in alarms]
    seats = _seats(filter(None, map(_account, found)))
    told = [
        Told(alarm, words.alarm(alarm.what), who := _account(alarm), seats.get(who, []) if who else [])
        for alarm in found
    ]
    return told, len(items) > SHOWN


def alarms_told(ids: list[UUID]) -> dict[UUID, Any]:
    """What happened, for each of these alarms."""
    rows = Alarm.objects.filter(pk__in=ids).values_list("pk", "what")
    return {pk: words.alarm(what).happened for pk, what in rows}


def _account(alarm: Alarm) -> UUID | None:
    kind, _colon, account = alarm.actor.partition(":")
    return UUID(account) if kind == "professional" and is_uuid(account) else None


def conditions() -> list[tuple[Condition, words.Words]]:
    """What is wrong for long, with its words."""
    rows = Condition.objects.filter(until=None).order_by("since", "word")
    return [(row, words.CONDITIONS[row.word]) for row in rows if row.word in words.CONDITIONS]


def conditions_told(ids: list[UUID]) -> dict[UUID, Any]:
    """What is wrong, for each of these conditions."""
    rows = Condition.objects.filter(pk__in=ids, word__in=words.CONDITIONS).values_list("pk", "word")
    return {pk: words.CONDITIONS[word].happened for pk, word in rows}


@dataclass(frozen=True)
class Lost:
    """One who is lost, as much as the operator may know: no name but a structure's; `since` when it was created."""

    loss: Loss
    kind: Any
    why: Any
    name: str = ""
    since: datetime | None = None
    structures: list[str] = field(default_factory=list)
    papers: int = 0


def losses(most: int = SHOWN) -> tuple[list[Lost], int]:
    """Who is lost, structures first; and how many in all."""
    lost: list[Lost] = []
    for kind, dressed in ((Kind.STRUCTURE, _structures), (Kind.USER, _users), (Kind.PERSON, _people)):
        rows = Loss.objects.filter(kind=kind).order_by("subject")
        lost += dressed(list(rows[: most - len(lost)]))
    return lost, Loss.objects.count()


def some_may_come_back() -> bool:
    """Whether an older copy of the keys may give something back: not what was erased."""
    return Loss.objects.exclude(why="erased").exists()


def _lost(loss: Loss, **facts: Any) -> Lost:
    return Lost(loss, words.KINDS[Kind(loss.kind)], words.WHY.get(loss.why, loss.why), **facts)


def _ids(losses: list[Loss]) -> list[UUID]:
    return [loss.subject for loss in losses]


def _structures(losses: list[Loss]) -> list[Lost]:
    rows = Structure.objects.in_bulk(_ids(losses))
    known = [(loss, rows[loss.subject]) for loss in losses if loss.subject in rows]
    return [_lost(loss, name=row.name, since=row.created_at) for loss, row in known]


def _users(losses: list[Loss]) -> list[Lost]:
    since = dict(User.objects.filter(pk__in=_ids(losses)).values_list("pk", "created_at"))
    seats = _seats(since)
    known = [loss for loss in losses if loss.subject in since]
    return [_lost(one, since=since[one.subject], structures=seats.get(one.subject, [])) for one in known]


def _seats(users: Iterable[UUID]) -> dict[UUID, list[str]]:
    """The names of the structures where each sits now."""
    live = Membership.objects.live().filter(user__in=list(users))
    return _grouped(live.values_list("user", "structure__name"))


def _people(losses: list[Loss]) -> list[Lost]:
    ids = _ids(losses)
    people = Person.objects.for_system("losses").filter(pk__in=ids)
    since = dict(people.values_list("pk", "created_at"))
    near = Accompaniment.objects.filter(person__in=ids, until=None)
    structures = _grouped(near.values_list("person", "structure__name"))
    documents = Document.objects.for_system("losses").filter(person__in=ids).order_by()
    papers = dict(documents.values_list("person").annotate(Count("pk")))
    return [
        _lost(
            loss,
            since=since[loss.subject],
            structures=structures.get(loss.subject, []),
            papers=papers.get(loss.subject, 0),
        )
        for loss in losses
        if loss.subject in since
    ]


def _grouped(pairs: Iterable[tuple[UUID, str]]) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = defaultdict(list)
    for one, name in sorted(pairs):
        found[one].append(name)
    return found
