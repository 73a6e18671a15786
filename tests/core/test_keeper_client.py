"""The client: quick to say that the keeper is absent, and at work again when it returns."""

import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from havre.core.keeper_client import Actor, KeeperAbsent, KeeperClient
from tests.keeper.process import KeeperProcess

BRUNO = UUID(int=2)
WORKER = Actor("worker", UUID(int=5))


@pytest.fixture
def keeper() -> Iterator[KeeperProcess]:
    with tempfile.TemporaryDirectory() as folder:
        process = KeeperProcess(Path(folder))
        yield process
        if process.process is not None:
            process.kill()


def test_an_absent_keeper_is_said_at_once(keeper: KeeperProcess) -> None:
    start = time.monotonic()
    with pytest.raises(KeeperAbsent):
        KeeperClient(keeper.socket).ping()
    assert time.monotonic() - start < 0.5


def test_a_dead_keeper_is_said_at_once(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    client.ping()
    keeper.kill()
    start = time.monotonic()
    with pytest.raises(KeeperAbsent):
        client.ping()
    assert time.monotonic() - start < 0.5


def test_the_same_client_works_after_a_restart(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    client.create(BRUNO)
    dek, wrapped = client.seal_key(BRUNO, "shared")
    for end in (keeper.stop, keeper.kill):
        end()
        keeper.start()
        assert client.open_key(BRUNO, "shared", wrapped, WORKER, "read") == dek


def test_a_keeper_that_does_not_answer_is_absent_after_the_time_out(tmp_path: Path) -> None:
    path = tmp_path / "silent"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(os.fspath(path))
        silent.listen()
        start = time.monotonic()
        with pytest.raises(KeeperAbsent):
            KeeperClient(path, timeout=0.1).ping()
        assert 0.1 <= time.monotonic() - start < 0.5


def test_one_connection_serves_one_thread_call_after_call(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    for _ in range(20):
        client.ping()
    assert [len(idle) for idle in client._idle.values()] == [1]


def test_threads_never_read_each_others_answers(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    wrong: list[bytes] = []

    def ask(fact: bytes) -> None:
        expected = client.tokens(None, "test", [fact])
        wrong.extend(fact for _ in range(100) if client.tokens(None, "test", [fact]) != expected)

    threads = [threading.Thread(target=ask, args=(bytes([number]),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_does_not_share_a_connection(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    expected = client.tokens(None, "test", [b"fact"])
    child = os.fork()
    if child == 0:
        good = client.tokens(None, "test", [b"fact"]) == expected and list(client._idle) == [os.getpid()]
        os._exit(0 if good else 1)
    assert client.tokens(None, "test", [b"fact"]) == expected
    assert os.waitpid(child, 0)[1] == 0
    assert client.tokens(None, "test", [b"fact"]) == expected


def test_a_call_takes_a_fraction_of_a_millisecond(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    client.create(BRUNO)
    _, wrapped = client.seal_key(BRUNO, "shared")
    times = []
    for _ in range(400):
        start = time.perf_counter()
        client.open_key(BRUNO, "shared", wrapped, WORKER, "read")
        times.append(time.perf_counter() - start)
    assert sorted(times)[200] < 0.001  # 0.1 ms on a quiet machine
