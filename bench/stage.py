"""An empty instance for a benchmark: the real settings, a home of its own, a real keeper, nothing else running."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from havre.config.supervisor import tie

KEEPER_SECONDS = 10


@contextmanager
def instance() -> Iterator[Path]:
    """Django is ready and the database is made; gives the home, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="havre-bench-") as folder:
        for name in [name for name in os.environ if name.startswith("HAVRE_")]:
            del os.environ[name]
        os.environ |= {"HAVRE_HOME": folder, "DJANGO_SETTINGS_MODULE": "havre.config.settings"}
        with _keeper(Path(folder)):
            _prepare()
            yield Path(folder)
            _close()


@contextmanager
def _keeper(home: Path) -> Iterator[None]:
    path = home / "run" / "keeper.sock"
    path.parent.mkdir(mode=0o700)
    command = [sys.executable, "-m", "havre.keeper", "--home", str(home / "keeper"), "--socket", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=tie(os.getpid()))
    try:
        _wait_for(path)
        yield
    finally:
        process.terminate()
        process.wait(timeout=KEEPER_SECONDS)


def _wait_for(path: Path) -> None:
    until = time.monotonic() + KEEPER_SECONDS
    while not path.exists():
        if time.monotonic() > until:
            raise SystemExit("The keeper did not start.")
        time.sleep(0.02)


def _prepare() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("prepare")


def _close() -> None:
    from django.db import connections

    connections.close_all()
