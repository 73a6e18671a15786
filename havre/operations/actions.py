"""Writing down what the keeper says of itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from havre.accounts.models import User
from havre.core.keeper_client import Check, KeeperAlarm
from havre.inbox import actions as inbox
from havre.inbox.models import INSTANCE
from havre.operations.models import Alarm, Condition, KeeperSeen

ALARM, CONDITION = "operations.alarm", "operations.condition"
DAY_LATE = timedelta(hours=26)
COPY_LATE = timedelta(days=1)

LASTING: dict[str, Callable[[Check, datetime], bool]] = {
    "day-late": lambda check, now: now - moment(check["day"]["made"]) > DAY_LATE,
    "copy-behind": lambda check, now: (
        check["copy"]["state"] == "behind"
        and check["copy"]["since"] is not None
        and now - moment(check["copy"]["since"]) > COPY_LATE
    ),
    "no-copy": lambda check, now: check["copy"]["state"] == "none",
    "same-disk": lambda check, now: check["copy"]["same_disk"],
    "damaged": lambda check, now: check["damaged"] > 0,
}


def moment(text: str) -> datetime:
    """A date of the keeper (ISO 8601, with its zone)."""
    return datetime.fromisoformat(text)


@transaction.atomic
def note(seen: KeeperSeen, check: Check, lines: list[KeeperAlarm], *, cut: bool) -> bool:
    """Write what a check says, measured against `seen`; False when another process has written a later one."""
    older = _older(seen, check)
    if not _noted(seen, check, reconcile=older or check["damaged"] != seen.damaged):
        return False
    for line in lines:
        _tell(line)
    if cut:
        raise_alarm("journal-cut")
    if older:
        raise_alarm("store-older")
    _note_lasting(check)
    return True


def _older(seen: KeeperSeen, check: Check) -> bool:
    """Whether the keeper holds less than it did: a store put back to an earlier day."""
    now = (check["generation"], check["term"], check["ledger"])
    return any(less < more for less, more in zip(now, (seen.generation, seen.term, seen.ledger), strict=True))


def _noted(seen: KeeperSeen, check: Check, *, reconcile: bool) -> bool:
    due: dict[str, Any] = {"unmatched": None} if reconcile else {}
    unchanged = KeeperSeen.objects.filter(pk=seen.pk, checked_at=seen.checked_at)
    return bool(
        unchanged.update(
            position=check["journal"]["position"],
            digest=check["journal"]["digest"],
            generation=check["generation"],
            term=check["term"],
            ledger=check["ledger"],
            damaged=check["damaged"],
            checked_at=timezone.now(),
            **due,
        )
    )


def _tell(line: KeeperAlarm) -> None:
    """An alarm of the keeper's journal becomes a work item, once."""
    alarm, new = Alarm.objects.get_or_create(
        n=line["n"],
        at=moment(line["at"]),
        defaults={
            "what": line["what"][:20],
            "subject": UUID(line["subject"]) if line["subject"] else None,
            "actor": line["actor"] or "",
            "detail": line["detail"][:200],
        },
    )
    if new:
        inbox.ask(ALARM, structure=INSTANCE, object_id=alarm.pk)


def raise_alarm(what: str, detail: str = "") -> Alarm:
    """An alarm of our own: a word of `words.ALARMS`, and counts or references."""
    alarm = Alarm.objects.create(what=what, detail=detail)
    inbox.ask(ALARM, structure=INSTANCE, object_id=alarm.pk)
    return alarm


def _note_lasting(check: Check) -> None:
    """One work item when something begins to be wrong; it is closed by itself when that ends."""
    now = timezone.now()
    wrong = {word for word, lasts in LASTING.items() if lasts(check, now)}
    standing = {condition.word: condition for condition in Condition.objects.filter(until=None)}
    for word in sorted(wrong - set(standing)):
        condition = Condition.objects.create(word=word)
        inbox.ask(CONDITION, structure=INSTANCE, object_id=condition.pk)
    for word in set(standing) - wrong:
        Condition.objects.filter(pk=standing[word].pk).update(until=now)
        inbox.done(CONDITION, object_id=standing[word].pk, by=None)


def mark_seen(alarm: Alarm, *, by: User) -> bool:
    """The operator has seen an alarm; False when somebody had already."""
    return bool(inbox.done(ALARM, object_id=alarm.pk, by=by.pk, structure=INSTANCE))
