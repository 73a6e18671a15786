"""The sealed files of messages that left, for who walks them all (`core/shelves.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from havre.core.shelves import Kept, Shelf, last_written, unfinished
from havre.outbox import actions
from havre.outbox.models import Message, State


def _after(id: UUID | None) -> QuerySet[Message]:
    sent = Message.objects.filter(state=State.SENT).order_by("pk")
    return sent.filter(pk__gt=id) if id else sent


def _kept(message: Message) -> Kept:
    return Kept(
        message.pk,
        {"message": str(message.pk)},
        message.subject,
        actions.PART,
        bytes(message.wrapped_key),
        {"letter": partial(actions.verify, message)},
    )


def _again(id: UUID) -> Kept | None:
    message = _after(None).filter(pk=id).first()
    return _kept(message) if message else None


def _strays(before: float) -> Iterator[Path]:
    folder = Path(settings.OUTBOX_FILES)
    found = {actions.id_of(path): path for path in folder.glob(f"*{actions.ENDING}")}
    old = {one: path for one, path in found.items() if one and last_written(path) < before}
    known = set(Message.objects.filter(pk__in=old).values_list("pk", flat=True))
    yield from (path for one, path in old.items() if one not in known)
    yield from unfinished(folder, before)


MESSAGES = Shelf(
    "messages",
    lambda id: _after(id).count(),
    lambda id, most: [_kept(message) for message in _after(id)[:most]],
    _again,
    _strays,
)
