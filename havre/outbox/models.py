"""Everything that leaves the house: one row a message, written in the transaction of the fact that causes it."""

from __future__ import annotations

from uuid import UUID

from django.db import models

from havre.core.ids import uuid7
from havre.core.sealing import ClearText, SealedField, SealedRow


class State(models.TextChoices):
    PREPARED = "prepared"
    SENDING = "sending"
    SENT = "sent"
    EXPIRED = "expired"


class Message(SealedRow):
    """One message to one contact point. Address and words are sealed under the subject they belong to."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    subject = models.UUIDField()
    notice = models.CharField(max_length=60)
    language = models.CharField(max_length=12)
    cause = models.CharField(max_length=60)
    cause_id = models.UUIDField()
    dedup_key = models.CharField(max_length=64, unique=True)
    sealed_to = SealedField("contacts")
    sealed_parameters = SealedField("messages")
    to = ClearText()
    parameters = ClearText()
    state = models.CharField(max_length=12, choices=State, default=State.PREPARED)
    created_at = models.DateTimeField(auto_now_add=True)
    not_before = models.DateTimeField()
    expires_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    by = models.UUIDField(null=True)
    wrapped_key = models.BinaryField(default=b"")

    class Meta:
        indexes = [
            models.Index(
                fields=["not_before"],
                condition=models.Q(state__in=[State.PREPARED, State.SENDING]),
                name="outbox_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.notice} {self.state}"

    @property
    def seal_subject(self) -> UUID:
        return self.subject
