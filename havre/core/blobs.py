"""Where sealed files lie: one folder an object, one container a name. Disk today; any S3 store behind the same calls."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from django.conf import settings

from havre.core import container


def _folder(blob: UUID) -> Path:
    return Path(settings.BLOBS) / blob.hex[-2:] / str(blob)


def _context(kind: str, blob: UUID, owner: UUID, number: int) -> bytes:
    return f"havre/1|{kind}|{owner}|{blob}|{number}".encode()


def put(
    blob: UUID, name: str, dek: bytes, source: Iterable[bytes], *, kind: str, owner: UUID, number: int
) -> None:
    """Seal bytes as `name` of an object. Returns once they are on the disk for good; raises OSError, leaving nothing."""
    folder = _folder(blob)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    container.seal_to(folder / name, container.derive(dek, kind), _context(kind, blob, owner, number), source)


def opened(blob: UUID, name: str, dek: bytes, *, kind: str, owner: UUID, number: int) -> container.Opened:
    """A reader of `name`; raises FileNotFoundError, or ContainerDamaged when anything in it has been altered."""
    file = (_folder(blob) / name).open("rb")
    return container.Opened(file, container.derive(dek, kind), _context(kind, blob, owner, number))


def delete(blob: UUID) -> None:
    """Remove an object and everything made from it; no error when it is already gone."""
    shutil.rmtree(_folder(blob), ignore_errors=True)
