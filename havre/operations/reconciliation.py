"""Bringing this database and the keeper to agree on who exists.

A database put back to an earlier day shows people erased since; a crash leaves an erasure half done; a store of keys
put back to an earlier day has lost who came since. The first two are repaired, the third is said, by name.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import batched
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from havre.accounts.models import User
from havre.core import sealing
from havre.core.ids import spelled
from havre.core.keeper_client import MAX_SUBJECTS, FieldKeys, KeeperRefused
from havre.operations.actions import raise_alarm
from havre.operations.models import KeeperSeen, Kind, Loss
from havre.organisations.models import Structure
from havre.people import actions as people
from havre.people.models import Erasure, Person

TRIES, PAUSE_SECONDS = 60, 5  # how long the keeper's budget is waited for
NAMED = 10  # references told in one alarm


class Gone(NamedTuple):
    """One whose rows stand here and whose keys the keeper has not, and its word for it."""

    kind: Kind
    subject: UUID
    why: str

    @property
    def to_finish(self) -> bool:
        """Whether the erasure must be finished here; nothing erases a structure."""
        return self.why == "erased" and self.kind != Kind.STRUCTURE


def is_due() -> bool:
    """Whether the keeper knows erasures that this database does not, or may have lost somebody."""
    seen = KeeperSeen.objects.get()
    return seen.ledger - Erasure.objects.count() != seen.unmatched


def reconcile() -> None:
    """Ask the keeper for everybody's key: finish the erasures that it knows of, and note who is lost."""
    ledger = sealing.keeper().check()["ledger"]
    gone = list(_gone())
    finished = [people.erase(one.subject) for one in gone if one.to_finish]
    numbers = [spelled(erased.erasure.number) for erased in finished if erased]
    with transaction.atomic():
        _write_losses([one for one in gone if not one.to_finish])
        if numbers:
            raise_alarm("erased-anew", f"{len(numbers)} · {' · '.join(numbers[:NAMED])}")
        KeeperSeen.objects.update(unmatched=ledger - Erasure.objects.count())


def _gone() -> Iterator[Gone]:
    for batch in batched(_subjects(), MAX_SUBJECTS):
        kinds = dict(batch)
        for subject, why in _asked(list(kinds)).gone.items():
            yield Gone(kinds[subject], subject, why)


def _subjects() -> Iterator[tuple[UUID, Kind]]:
    """Everybody whose keys seal something here."""
    people = Person.objects.for_system("reconciliation")
    for kind, rows in (
        (Kind.STRUCTURE, Structure.objects.all()),
        (Kind.USER, User.objects.all()),
        (Kind.PERSON, people),
    ):
        for subject in rows.order_by("pk").values_list("pk", flat=True).iterator():
            yield subject, kind


def _asked(subjects: list[UUID]) -> FieldKeys:
    """The keeper's answer for one batch; it is waited for while the worker's budget is spent."""
    for _try in range(TRIES):
        try:
            return sealing.keeper().fields(subjects, "names", sealing.worker(), "reconcile")
        except KeeperRefused as refusal:
            if refusal.code != "budget":
                raise
        time.sleep(PAUSE_SECONDS)
    raise KeeperRefused("budget", f"The keeper's budget stayed spent for {TRIES * PAUSE_SECONDS} s.")


def _write_losses(gone: list[Gone]) -> None:
    found = dict(Loss.objects.values_list("subject", "found_at"))
    now = timezone.now()
    Loss.objects.all().delete()
    Loss.objects.bulk_create(
        Loss(subject=one.subject, kind=one.kind, why=one.why, found_at=found.get(one.subject, now))
        for one in gone
    )
