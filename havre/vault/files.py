"""The sealed files of a version: its original, and the pictures of its pages."""

from __future__ import annotations

import errno
import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from havre.core import blobs, container, sealing
from havre.core.blobs import Place
from havre.core.container import ContainerDamaged
from havre.core.keeper_client import Actor, KeeperRefused
from havre.core.verification import KEY_FAULTS
from havre.vault.models import Pages, Version

logger = logging.getLogger(__name__)
KEY_LOST = frozenset(KEY_FAULTS)  # the keeper's refusals that do not pass
_GONE = (errno.ENOENT, errno.EIO)


class PaperDamaged(Exception):
    """A paper, or one of its files, that nobody can open any more. It has been logged."""


def write(version: Version, name: str, dek: bytes, source: Iterator[bytes]) -> None:
    """Seal one of a version's files: `original`, `page-N`, `thumb-N`."""
    blobs.put(_place(version), name, _key(name, dek), source)


def read(version: Version, name: str, dek: bytes) -> Iterator[bytes]:
    """The clear bytes of one of a version's files; raises FileNotFoundError or ContainerDamaged before the first."""
    chunks = blobs.chunks(_place(version), name, _key(name, dek))
    first = next(chunks, b"")
    return itertools.chain([first], chunks)


def verify(version: Version, name: str, dek: bytes) -> int:
    """Authenticate one of a version's files; its size on the disk. As `read`."""
    return blobs.verify(_place(version), name, _key(name, dek))


def names(version: Version) -> list[str]:
    """The files that a version must have."""
    shown = range(1, version.shown_pages + 1) if version.pages == Pages.READY else ()
    return ["original", *(f"{kind}-{number}" for number in shown for kind in ("page", "thumb"))]


def open_key(version: Version, *, by: Actor, purpose: str) -> bytes:
    """The key of a version, from the keeper, for this actor and purpose.

    It may have been wrapped again since the row was read, for another paper of the person was erased: then once more.
    """
    try:
        return _opened_key(version, by, purpose)
    except KeeperRefused as refused:
        before = bytes(version.wrapped_key)
        version.refresh_from_db(fields=["wrapped_key"])
        if refused.code != "wrong_key" or bytes(version.wrapped_key) == before:
            raise
    return _opened_key(version, by, purpose)


def _opened_key(version: Version, by: Actor, purpose: str) -> bytes:
    document = version.document
    return sealing.keeper().open_key(
        document.person_id, document.part, bytes(version.wrapped_key), by, purpose
    )


def whole(version: Version, name: str, *, by: Actor, purpose: str) -> Iterator[bytes]:
    """The clear bytes of a file that was authenticated to its end before the first one is given; PaperDamaged."""
    with _noted(version, name):
        dek = open_key(version, by=by, purpose=purpose)
        verify(version, name, dek)
        return read(version, name, dek)


def damaged_pages(version: Version, *, by: Actor, purpose: str) -> list[int]:
    """The pages shown whose picture nobody can open any more; PaperDamaged when it is the paper's key."""
    with _noted(version, "the key"):
        dek = open_key(version, by=by, purpose=purpose)
    return [number for number in range(1, version.shown_pages + 1) if _is_damaged(version, number, dek)]


def _is_damaged(version: Version, number: int, dek: bytes) -> bool:
    try:
        with _noted(version, f"page-{number}"):
            verify(version, f"page-{number}", dek)
    except PaperDamaged:
        return True
    return False


@contextmanager
def _noted(version: Version, name: str) -> Iterator[None]:
    """Log which file of which paper is damaged; what only passes (an absent keeper, a budget) goes through."""
    try:
        yield
    except (ContainerDamaged, KeeperRefused, OSError) as fault:
        if isinstance(fault, KeeperRefused) and fault.code not in KEY_LOST:
            raise
        if isinstance(fault, OSError) and fault.errno not in _GONE:
            raise
        logger.error("%s of document %s, version %s: %s", name, version.document_id, version.number, fault)  # noqa: TRY400
        raise PaperDamaged from fault


def _place(version: Version) -> Place:
    return Place(version.blob, version.document.person_id, version.document_id, version.number)


def _key(name: str, dek: bytes) -> bytes:
    label = {"page": "pages", "thumb": "preview"}.get(name.partition("-")[0], "original")
    return container.derive(dek, label)
