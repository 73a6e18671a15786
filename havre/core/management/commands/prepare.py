"""`bin/havre prepare`: database, static files and translations as the code wants them; quick if they are.

Then whatever the apps must do before the house opens (`core/opening.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from havre.core import catalogues, opening

_MIGRATION_LOCK = (
    0x4A7E  # PostgreSQL's advisory lock: two machines that start together migrate one after the other
)


class Command(BaseCommand):
    """Safe to run at any time, from several machines at once."""

    requires_system_checks = ()
    help = "Migrate, collect the static files, compile the translations: what is not up to date only."

    def handle(self, *args: Any, **options: Any) -> None:
        _migrate()
        _collect_static()
        for sentence in [*catalogues.compile_stale(), *_opened()]:
            self.stderr.write(sentence)
        if settings.DEMO:
            _load_demo()


def _opened() -> list[str]:
    with _alone():
        return list(opening.run())


def _migrate() -> None:
    if not _behind():
        return
    with _alone():
        if _behind():
            call_command("migrate", verbosity=0, interactive=False)


def _behind() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


@contextmanager
def _alone() -> Iterator[None]:
    """SQLite has one machine, and the supervisor's lock on its home."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATION_LOCK])


def _collect_static() -> None:
    """Collect when any source has another size or date than at the last time."""
    stamp = Path(str(settings.STATIC_ROOT)) / ".sources"
    sources = _fingerprint()
    if stamp.exists() and stamp.read_text() == sources:
        return
    call_command("collectstatic", verbosity=0, interactive=False)
    stamp.write_text(sources)


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _load_demo() -> None:
    """The demo's territory, once, in an instance where nobody is; then who can sign in."""
    if "demo_load" not in get_commands():
        return
    marker = Path(settings.HOME) / "demo"
    if not get_user_model()._default_manager.exists():
        marker.touch()  # bin/demo --reset removes only a home that bears it
    if marker.exists():
        call_command("demo_load")
        call_command("demo_who")
