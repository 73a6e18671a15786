from collections.abc import Iterator
from pathlib import Path

import pytest

from havre.reading.client import ReadingServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadingServer]:
    """One warm server for the tests that only read."""
    with ReadingServer(tmp_path_factory.mktemp("reading") / "run") as server:
        yield server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ReadingServer]:
    """A server that a test may hurt."""
    with ReadingServer(tmp_path / "run") as server:
        yield server
