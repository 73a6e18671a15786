"""The papers' sealed files, for who walks them all (`core/shelves.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

from django.db.models import QuerySet

from havre.core import blobs
from havre.core.container import UNFINISHED
from havre.core.shelves import Kept, Shelf, last_written, unfinished
from havre.vault import files
from havre.vault.models import Pages, Version


def _after(id: UUID | None) -> QuerySet[Version]:
    versions = Version.objects.select_related("document").order_by("pk")
    return versions.filter(pk__gt=id) if id else versions


def _kept(version: Version) -> Kept:
    return Kept(
        version.pk,
        {"document": str(version.document_id), "version": version.number},
        version.document.person_id,
        version.document.part,
        bytes(version.wrapped_key),
        {name: partial(files.verify, version, name) for name in files.names(version)},
        partial(_others, version),
    )


def _others(version: Version) -> list[str]:
    """What lies in a paper's folder and should not; while its pages are made, they come before their row says so."""
    if version.pages == Pages.WAITING:
        return []
    folder = blobs.folder(version.blob)
    found = {path.name for path in folder.iterdir()} if folder.exists() else set()
    return sorted(name for name in found - set(files.names(version)) if not name.endswith(UNFINISHED))


def _again(id: UUID) -> Kept | None:
    version = _after(None).filter(pk=id).first()
    return _kept(version) if version else None


def _strays(before: float) -> Iterator[Path]:
    for folders in blobs.all_folders():
        old = {blob: folder for blob, folder in folders if last_written(folder) < before}
        known = set(Version.objects.filter(blob__in=old).values_list("blob", flat=True))
        for blob, folder in folders:
            if blob in old and blob not in known:
                yield folder
            else:
                yield from unfinished(folder, before)


PAPERS = Shelf(
    "papers",
    lambda id: _after(id).count(),
    lambda id, most: [_kept(version) for version in _after(id)[:most]],
    _again,
    _strays,
)
