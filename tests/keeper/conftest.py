"""Fixtures of the keeper's tests."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from havre.core.keeper_client import KeeperClient
from havre.keeper.server import Server, UnixListener
from tests.keeper.clocks import Clocks
from tests.keeper.houses import Asking, opened
from tests.keeper.ports import serving
from tests.keeper.process import KeeperProcess


@pytest.fixture
def keeper() -> Iterator[KeeperProcess]:
    """A keeper that has not started yet; ended after the test."""
    with tempfile.TemporaryDirectory() as folder:
        process = KeeperProcess(Path(folder))
        yield process
        if process.process is not None:
            process.kill()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A private folder for a store or a root key."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A private folder for a second copy."""
    folder = tmp_path / "copy"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def house(home: Path, copy: Path) -> Iterator[Asking]:
    """A house with a second copy, whose budgets nobody meets."""
    with opened(home, copy) as asking:
        yield asking


@pytest.fixture
def client(house: Asking) -> Iterator[KeeperClient]:
    """A client of a keeper that runs in a thread of the tests: the same socket and store, without the process."""
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "keeper.sock"
        with serving(Server(house.keeper.answer, [UnixListener(socket)])):
            client = KeeperClient(socket)
            yield client
            client.close()


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    """The clock of the wall and that of the machine, as the keeper sees them; they stand still until moved."""
    return Clocks(monkeypatch)


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what is written, and not of when the disk has it: nobody waits for the disk."""
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, lambda _: None)
