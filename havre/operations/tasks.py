"""What the clock does for the operator: the worker watches the keeper."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from havre.core import sealing
from havre.core.keeper_client import Check, KeeperAlarm, KeeperError
from havre.inbox import queries as inbox
from havre.inbox.models import INSTANCE
from havre.operations import actions, reconciliation
from havre.operations.models import Alarm, Condition, KeeperSeen

PAGE, PAGES = 100, 20  # alarms in one answer of the keeper; answers read at once
KEPT = timedelta(days=366)


def watch() -> None:
    """Read the keeper's journal from where we were; then agree with it on who exists, when that is due."""
    seen, _new = KeeperSeen.objects.get_or_create()
    check, lines, cut = _read(seen)
    if actions.note(seen, check, lines, cut=cut) and reconciliation.is_due():
        reconciliation.reconcile()


def _read(seen: KeeperSeen) -> tuple[Check, list[KeeperAlarm], bool]:
    """The keeper's last word, every alarm since the line we had, and whether that line is no more what it was."""
    check = sealing.keeper().check(seen.position)
    cut = _was_cut(seen, check)
    if cut:
        check = sealing.keeper().check(0)
    lines = list(check["alarms"])
    for _again in range(PAGES):  # those that are left are read in half a minute
        if len(check["alarms"]) < PAGE:
            break
        check = sealing.keeper().check(lines[-1]["n"])
        lines += check["alarms"]
    return check, lines, cut


def _was_cut(seen: KeeperSeen, check: Check) -> bool:
    """Whether the line that we had read is gone (it has no digest then), or is another."""
    return seen.position > 0 and check["journal"]["digest_after"] != seen.digest


def before_opening() -> str:
    """A database put back to an earlier day catches up with the keeper's ledger before it serves."""
    try:
        watch()
    except KeeperError as error:
        return f"The keeper was not asked who was erased: {error}"
    return ""


def purge() -> None:
    """Remove the alarms and the conditions of more than a year, unless they still wait for the operator."""
    long_ago = timezone.now() - KEPT
    waiting = [item.object_id for item in inbox.to_do([INSTANCE])]
    Alarm.objects.filter(at__lt=long_ago).exclude(pk__in=waiting).delete()
    Condition.objects.filter(until__lt=long_ago).delete()
