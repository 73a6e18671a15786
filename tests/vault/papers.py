"""Papers as the worker leaves them, and what somebody does to them on the disk."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from havre.core import sealing
from havre.people.models import Person
from havre.vault import files
from havre.vault.models import Document, Pages, Version
from tests import cast as stage
from tests.cast import Cast


def version_of(document: Document) -> Version:
    return Version.objects.select_related("document__person").get(document=document)


def folder(document: Document) -> Path:
    (found,) = Path(settings.BLOBS).glob(f"*/{version_of(document).blob}")
    return found


def draw(cast: Cast, person: Person, pages: int = 1) -> Document:
    """A paper with its pages, drawn without a reading server."""
    document = cast.paper(person)
    version = version_of(document)
    dek = files.open_key(version, by=sealing.worker(), purpose="pages")
    for number in range(1, pages + 1):
        for name in (f"page-{number}", f"thumb-{number}"):
            files.write(version, name, dek, iter([stage.photo(name)]))
    Version.objects.filter(pk=version.pk).update(pages=Pages.READY, shown_pages=pages, page_count=pages)
    return document


def flip(path: Path, at: int, mask: int = 1) -> None:
    """Change the bits of a mask in one byte of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= mask
    path.write_bytes(data)


def cut(path: Path, at: int) -> None:
    """Leave a file's first bytes only."""
    path.write_bytes(path.read_bytes()[:at])
