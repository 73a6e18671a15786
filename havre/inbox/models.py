"""Work items: one indexed row for each thing to do, so that the inbox is one query."""

from __future__ import annotations

from uuid import UUID

from django.db import models

from havre.core.ids import uuid7

INSTANCE = UUID(int=0)  # the structure of what the operator has to do


class WorkItem(models.Model):
    """Something that a structure has to do, why, and until when. It holds identifiers; names are read at display."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=60)
    structure = models.UUIDField()
    person = models.UUIDField(null=True)
    object_id = models.UUIDField()
    due = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.UUIDField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["structure", "due"], condition=models.Q(done_at=None), name="inbox_to_do"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "structure", "object_id"],
                condition=models.Q(done_at=None),
                name="inbox_one_open_item_per_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"
