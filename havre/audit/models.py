"""The journal: who did what, about whom, when. Append-only; a line holds identifiers and codes, never personal text."""

from __future__ import annotations

from django.db import models

from havre.core.ids import uuid7


class Entry(models.Model):
    """One act. Written in the act's own transaction; `position` and `digest` are given within a second by the chain."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(db_index=True)
    act = models.CharField(max_length=60)
    by = models.UUIDField(null=True)
    structure = models.UUIDField(null=True)
    person = models.UUIDField(null=True)
    object_kind = models.CharField(max_length=40, blank=True)
    object_id = models.UUIDField(null=True)
    facts = models.JSONField(default=dict)
    position = models.BigIntegerField(null=True, unique=True)
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["person", "-at"], name="audit_person"),
            models.Index(fields=["id"], condition=models.Q(position=None), name="audit_unchained"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.act}"
