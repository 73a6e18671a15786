"""Files on their way in: sealed chunk by chunk as they arrive, so that no clear byte ever lies on a disk.

The key of an arrival is in nobody's database: it lives in memory and, when a form has to be shown again (a fault, a
session that ended), in the page itself, as a token bound to the user who sent the file. Unclaimed ones go after a day.
"""

from __future__ import annotations

import base64
import binascii
import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.db import OperationalError
from django.http import HttpRequest

from havre.core import container, limits
from havre.core.ids import uuid7

logger = logging.getLogger(__name__)
KEPT = 24 * 3600  # seconds
AN_HOUR = 120  # files from one sender


@dataclass
class Arrival:
    """One sealed file that belongs to no row yet."""

    id: UUID
    key: bytes = field(repr=False)
    owner: UUID
    size: int

    @property
    def path(self) -> Path:
        return Path(settings.ARRIVALS) / str(self.id)

    def _open(self) -> AbstractContextManager[container.Opened]:
        return container.open_from(self.path, self.key, context(self.id, self.owner))

    def chunks(self) -> Iterator[bytes]:
        """The clear bytes, 16 KiB at a time."""
        with self._open() as opened:
            yield from opened.chunks()

    def ends(self, head: int, tail: int) -> tuple[bytes, bytes]:
        """The first and the last bytes, which say what the file is."""
        with self._open() as opened:
            return opened.read_at(0, head), opened.read_at(max(0, opened.length - tail), tail)

    def length(self) -> int:
        """The true length in bytes, as sealed; raises as the container does."""
        with self._open() as opened:
            return opened.length

    def token(self) -> str:
        """What the sender's own page keeps, to claim the file again."""
        return base64.urlsafe_b64encode(self.id.bytes + self.key).decode()

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


def claimed(token: str, *, owner: UUID) -> Arrival | None:
    """The arrival of a token, if this user sent it and it is still here."""
    try:
        raw = base64.urlsafe_b64decode(token.encode())
        arrival = Arrival(UUID(bytes=raw[:16]), raw[16:], owner, 0)
        if len(arrival.key) != 32:
            return None
        arrival.size = arrival.length()
    except (ValueError, binascii.Error, FileNotFoundError, container.ContainerDamaged):
        return None
    return arrival


def purge(now: float | None = None) -> int:
    """Remove the arrivals that nobody claimed within a day; answers how many."""
    limit = (now or time.time()) - KEPT
    removed = 0
    for path in Path(settings.ARRIVALS).glob("*"):
        with suppress(FileNotFoundError):  # claimed or discarded meanwhile
            if path.stat().st_mtime < limit:
                path.unlink()
                removed += 1
    return removed


def context(id: UUID, owner: UUID) -> bytes:
    """What a container of an arrival is bound to: the file, and who sent it."""
    return f"havre/1|arrival|{owner}|{id}|1".encode()


class SealedUpload(UploadedFile[bytes]):
    """An uploaded file whose bytes lie sealed; `arrival` reads them."""

    def __init__(self, arrival: Arrival, name: str, *, too_big: bool, lost: bool = False) -> None:
        super().__init__(name=name, size=arrival.size)
        self.arrival = arrival
        self.too_big = too_big
        self.lost = lost  # the disk is full: nothing of it stays

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        yield from self.arrival.chunks()


class SealingUploadHandler(FileUploadHandler):
    """Seals what a signed-in user sends as it arrives; what anybody else sends is not kept at all."""

    chunk_size = 64 * 1024

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self._arrival: Arrival | None = None
        self._sealer: container.Sealer | None = None
        self._file: BinaryIO | None = None

    def new_file(self, *args: Any, **options: Any) -> None:
        super().new_file(*args, **options)
        owner = sender(self.request)
        if owner is None or not _expected(self.request) or _too_many(owner):
            raise SkipFile
        self._arrival = Arrival(uuid7(), secrets.token_bytes(32), owner, 0)
        with self._unless_full():
            self._arrival.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = self._arrival.path.open("xb")
            self._sealer = container.Sealer(self._file, self._arrival.key, context(self._arrival.id, owner))

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        assert self._arrival is not None  # noqa: S101 -- new_file skipped the file otherwise
        self._arrival.size += len(raw_data)
        if self._sealer is not None and self._arrival.size <= settings.UPLOAD_BYTES:
            with self._unless_full():
                self._sealer.write(raw_data)

    def file_complete(self, file_size: int) -> SealedUpload | None:
        arrival, self._arrival = self._arrival, None
        if arrival is None:
            return None
        if self._sealer is not None and self._file is not None:
            with self._unless_full():
                self._sealer.finish()
                self._file.close()
        lost, self._sealer, self._file = self._sealer is None, None, None
        too_big = arrival.size > settings.UPLOAD_BYTES
        if too_big or lost:
            arrival.discard()
        return SealedUpload(arrival, self.file_name or "", too_big=too_big, lost=lost)

    @contextmanager
    def _unless_full(self) -> Iterator[None]:
        """A full disk is said by the form, beside what was typed: raised here, it would lose the whole form."""
        try:
            yield
        except OSError:
            logger.exception("an upload could not be written")
            self.upload_interrupted()

    def upload_interrupted(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
        if self._arrival is not None:
            self._arrival.discard()
        self._sealer = self._file = None


def _too_many(owner: UUID) -> bool:
    """Files that wait take room on the disk: a sender has an allowance, whatever comes of the form."""
    try:
        return limits.take(f"arrival|{owner}", capacity=AN_HOUR, per=timedelta(hours=1)) is not None
    except OperationalError:  # a busy base must not lose a photo
        return False


def _expected(request: HttpRequest | None) -> bool:
    """Whether the view that was asked for takes files; any other form's files are not kept."""
    match = getattr(request, "resolver_match", None)
    return match is None or getattr(match.func, "takes_files", False)


def sender(request: HttpRequest | None) -> UUID | None:
    """Who sends: the signed-in user, or the one whose session has just ended (the draft is theirs)."""
    lapsed: UUID | None = getattr(request, "lapsed", None)
    user = getattr(request, "user", None)
    return user.pk if user is not None and user.is_authenticated else lapsed
