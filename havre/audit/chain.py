"""The chain: each line of the journal is bound to the one before it, so that none can be altered or removed unseen.

One sequencer at a time (the worker that holds the lease); chaining inside the act would make every writer queue.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from django.db import transaction

from havre.audit.models import Entry

START = "0" * 64
AT_ONCE = 500


def digest(previous: str, entry: Entry) -> str:
    """SHA-256 over the digest before and the line's canonical JSON (keys sorted, UTF-8, no spaces)."""
    body = {
        "id": str(entry.id),
        "at": entry.at.isoformat(),
        "act": entry.act,
        "by": str(entry.by),
        "structure": str(entry.structure),
        "person": str(entry.person),
        "object": f"{entry.object_kind}:{entry.object_id}",
        "facts": entry.facts,
        "position": entry.position,
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(previous.encode() + text.encode()).hexdigest()


@transaction.atomic
def extend() -> int:
    """Chain the lines that wait, oldest first; answers how many."""
    # Locked before the last position is read: on PostgreSQL a second sequencer (a worker that slept) waits here.
    waiting = list(Entry.objects.select_for_update().filter(position=None).order_by("id")[:AT_ONCE])
    if not waiting:
        return 0
    last = Entry.objects.exclude(position=None).order_by("-position").first()
    previous, position = (last.digest, last.position or 0) if last else (START, 0)
    for entry in waiting:
        position += 1
        entry.position = position
        entry.digest = previous = digest(previous, entry)
    Entry.objects.bulk_update(waiting, ["position", "digest"], batch_size=100)
    return len(waiting)


def first_fault(entries: Iterable[Entry] | None = None) -> int | None:
    """The position of the first line that does not follow from the one before it, or None when all do."""
    previous, expected = START, 1
    if entries is None:
        entries = Entry.objects.exclude(position=None).order_by("position").iterator()
    for entry in entries:
        if entry.position != expected or entry.digest != digest(previous, entry):
            return expected
        previous, expected = entry.digest, expected + 1
    return None
