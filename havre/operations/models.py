"""What the instance's operator has to know: how the keeper is, what it said, who is lost."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from havre.core.ids import uuid7


class KeeperSeen(models.Model):
    """What the keeper last said of itself, in one row: what it says next is measured against this.

    `unmatched` counts the entries of its ledger that no Erasure here answers to, at the last reconciliation; None
    says that one is due.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    position = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    generation = models.BigIntegerField(default=0)
    term = models.BigIntegerField(default=0)
    ledger = models.BigIntegerField(default=0)
    damaged = models.BigIntegerField(default=0)
    unmatched = models.BigIntegerField(null=True)
    checked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="operations_one_keeper")]

    def __str__(self) -> str:
        return f"keeper at line {self.position}"


class Alarm(models.Model):
    """Something that the keeper's journal tells the operator, or that we saw of the keeper (`n` is then None).

    `n` is its line in that journal, `what` a word of `words.ALARMS`, `actor` a kind and an id.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    n = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=timezone.now)
    what = models.CharField(max_length=20)
    subject = models.UUIDField(null=True)
    actor = models.CharField(max_length=60, blank=True)
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            # with its date: after a cut the journal counts anew, and other lines bear the same numbers
            models.UniqueConstraint(fields=["n", "at"], name="operations_one_alarm_per_line")
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.at:%Y-%m-%d %H:%M:%S}"


class Condition(models.Model):
    """Something that is wrong with the keeper for as long as it lasts (`word` is one of `words.CONDITIONS`)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    word = models.CharField(max_length=20)
    since = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["word"], condition=Q(until=None), name="operations_one_open_condition"
            )
        ]

    def __str__(self) -> str:
        return self.word


class Kind(models.TextChoices):
    """What a subject of the keeper is here."""

    STRUCTURE = "structure"
    USER = "user"
    PERSON = "person"


class Loss(models.Model):
    """A subject whose rows stand here and whose keys the keeper has not: what was sealed under them opens no more.

    `why` is the keeper's word: unknown, damaged, or erased (a structure, which nothing here erases).
    """

    subject = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=10, choices=Kind)
    why = models.CharField(max_length=10)
    found_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
