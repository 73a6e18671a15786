"""The server against crashes, noise, slowness and strangers."""

import contextlib
import os
import pwd
import random
import socket
import subprocess
import sys
import tempfile
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
from havre.keeper.places import CannotStart
from havre.keeper.protocol import Call, Refusal
from havre.keeper.server import Role, Server, UnixListener
from tests.keeper.ports import asked, echo, serving
from tests.keeper.process import ROOT, KeeperProcess

WORKER = Actor("worker", UUID(int=9))
KILLS = 20


def raw(keeper: KeeperProcess) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(3)
    connection.connect(os.fspath(keeper.socket))
    return connection


def test_no_acknowledged_subject_is_lost_and_no_erased_one_returns_when_killed(keeper: KeeperProcess) -> None:
    chance = random.Random(20)
    keeper.words = ("serve", "--scale", "1000")
    alive: dict[UUID, tuple[bytes, bytes]] = {}
    erased: set[UUID] = set()
    for _ in range(KILLS):
        keeper.start()
        client = KeeperClient(keeper.socket)
        killer = threading.Timer(chance.uniform(0.001, 0.1), keeper.kill)
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
            if chance.random() < 0.3:
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
    assert KeeperClient(keeper.socket).check()["damaged"] == 0


def test_noise_is_answered_with_a_refusal_and_a_closed_connection(keeper: KeeperProcess) -> None:
    keeper.start()
    with raw(keeper) as connection:
        connection.sendall(b"\x00\x00\x00\x03\x01\x02\xff")
        frame = protocol.receive(connection, idle=1, within=1)
        assert frame is not None
        assert protocol.decode(frame)[0] == Refusal.MALFORMED
        assert connection.recv(1) == b""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A private folder with a short name, for sockets."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(3)
    connection.connect(os.fspath(path))
    return connection


def test_a_connection_that_stays_in_the_middle_of_a_frame_is_closed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FRAME_SECONDS", 0.1)
    with serving(Server(echo, [UnixListener(folder / "s")])), connected(folder / "s") as connection:
        start = time.monotonic()
        connection.sendall(b"\x00\x00\x00\x09\x01")
        assert connection.recv(1) == b""
        assert time.monotonic() - start >= 0.1


def test_somebody_who_does_not_read_the_answer_is_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FRAME_SECONDS", 0.1)
    done = threading.Event()

    def long_answer(call: int, fields: list[bytes]) -> list[bytes]:
        done.set()
        return [bytes(1_000_000)]

    listener = UnixListener(folder / "s")
    with serving(Server(long_answer, [listener])), connected(folder / "s") as connection:
        before = threading.active_count()
        connection.sendall(protocol.encode(1, []))
        assert done.wait(1)
        until = time.monotonic() + 2
        while threading.active_count() > before and time.monotonic() < until:
            time.sleep(0.01)
        assert threading.active_count() <= before


def test_a_silent_connection_is_closed_in_the_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.1)
    with serving(Server(echo, [UnixListener(folder / "s")])), connected(folder / "s") as connection:
        assert asked(connection, 9, b"once")[1] == [b"once"]
        assert connection.recv(1) == b""


def test_it_stops_soon_and_leaves_no_socket(folder: Path) -> None:
    running = Server(echo, [UnixListener(folder / "a"), UnixListener(folder / "b")])
    with serving(running) as thread, connected(folder / "a"):
        running.stop()
        thread.join(1)
        assert not thread.is_alive()
    assert list(folder.iterdir()) == []


def test_one_connection_too_many_is_told_so_and_the_others_go_on(folder: Path) -> None:
    listeners = [UnixListener(folder / "s"), UnixListener(folder / "other")]
    with serving(Server(echo, listeners)), contextlib.ExitStack() as held:
        crowd = [held.enter_context(connected(folder / "s")) for _ in range(server.MAX_CONNECTIONS)]
        for connection in (crowd[0], crowd[-1]):
            assert asked(connection, 9)[0] == 0
        with pytest.raises(KeeperRefused) as refused:
            KeeperClient(folder / "s").check()
        assert refused.value.code == "busy"
        with connected(folder / "other") as elsewhere:
            assert asked(elsewhere, 9)[0] == 0


def test_each_role_has_its_own_answers(folder: Path) -> None:
    listeners = [UnixListener(folder / role, role=role) for role in Role]
    operator = {Role.OPERATOR: lambda call, fields: [b"operator"]}
    with serving(Server(echo, listeners, operator)):
        answers = {}
        for role in Role:
            with connected(folder / role) as connection:
                answers[role] = asked(connection, 9, b"client")
    assert answers[Role.CLIENT] == (0, [b"client"])
    assert answers[Role.OPERATOR] == (0, [b"operator"])
    assert answers[Role.KEEPER][0] == Refusal.FORBIDDEN


def test_a_role_without_answers_is_not_heard(folder: Path) -> None:
    listener = UnixListener(folder / "s", role=Role.OPERATOR)
    with serving(Server(echo, [listener])), connected(folder / "s") as connection:
        assert connection.recv(1) == b""


# --- the socket's users ---


def test_a_socket_is_for_its_own_user(folder: Path) -> None:
    with serving(Server(echo, [UnixListener(folder / "run" / "s")])):
        assert (folder / "run").stat().st_mode & 0o777 == 0o700
        assert (folder / "run" / "s").stat().st_mode & 0o777 == 0o600


def test_a_socket_with_allowed_users_is_of_its_folders_group(folder: Path) -> None:
    folder.chmod(0o2750)
    with serving(Server(echo, [UnixListener(folder / "s", allow=["nobody"])])):
        found = (folder / "s").stat()
        assert found.st_mode & 0o777 == 0o660
        assert found.st_gid == folder.stat().st_gid


@pytest.mark.parametrize("mode", [0o2770, 0o2751, 0o2754])
def test_a_socket_is_not_shared_in_a_folder_that_others_enter_or_change(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    with pytest.raises(CannotStart, match="chmod 2750"):
        UnixListener(folder / "s", allow=["nobody"])


def test_a_user_who_does_not_exist_is_named(folder: Path) -> None:
    with pytest.raises(CannotStart, match="There is no user amina"):
        UnixListener(folder / "s", allow=["amina"])


def test_whoever_connects_is_known_to_the_system(folder: Path) -> None:
    """Root looks from three users, on a socket that its modes leave open to all of them."""
    if os.geteuid() != 0:
        listener = UnixListener(folder / "s")
        listener._users = {0}
        with serving(Server(echo, [listener])):
            assert _asked_as(os.geteuid(), folder / "s") == b""
        return
    allowed, stranger = pwd.getpwnam("daemon").pw_uid, pwd.getpwnam("nobody").pw_uid
    folder.chmod(0o2750)
    listener = UnixListener(folder / "s", allow=["daemon"])
    folder.chmod(0o755)
    (folder / "s").chmod(0o666)
    with serving(Server(echo, [listener])):
        assert _asked_as(0, folder / "s") == b"echo"
        assert _asked_as(allowed, folder / "s") == b"echo"
        assert _asked_as(stranger, folder / "s") == b""


_SPEAKER = """
import os, socket, sys
os.setuid(int(sys.argv[1]))
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[2])
    connection.sendall(bytes.fromhex("0000000a 01 09 00000004") + b"echo")
    sys.stdout.buffer.write(connection.recv(100)[10:])
"""


def _asked_as(user: int, path: Path) -> bytes:
    """What a question gets from a process of this user; nothing when it is not heard."""
    words = [sys.executable, "-c", _SPEAKER, str(user), str(path)]
    spoken = subprocess.run(words, cwd=ROOT, capture_output=True, check=False)
    return spoken.stdout


def test_many_threads_create_without_losing_or_mixing(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    made: dict[UUID, tuple[bytes, bytes]] = {}

    def create(first: int) -> None:
        for number in range(first, first + 25):
            subject = UUID(int=number)
            client.create(subject)
            made[subject] = client.seal_key(subject, "private")

    threads = [threading.Thread(target=create, args=(1000 + 100 * number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 200
    for subject, (dek, wrapped) in made.items():
        assert client.open_key(subject, "private", wrapped, WORKER, "test") == dek
