"""Fixtures of the keeper's tests."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from havre.core.keeper_client import KeeperClient
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
def client(keeper: KeeperProcess) -> Iterator[KeeperClient]:
    """A client of a keeper that runs."""
    keeper.start()
    client = KeeperClient(keeper.socket)
    yield client
    client.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A private folder for a store or a root key."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder
