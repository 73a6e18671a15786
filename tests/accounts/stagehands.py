"""What several apps' tests need behind the scene: a keeper that is gone, and all that a thief would find."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from django.conf import settings
from django.db import connection

from havre.core import sealing
from havre.core.keeper_client import KeeperClient


@contextmanager
def keeper_absent() -> Iterator[None]:
    """Meanwhile, no keeper answers."""
    gone = KeeperClient(settings.HOME / "run" / "gone.sock")
    with patch.object(sealing, "keeper", lambda: gone):
        yield


def stolen() -> bytes:
    """Every value of every table, and every file at rest: what somebody without the keeper holds."""
    return b"\n".join([*_values(), *(path.read_bytes() for path in files_at_rest())])


def _values() -> Iterator[bytes]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            for row in cursor.fetchall():
                yield from (_bytes(value) for value in row)


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def files_at_rest() -> list[Path]:
    folders = (settings.BLOBS, settings.ARRIVALS, settings.OUTBOX_FILES)
    return [path for folder in folders for path in Path(folder).rglob("*") if path.is_file()]
