"""The journal outlives what it tells of: it holds identifiers and codes, and erasing one line would break the chain."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from havre.audit.models import Entry
from havre.core.shredding import Shredder


def _export(id: UUID) -> list[dict[str, Any]]:
    return [{"at": row.at.isoformat(), "act": row.act} for row in Entry.objects.filter(person=id)]


def _kept(id: UUID) -> int:
    """Nothing goes: after erasure the identifiers point to nobody."""
    return 0


SHREDDERS = [
    Shredder("audit.entry", "12 months (CNIL 2021-122); identifiers only, no personal text.", _export, _kept)
]
