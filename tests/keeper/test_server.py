"""The server against crashes, noise and slowness."""

import contextlib
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from havre.core.keeper_client import (
    Actor,
    KeeperAbsent,
    KeeperClient,
    KeeperRefused,
    SubjectErased,
)
from havre.keeper import protocol, server
from havre.keeper.calls import Keeper
from havre.keeper.protocol import Call, Refusal
from havre.keeper.store import Store
from tests.keeper.process import KeeperProcess

WORKER = Actor("worker", UUID(int=9))
KILLS = 20


def raw(keeper: KeeperProcess) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(3)
    connection.connect(os.fspath(keeper.socket))
    return connection


def test_no_acknowledged_subject_is_lost_and_no_erased_one_returns_when_killed(keeper: KeeperProcess) -> None:
    chance = random.Random(20)
    alive: dict[UUID, tuple[bytes, bytes]] = {}
    erased: set[UUID] = set()
    for _ in range(KILLS):
        keeper.start()
        client = KeeperClient(keeper.socket)
        killer = threading.Timer(chance.uniform(0.001, 0.04), keeper.kill)
        killer.start()
        write_until_killed(client, chance, alive, erased)
        killer.join()
    assert len(alive) > KILLS
    assert erased
    keeper.start()
    client = KeeperClient(keeper.socket)
    for subject, (dek, wrapped) in alive.items():
        assert client.open_key(subject, "shared", wrapped, WORKER, "test") == dek
    for subject in erased:
        with pytest.raises(SubjectErased):
            client.seal_key(subject, "shared")
    assert client.check()["damaged"] == 0


def write_until_killed(
    client: KeeperClient, chance: random.Random, alive: dict[UUID, tuple[bytes, bytes]], erased: set[UUID]
) -> None:
    """Create and erase, noting what was acknowledged; what was being erased when all stopped is neither."""
    try:
        while True:
            subject = UUID(int=chance.getrandbits(128))
            client.create(subject)
            alive[subject] = client.seal_key(subject, "shared")
            if chance.random() < 0.1:
                gone = chance.choice(list(alive))
                del alive[gone]
                client.erase(gone)
                erased.add(gone)
    except KeeperAbsent:
        return


def noise(chance: random.Random) -> Iterator[bytes]:
    """Raw noise, then well-framed noise, then real calls with random fields."""
    for _ in range(60):
        yield chance.randbytes(chance.randrange(1, 200))
    for _ in range(60):
        body = b"\x01" + chance.randbytes(chance.randrange(1, 100))
        yield len(body).to_bytes(4) + body
    for call in list(Call) * 10:
        fields = [chance.randbytes(chance.choice([0, 1, 16, 17, 44])) for _ in range(chance.randrange(6))]
        yield protocol.encode(call, fields)


def test_random_bytes_never_end_the_server(keeper: KeeperProcess) -> None:
    keeper.start()
    for sent in noise(random.Random(7)):
        with raw(keeper) as connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
    assert KeeperClient(keeper.socket).ping()


def test_noise_is_answered_with_a_refusal_and_a_closed_connection(keeper: KeeperProcess) -> None:
    keeper.start()
    with raw(keeper) as connection:
        connection.sendall(b"\x00\x00\x00\x03\x01\x02\xff")
        frame = protocol.receive(connection, idle=1, within=1)
        assert frame is not None
        assert protocol.decode(frame)[0] == Refusal.MALFORMED
        assert connection.recv(1) == b""


def test_a_connection_that_stays_in_the_middle_of_a_frame_is_closed(
    keeper: KeeperProcess, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FRAME_SECONDS", 0.1)
    store = Store(home, bytes(32))
    running = server.Server(Keeper(store, bytes(32)), keeper.socket)
    thread = threading.Thread(target=running.serve)
    thread.start()
    with raw(keeper) as connection:
        start = time.monotonic()
        connection.sendall(b"\x00\x00\x00\x09\x01")
        assert connection.recv(1) == b""
        assert time.monotonic() - start >= 0.1
    running.stop()
    thread.join(1)
    assert not thread.is_alive()
    assert not keeper.socket.exists()
    store.close()


def test_one_connection_too_many_is_told_so_and_the_others_go_on(keeper: KeeperProcess) -> None:
    keeper.start()
    held = [raw(keeper) for _ in range(server.MAX_CONNECTIONS)]
    try:
        for connection in (held[0], held[-1]):
            connection.sendall(protocol.encode(Call.PING, []))
            assert protocol.receive(connection, idle=2, within=2) is not None
        with pytest.raises(KeeperRefused) as refused:
            KeeperClient(keeper.socket).ping()
        assert refused.value.code == "busy"
    finally:
        for connection in held:
            connection.close()


def test_many_threads_create_without_losing_or_mixing(client: KeeperClient) -> None:
    made: dict[UUID, tuple[bytes, bytes]] = {}

    def create(first: int) -> None:
        for number in range(first, first + 25):
            subject = UUID(int=number)
            client.create(subject)
            made[subject] = client.seal_key(subject, "private")

    threads = [threading.Thread(target=create, args=(1 + 100 * number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 200
    for subject, (dek, wrapped) in made.items():
        assert client.open_key(subject, "private", wrapped, WORKER, "test") == dek
