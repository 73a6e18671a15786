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


RETENTION = (
    "Kept while no signed heads leave the machine (docs/decisions/0007), then 12 months; no personal text."
)
SHREDDERS = [Shredder("audit.entry", RETENTION, _export, _kept)]
