"""Fixtures of the keeper's tests."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from havre.core.keeper_client import KeeperClient
from havre.keeper.calls import Keeper
from havre.keeper.server import Server
from havre.keeper.store import Store
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
def client(home: Path) -> Iterator[KeeperClient]:
    """A client of a keeper that runs in a thread of the tests: the same socket and store, without the process."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(home, bytes(32))
        server = Server(Keeper(store, bytes(32)), Path(folder) / "keeper.sock")
        thread = threading.Thread(target=server.serve)
        thread.start()
        client = KeeperClient(Path(folder) / "keeper.sock")
        yield client
        client.close()
        server.stop()
        thread.join()
        store.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A private folder for a store or a root key."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder
