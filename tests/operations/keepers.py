"""A keeper whose own account of itself is written by the test; for everything else it is the tests' real one."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from havre.core.keeper_client import (
    Actor,
    Check,
    FieldKeys,
    KeeperAbsent,
    KeeperAlarm,
    KeeperClient,
    KeeperRefused,
)

REFUSALS = {"unknown": 1, "erased": 2, "damaged": 3}


class Keeper(KeeperClient):
    """`report` is what `check` says; `journal` its lines' digests; `lost` those whose keys are gone, and why."""

    def __init__(self) -> None:
        super().__init__(settings.KEEPER)
        now = timezone.now()
        self.report: Any = {
            "version": "0.2",
            "protocol": 1,
            "role": "primary",
            "started": (now - timedelta(days=3)).isoformat(),
            "subjects": 12,
            "erased": 0,
            "damaged": 0,
            "damaged_records": 0,
            "damaged_subjects": [],
            "store_bytes": 4096,
            "generation": 41,
            "term": 1,
            "day": {"number": 41, "made": (now - timedelta(hours=3)).isoformat()},
            "oldest_day": 28,
            "copy": {"state": "ok", "same_disk": False, "why": "", "since": None},
            "ledger": 0,
        }
        self.journal: list[str] = []
        self.alarms: list[KeeperAlarm] = []
        self.lost: dict[UUID, str] = {}
        self.asked: list[int] = []  # how many subjects in each question of a reconciliation
        self.refuse: list[Exception] = []  # what the next such questions meet

    def tells(self, what: str, **more: Any) -> KeeperAlarm:
        """One more line of the journal, which is an alarm."""
        self.writes()
        alarm: Any = {"n": len(self.journal), "at": timezone.now().isoformat(), "what": what}
        alarm |= {"subject": None, "actor": None, "detail": ""} | more
        self.alarms.append(alarm)
        line: KeeperAlarm = alarm
        return line

    def writes(self, lines: int = 1) -> None:
        """More lines of the journal, which are none."""
        for _one in range(lines):
            text = f"{len(self.journal)} {timezone.now()}"
            self.journal.append(hashlib.sha256(text.encode()).hexdigest())

    def cut_to(self, lines: int) -> None:
        """The journal loses its end."""
        del self.journal[lines:]
        self.alarms = [alarm for alarm in self.alarms if alarm["n"] <= lines]

    def check(self, after: int | None = None) -> Check:
        known = after is not None and 0 < after <= len(self.journal)
        report = copy.deepcopy(self.report)
        report["journal"] = {
            "position": len(self.journal),
            "digest": self.journal[-1] if self.journal else "",
            "digest_after": self.journal[(after or 0) - 1] if known else None,
        }
        report["alarms"] = [alarm for alarm in self.alarms if alarm["n"] > (after or 0)][:100]
        checked: Check = report
        return checked

    def erase(self, subject: UUID) -> int:
        super().erase(subject)
        if self.lost.get(subject) != "erased":
            self.report["ledger"] += 1
            self.lost[subject] = "erased"
        return int(self.report["day"]["number"])

    def fields(self, subjects: Collection[UUID], field_class: str, actor: Actor, purpose: str) -> FieldKeys:
        if purpose == "reconcile":
            self.asked.append(len(subjects))
            if self.refuse:
                raise self.refuse.pop(0)
        keys = super().fields(subjects, field_class, actor, purpose)
        gone = {one: REFUSALS[why] for one, why in self.lost.items() if one in subjects}
        return _answered(keys, gone)


def _answered(keys: FieldKeys, gone: dict[UUID, int]) -> FieldKeys:
    answers = {one: b"\0" + key for one, key in keys.items() if one not in gone}
    refusals = keys.refusals | gone
    return FieldKeys(answers | {one: bytes([code]) for one, code in refusals.items()})


ABSENT = KeeperAbsent("gone")
SPENT = KeeperRefused("budget", "spent")
