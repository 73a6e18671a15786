"""Where sealed files lie: one folder an object, one container a name. On disk; another store keeps these calls."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.conf import settings

from havre.core import container


@dataclass(frozen=True)
class Place:
    """Which files of which object: `owner` is a person, `of` the row that they belong to, `number` its version.

    The folder is named by `blob`, which nothing else tells. The containers are bound to the rest and to their name, so
    that neither two files nor two rows can change places.
    """

    blob: UUID
    owner: UUID
    of: UUID
    number: int

    @property
    def folder(self) -> Path:
        return folder(self.blob)

    def context(self, name: str) -> bytes:
        """What a container is bound to."""
        return f"havre/1|{name}|{self.owner}|{self.of}|{self.number}".encode()


def put(place: Place, name: str, key: bytes, source: Iterable[bytes]) -> None:
    """Seal bytes as `name` of an object; they are on the disk for good once it returns. OSError leaves nothing."""
    _make(place.folder)
    container.seal_to(place.folder / name, key, place.context(name), source)


def chunks(place: Place, name: str, key: bytes) -> Iterator[bytes]:
    """The clear bytes of `name`, verified piece by piece; the file is closed at the end, or when dropped.

    Raises FileNotFoundError, or ContainerDamaged when anything in it has been altered.
    """
    with container.open_from(place.folder / name, key, place.context(name)) as opened:
        yield from opened.chunks()


def verify(place: Place, name: str, key: bytes) -> int:
    """Authenticate all of `name`, as `chunks` does; its size on the disk, in bytes."""
    return container.verify(place.folder / name, key, place.context(name))


def delete(blob: UUID) -> None:
    """Remove an object and everything made from it; no error when it is already gone."""
    shutil.rmtree(folder(blob), ignore_errors=True)


def folder(blob: UUID) -> Path:
    return Path(settings.BLOBS) / blob.hex[-2:] / str(blob)


def all_folders() -> Iterator[list[tuple[UUID, Path]]]:
    """The folders of all objects, in up to 256 parts; what is not one is left out."""
    for shelf in sorted(Path(settings.BLOBS).glob("[0-9a-f][0-9a-f]")):
        named = [(_named(path.name), path) for path in sorted(shelf.iterdir())]
        yield [(blob, path) for blob, path in named if blob and path == folder(blob)]


def _named(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None


def _make(path: Path) -> None:
    """Make a folder that survives a power cut: every new level is written in its parent."""
    missing = [level for level in (path, *path.parents) if not level.exists()]
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    for level in missing:
        handle = os.open(level.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
