from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from havre.people.models import Person
from havre.reading.client import ReadingServer
from havre.vault.models import Document
from tests import cast as stage
from tests.cast import Cast
from tests.vault import papers


@pytest.fixture(autouse=True)
def _own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of another test lies at rest."""
    for name in ("BLOBS", "ARRIVALS", "OUTBOX_FILES"):
        monkeypatch.setattr(settings, name, tmp_path / name.lower())


@pytest.fixture
def cast() -> Cast:
    return stage.build()


@pytest.fixture
def bruno(cast: Cast) -> Person:
    """Bruno, who has opened his documents to Claire's structure and to Driss's."""
    bruno = cast.bruno()
    cast.agreed(bruno, cast.halte, cast.tilleuls)
    return bruno


@pytest.fixture
def drawn(cast: Cast, bruno: Person) -> Document:
    """A paper of one page, drawn as the worker leaves it, without a reading server."""
    return papers.draw(cast, bruno)


@pytest.fixture(scope="session")
def _reading() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="havre-") as folder, ReadingServer(Path(folder)) as server:
        yield server.socket


@pytest.fixture
def reader(_reading: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reading server, where the settings say."""
    monkeypatch.setattr(settings, "READING_SOCKET", _reading)
    return _reading
