"""Where sealed files lie: one folder an object, one container a name. On disk; another store keeps these calls."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID

from django.conf import settings

from havre.core import container


def _folder(blob: UUID) -> Path:
    return Path(settings.BLOBS) / blob.hex[-2:] / str(blob)


def _context(name: str, blob: UUID, owner: UUID, number: int) -> bytes:
    """What a container is bound to: its name too, so that two pages of one paper cannot change places."""
    return f"havre/1|{name}|{owner}|{blob}|{number}".encode()


def _make(folder: Path) -> None:
    """Make a folder that survives a power cut: every new level is written in its parent."""
    missing = [level for level in (folder, *folder.parents) if not level.exists()]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for level in missing:
        handle = os.open(level.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def put(
    blob: UUID, name: str, dek: bytes, source: Iterable[bytes], *, kind: str, owner: UUID, number: int
) -> None:
    """Seal bytes as `name` of an object; they are on the disk for good once it returns. OSError leaves nothing."""
    folder = _folder(blob)
    _make(folder)
    container.seal_to(folder / name, container.derive(dek, kind), _context(name, blob, owner, number), source)


def chunks(blob: UUID, name: str, dek: bytes, *, kind: str, owner: UUID, number: int) -> Iterator[bytes]:
    """The clear bytes of `name`, verified piece by piece; the file is closed at the end, or when dropped.

    Raises FileNotFoundError, or ContainerDamaged when anything in it has been altered.
    """
    path = _folder(blob) / name
    with container.open_from(
        path, container.derive(dek, kind), _context(name, blob, owner, number)
    ) as opened:
        yield from opened.chunks()


def delete(blob: UUID) -> None:
    """Remove an object and everything made from it; no error when it is already gone."""
    shutil.rmtree(_folder(blob), ignore_errors=True)
