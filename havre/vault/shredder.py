"""How this app's personal data is kept, given back and erased."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from havre.core import blobs, sealing
from havre.core.shredding import Shredder
from havre.vault.models import Document, Version


def _export_documents(id: UUID) -> list[dict[str, Any]]:
    rows = list(Document.objects.for_system("export").filter(person=id))
    sealing.unseal(rows, "kind", "title", by=sealing.worker(), purpose="export")
    return [
        {"id": str(row.id), "kind": row.kind, "title": row.title, "added": row.created_at.isoformat()}
        for row in rows
    ]


def _export_versions(id: UUID) -> list[dict[str, Any]]:
    rows = Version.objects.filter(document__person=id)
    return [
        {"document": str(row.document_id), "media_type": row.media_type, "size": row.size} for row in rows
    ]


def _erase_versions(id: UUID) -> int:
    versions = Version.objects.filter(document__person=id)
    for blob in versions.values_list("blob", flat=True):
        blobs.delete(blob)
    return versions.delete()[0]


SHREDDERS = [
    Shredder(
        "vault.document",
        "As long as the person wants it: the vault outlives the follow-up file.",
        _export_documents,
        lambda id: Document.objects.for_system("erase").filter(person=id).delete()[0],
    ),
    Shredder("vault.version", "As its document.", _export_versions, _erase_versions),
]
