"""Who holds which periodic job, which processes are alive, and the epochs of papers' keys."""

from django.db import models


class Lease(models.Model):
    """One periodic job: the process that holds it until a moment, and when it last succeeded.

    `last_run` is written only for jobs whose period is a minute or more (`periodic.REMEMBERED_SECONDS`).
    """

    name = models.CharField(max_length=100, unique=True)
    holder = models.CharField(max_length=64, default="")
    until = models.DateTimeField()
    last_run = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Heartbeat(models.Model):
    """A process that lives: it writes `at` every two seconds, and removes its row when it stops in order."""

    holder = models.CharField(max_length=64, primary_key=True)
    process = models.CharField(max_length=16)
    machine = models.CharField(max_length=255)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.holder


class Epoch(models.Model):
    """The epoch under which a subject's papers' keys are wrapped; `leaving`: the keeper still holds the one before."""

    subject = models.UUIDField(primary_key=True)
    number = models.PositiveIntegerField(default=0)
    leaving = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["subject"], condition=models.Q(leaving=True), name="core_epoch_leaving")
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.number}"
