"""The sealed files of a version: its original, and the pictures of its pages."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from havre.core import blobs, sealing
from havre.core.keeper_client import Actor
from havre.vault.models import Version


def _place(version: Version) -> dict[str, Any]:
    return {"owner": version.document.person_id, "number": version.number}


def write(version: Version, name: str, dek: bytes, source: Iterator[bytes]) -> None:
    """Seal one of a version's files: `original`, `page-N`, `thumb-N`."""
    blobs.put(version.blob, name, dek, source, kind=_label(name), **_place(version))


def read(version: Version, name: str, dek: bytes) -> Iterator[bytes]:
    """The clear bytes of one of a version's files; raises FileNotFoundError or ContainerDamaged before the first."""
    chunks = blobs.chunks(version.blob, name, dek, kind=_label(name), **_place(version))
    first = next(chunks, b"")
    return itertools.chain([first], chunks)


def _label(name: str) -> str:
    return {"page": "pages", "thumb": "preview"}.get(name.partition("-")[0], "original")


def open_key(version: Version, *, by: Actor, purpose: str) -> bytes:
    """The key of a version, from the keeper, for this actor and purpose."""
    part = version.document.part
    return sealing.keeper().open_key(
        version.document.person_id, part, bytes(version.wrapped_key), by, purpose
    )
