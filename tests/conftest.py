"""What every test may ask for: a real keeper of its own, and a clock that stands still."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.utils import translation

gc.set_threshold(
    50_000, 20, 20
)  # as the web process (config/wsgi.py): thousands of short-lived objects a test

NOW = datetime(2026, 3, 16, 9, 0, tzinfo=UTC)  # a Monday, 10:00 in Paris
_DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


@pytest.fixture(scope="session")
def keeper() -> Iterator[Path]:
    """A real keeper on the settings' socket, one per test process; gives the socket's path."""
    from havre.config.supervisor import tie

    socket = Path(settings.KEEPER)
    socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", "havre.keeper", "serve"]
    command += ["--home", str(settings.HOME / "keeper"), "--socket", str(socket)]
    command += ["--scale", "10000"]  # one keeper for thousands of tests: the budgets have their own
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=tie(os.getpid()))
    assert process.stdout
    assert process.stdout.readline(), "the keeper did not start"
    yield socket
    process.terminate()
    process.wait(timeout=10)
    process.stdout.close()


@pytest.fixture(autouse=True)
def _keeper_beside_the_database(request: pytest.FixtureRequest) -> None:
    """A test that uses the database may meet sealed fields, so it gets the keeper; a pure one does not."""
    wants = request.node.get_closest_marker("django_db") or _DATABASE_FIXTURES & set(request.fixturenames)
    if wants:
        from havre.vault import tasks

        request.getfixturevalue("keeper")
        tasks.READER_PATIENCE = 0.01  # most tests have no reading server, and need not wait for one


@pytest.fixture(autouse=True)
def _in_french() -> Iterator[None]:
    """A page leaves its language active in the thread; the next test starts in the house's own."""
    with translation.override("fr"):
        yield


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Time stands still at NOW; `clock.shift(seconds)` and `clock.move_to(moment)` move it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def campaign() -> bool:
    """Whether this is the long form (`bin/test --campaign NAME`) of a test marked `slow`."""
    return bool(os.environ.get("CAMPAIGN"))
