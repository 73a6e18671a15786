"""A warm standby: what it keeps, whom it refuses, and that it takes over by one command."""

import contextlib
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from havre.core.keeper_client import Actor, KeeperAbsent, KeeperClient, SubjectErased
from havre.keeper import standby, tls
from havre.keeper.places import CannotStart, Folder
from havre.keeper.protocol import Call, Refusal
from havre.keeper.server import Answer, Listener, UnixListener
from havre.keeper.standby import Copying, RemotePlace, Standby, TakenOver, store_term
from havre.keeper.tls import TlsListener
from tests.frame.houses import free_port
from tests.keeper.ports import asked, echo, serving
from tests.keeper.process import ROOT, KeeperProcess

WORKER = Actor("worker", UUID(int=9))


def header(term: int) -> bytes:
    """The beginning of a store of this term."""
    return b"HAVREKS2" + term.to_bytes(4) + bytes(60)


class Stage:
    """A standby in a thread, and what its primary sees."""

    def __init__(self, home: Path, opens: Callable[[], Answer] = lambda: echo) -> None:
        self.home, self.control = home, home / standby.CONTROL
        self.clients = home.with_name("clients.sock")
        listeners: list[Listener] = [UnixListener(self.clients)]
        self.standby = Standby(home, listeners, opens)

    def place(self, term: int = 1) -> RemotePlace:
        return RemotePlace(f"unix:{self.control}", lambda: term)

    def ask(self, *fields: bytes, call: int, path: Path | None = None) -> tuple[int, list[bytes]]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(3)
            connection.connect(os.fspath(path or self.control))
            return asked(connection, call, *fields)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A private folder with a short name, for sockets."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture
def stage(folder: Path) -> Iterator[Stage]:
    made = Stage(folder / "home")
    with serving(made.standby):
        yield made


# --- what it keeps ---


def test_what_was_written_is_on_the_standbys_disk_and_read_back(stage: Stage) -> None:
    place = stage.place()
    assert place.read("store.log") is None
    place.replace("store.log", header(1) + b"first")
    place.write("store.log", 5, b"\x07\x07")
    place.write("days.keys", 3, b"abc")
    content = (stage.home / "store.log").read_bytes()
    assert content == header(1)[:5] + b"\x07\x07" + header(1)[7:] + b"first"
    assert place.read("store.log") == content
    assert place.read("days.keys") == b"\0\0\0abc"
    assert (stage.home / "store.log").stat().st_mode & 0o777 == 0o600
    place.close()


@pytest.mark.parametrize(
    "size", [0, 1, standby.PART_BYTES, standby.PART_BYTES + 1, 3 * standby.PART_BYTES + 7]
)
def test_a_file_of_any_size_travels_in_parts(stage: Stage, size: int) -> None:
    place, content = stage.place(), random.Random(size).randbytes(size)
    place.replace("store.log", content)
    assert place.read("store.log") == content
    place.write("erased.ledger", 2, content)
    assert (place.read("erased.ledger") or b"\0\0")[2:] == content
    place.close()


def test_a_replacement_is_whole_or_not_at_all(stage: Stage) -> None:
    place = stage.place()
    place.replace("store.log", b"old")
    (session,) = stage.ask(struct.pack(">I", 1), call=Copying.HELLO)[1]
    part = session, b"store.log", bytes(8), b"half"
    assert stage.ask(*part, call=Copying.PART)[0] == 0
    assert place.read("store.log") == b"old"
    (session,) = stage.ask(struct.pack(">I", 1), call=Copying.HELLO)[1]
    assert stage.ask(session, b"store.log", bytes(32), call=Copying.COMMIT)[0] == Refusal.MALFORMED
    assert (stage.home / "store.log").read_bytes() == b"old"
    place.close()


def test_parts_must_follow_each_other(stage: Stage) -> None:
    (session,) = stage.ask(struct.pack(">I", 1), call=Copying.HELLO)[1]
    assert stage.ask(session, b"store.log", bytes(8), b"abc", call=Copying.PART)[0] == 0
    for at in (2, 4):
        gap = session, b"store.log", at.to_bytes(8), b"d"
        assert stage.ask(*gap, call=Copying.PART)[0] == Refusal.MALFORMED


@pytest.mark.parametrize(
    "name", ["root.key", "../store.log", "store.log.new", "standby.sock", "", "journal/1.log"]
)
def test_no_other_file_is_read_or_written(stage: Stage, name: str) -> None:
    (stage.home / "root.key").write_bytes(b"secret")
    place = stage.place()
    acts: list[Callable[[], object]] = [
        lambda: place.read(name),
        lambda: place.write(name, 0, b"x"),
        lambda: place.replace(name, b"x"),
    ]
    for act in acts:
        with pytest.raises(OSError, match="refused"):
            act()
    assert (stage.home / "root.key").read_bytes() == b"secret"
    place.close()


def test_a_full_disk_is_an_error_and_not_the_end(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    place = stage.place()
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "write", full)
        with pytest.raises(OSError, match="No space left"):
            place.write("store.log", 0, b"x")
    place.write("store.log", 0, b"x")
    assert place.read("store.log") == b"x"
    place.close()


def test_noise_never_ends_the_standby(stage: Stage) -> None:
    chance = random.Random(3)
    stage.place().replace("store.log", header(2))
    (session,) = stage.ask(struct.pack(">I", 2), call=Copying.HELLO)[1]
    for _ in range(400):
        call = chance.choice(
            [*(call for call in Copying if call != Copying.PROMOTE), chance.randrange(64, 256)]
        )
        fields = [chance.choice([session, b"store.log", b"root.key", chance.randbytes(8), b"", bytes(8)])]
        fields += [chance.randbytes(chance.choice([0, 1, 4, 8, 32])) for _ in range(chance.randrange(4))]
        before = (stage.home / "store.log").read_bytes()
        code, _ = stage.ask(*fields, call=call)
        assert code in (0, Refusal.MALFORMED, Refusal.UNKNOWN, Refusal.FORBIDDEN)
        assert (stage.home / "store.log").read_bytes() == before
    assert stage.place(10).read("store.log") == before


def test_a_term_far_above_the_stored_one_is_not_believed(stage: Stage) -> None:
    stage.place().replace("store.log", header(2))
    assert stage.ask(struct.pack(">I", 11), call=Copying.HELLO)[0] == Refusal.MALFORMED
    assert stage.place(2).read("store.log") == header(2)


# --- whom it refuses ---


def test_clients_are_sent_to_the_primary(stage: Stage) -> None:
    for call in Call:
        code, (sentence,) = stage.ask(b"x", call=call, path=stage.clients)
        assert (code, sentence) == (Refusal.STANDBY, b"This keeper is a standby: ask the primary.")
    with pytest.raises(KeeperAbsent, match="a standby"):
        KeeperClient(stage.clients).check()


def test_a_client_can_neither_replicate_nor_promote(stage: Stage) -> None:
    for call in Copying:
        assert stage.ask(struct.pack(">I", 9), call=call, path=stage.clients)[0] == Refusal.STANDBY
    standby.promote(stage.home)
    assert stage.ask(b"x", call=Call.CHECK, path=stage.clients) == (0, [b"x"])


def test_a_primary_of_an_older_term_is_refused_for_good(stage: Stage) -> None:
    place = stage.place(3)
    place.replace("store.log", header(3))
    with pytest.raises(TakenOver, match="taken over"):
        stage.place(2).write("store.log", 0, b"x")
    with pytest.raises(TakenOver, match="taken over"):
        stage.place(2).read("store.log")
    place.write("store.log", 12, b"y")
    assert store_term(stage.home / "store.log") == 3
    place.close()


def test_the_term_is_remembered_by_the_store_when_the_standby_starts_again(folder: Path) -> None:
    first = Stage(folder / "home")
    with serving(first.standby):
        first.place(3).replace("store.log", header(3))
    second = Stage(folder / "home")
    with serving(second.standby), pytest.raises(TakenOver):
        second.place(2).read("store.log")


def test_a_newer_primary_ends_the_session_of_the_older_at_once(stage: Stage) -> None:
    older, newer = stage.place(1), stage.place(2)
    older.replace("store.log", header(1))
    assert newer.read("store.log") == header(1)
    with pytest.raises(TakenOver):
        older.write("store.log", 0, b"late")
    assert newer.read("store.log") == header(1)
    older.close()
    newer.close()


def test_a_write_that_was_delayed_never_lands_in_a_newer_file(stage: Stage) -> None:
    (session,) = stage.ask(struct.pack(">I", 1), call=Copying.HELLO)[1]
    stage.place().replace("store.log", b"newer file")
    late = session, b"store.log", bytes(8), b"LATE"
    assert stage.ask(*late, call=Copying.WRITE)[0] == Refusal.UNKNOWN
    assert (stage.home / "store.log").read_bytes() == b"newer file"


def test_a_second_standby_of_one_home_is_refused(stage: Stage) -> None:
    with pytest.raises(CannotStart, match="already running"):
        Stage(stage.home)


@pytest.mark.parametrize(
    ("content", "term"),
    [(header(7), 7), (header(7)[:12], 7), (header(7)[:11], 0), (b"HAVREKS1" + bytes(9), 0), (b"", 0)],
)
def test_the_term_is_in_the_stores_header(tmp_path: Path, content: bytes, term: int) -> None:
    assert store_term(tmp_path / "none") == 0
    (tmp_path / "store.log").write_bytes(content)
    assert store_term(tmp_path / "store.log") == term


# --- the way to it ---


def test_an_absent_standby_is_an_error_at_once(folder: Path) -> None:
    start = time.monotonic()
    with pytest.raises(OSError, match="No such file"):
        RemotePlace(f"unix:{folder / 'none'}", lambda: 1).write("store.log", 0, b"x")
    assert time.monotonic() - start < 0.5


def test_a_standby_that_does_not_answer_is_an_error_in_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standby, "STEP_SECONDS", 0.2)
    monkeypatch.setattr(standby, "REPLACE_SECONDS", 0.5)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(os.fspath(folder / "silent"))
        silent.listen()
        place = RemotePlace(f"unix:{folder / 'silent'}", lambda: 1)
        acts: list[Callable[[], object]] = [
            lambda: place.write("store.log", 0, b"x"),
            lambda: place.replace("store.log", b"x"),
        ]
        for act in acts:
            start = time.monotonic()
            with pytest.raises(TimeoutError):
                act()
            assert 0.2 <= time.monotonic() - start < 0.6


def test_a_standby_that_starts_again_is_found_again_within_one_call(folder: Path) -> None:
    process = KeeperProcess(folder, "standby")
    process.start()
    place = RemotePlace(f"unix:{process.home / standby.CONTROL}", lambda: 1)
    place.replace("store.log", b"abc")
    process.kill()
    with pytest.raises(OSError, match="Connection refused"):
        place.write("store.log", 0, b"x")
    process.start()
    place.write("store.log", 0, b"x")
    process.stop()
    process.start()
    assert place.read("store.log") == b"xbc"
    process.stop()
    place.close()


def test_a_standby_that_ends_writes_no_more(folder: Path) -> None:
    made = Stage(folder / "home")
    place = made.place()
    with serving(made.standby):
        place.replace("store.log", b"abc")
    with pytest.raises(OSError, match="let go of its folder"):
        place.write("store.log", 0, b"x")
    assert (made.home / "store.log").read_bytes() == b"abc"
    place.close()


@pytest.mark.parametrize("address", ["tls://127.0.0.1:7443", "http://127.0.0.1:7443", "/a/path"])
def test_an_address_that_cannot_be_used_is_said_before_anything_starts(address: str) -> None:
    with pytest.raises(CannotStart, match="needs tls://host:port and a folder"):
        RemotePlace(address, lambda: 1)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    tls.make_certificates(folder, {"keeper": ["127.0.0.1"], "standby": ["127.0.0.1"]}, ["web"])
    return folder


def test_over_tls_the_certificate_says_who_replicates_and_who_asks(folder: Path, certificates: Path) -> None:
    listener = TlsListener("127.0.0.1:0", certificates / "standby")
    address = f"tls://127.0.0.1:{listener.listening.getsockname()[1]}"
    with serving(Standby(folder / "home", [listener], lambda: echo)):
        place = RemotePlace(address, lambda: 1, certificates / "keeper")
        place.replace("store.log", bytes(standby.PART_BYTES + 1))
        assert place.read("store.log") == bytes(standby.PART_BYTES + 1)
        with pytest.raises(OSError, match="refused: This keeper is a standby"):
            RemotePlace(address, lambda: 1, certificates / "web").read("store.log")
        standby.promote(folder / "home")
        with pytest.raises(TakenOver):
            place.write("store.log", 0, b"x")
        with _visit(address, certificates / "web") as connection:
            assert asked(connection, Call.CHECK, b"fact") == (0, [b"fact"])
        place.close()


@contextlib.contextmanager
def _visit(address: str, certificates: Path) -> Iterator[socket.socket]:
    host, port = tls.split(address.removeprefix("tls://"))
    with (
        socket.create_connection((host, port), timeout=3) as plain,
        tls.context(certificates, server=False).wrap_socket(plain, server_hostname=host) as secured,
    ):
        yield secured


# --- taking over ---


def test_one_command_makes_it_the_primary_on_the_same_socket(stage: Stage) -> None:
    place = stage.place()
    assert standby.promote(stage.home) == ""
    assert stage.ask(b"fact", call=9, path=stage.clients) == (0, [b"fact"])
    with pytest.raises(TakenOver, match="has taken over"):
        place.write("store.log", 0, b"x")
    assert not (stage.home / "store.log").exists()


def test_promoting_twice_opens_once_and_says_when_the_store_was_written(folder: Path) -> None:
    opened: list[int] = []

    def opens() -> Answer:
        Folder(folder / "home").close()  # nobody else holds it
        opened.append(1)
        return echo

    made = Stage(folder / "home", opens)
    with serving(made.standby):
        made.place().replace("store.log", header(1))
        os.utime(made.home / "store.log", (1_800_000_000, 1_800_000_000))
        assert standby.promote(made.home) == standby.promote(made.home) == "2027-01-15T08:00:00+00:00"
    assert opened == [1]


def test_a_standby_that_cannot_take_over_says_why_and_goes_on_as_one(folder: Path) -> None:
    def opens() -> Answer:
        raise CannotStart("There is no root key here.")

    made = Stage(folder / "home", opens)
    with serving(made.standby):
        place = made.place()
        place.replace("store.log", b"abc")
        with pytest.raises(CannotStart, match="cannot take over: There is no root key here"):
            standby.promote(made.home)
        place.write("store.log", 0, b"x")
        assert place.read("store.log") == b"xbc"
        assert made.ask(b"x", call=Call.CHECK, path=made.clients)[0] == Refusal.STANDBY
        place.close()


def test_without_a_standby_promoting_is_refused_in_one_sentence(folder: Path) -> None:
    with pytest.raises(CannotStart, match="No standby answers"):
        standby.promote(folder)


def test_the_control_socket_is_the_operators_alone(stage: Stage) -> None:
    assert stage.control.stat().st_mode & 0o777 == 0o600
    assert stage.home.stat().st_mode & 0o777 == 0o700


# --- two processes ---


class Pairing:
    """A primary and its standby, as on two machines: they share certificates and the root, and TLS between them."""

    def __init__(self, folder: Path, certificates: Path) -> None:
        self.port = free_port()
        address = f"tls://127.0.0.1:{self.port}"
        listening = ("--listen", f"127.0.0.1:{self.port}", "--certificates", str(certificates / "standby"))
        self.standby = KeeperProcess(folder / "2", "standby", *listening)
        replicating = ("--copy", address, "--certificates", str(certificates / "keeper"))
        self.primary = KeeperProcess(folder / "1", "serve", *replicating)
        self.client = KeeperClient(f"{self.primary.socket},{address}", certificates=certificates / "web")

    def start(self) -> None:
        """The standby first; the operator brings it the root once the primary has made one."""
        self.standby.start()
        self.primary.start()
        root = self.standby.home / "root.key"
        root.touch(mode=0o600)
        root.write_bytes((self.primary.home / "root.key").read_bytes())

    def take_over(self) -> subprocess.CompletedProcess[str]:
        """The operator's one command."""
        words = [sys.executable, "-m", "havre.keeper", "take-over"]
        words += ["--home", str(self.standby.home), "--socket", str(self.standby.socket)]
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=20)

    def end(self) -> None:
        for process in (self.primary, self.standby):
            if process.process is not None:
                process.kill()


@pytest.fixture
def pairing(folder: Path, certificates: Path) -> Iterator[Pairing]:
    made = Pairing(folder, certificates)
    made.start()
    yield made
    made.end()


def test_a_standby_takes_over_from_a_killed_primary_by_one_command(pairing: Pairing) -> None:
    client = pairing.client
    sealed = {subject: _sealed(client, subject) for subject in map(UUID, _NUMBERS)}
    gone = sealed.popitem()[0]
    client.erase(gone)
    tokens = client.tokens(None, "phone", [b"fact"])
    assert client.check()["copy"]["state"] == "ok"
    pairing.primary.kill()
    with pytest.raises(KeeperAbsent, match="a standby"):
        client.check()

    done = pairing.take_over()
    assert (done.returncode, done.stderr) == (0, "")
    assert "this keeper is the primary now; its store was last written 2" in done.stdout
    for subject, (dek, wrapped) in sealed.items():
        assert client.open_key(subject, "shared", wrapped, WORKER, "test") == dek
    with pytest.raises(SubjectErased):
        client.seal_key(gone, "shared")
    assert client.tokens(None, "phone", [b"fact"]) == tokens
    _sealed(client, UUID(int=77_777))
    found = client.check()
    assert (found["role"], found["term"], found["damaged"]) == ("primary", 2, 0)
    assert "take-over" in {alarm["what"] for alarm in found["alarms"]}


def test_the_old_primary_cannot_come_back_after_a_take_over(pairing: Pairing) -> None:
    client = pairing.client
    dek, wrapped = _sealed(client, UUID(int=2000))
    assert pairing.take_over().returncode == 0  # the primary still lives
    with pytest.raises(KeeperAbsent, match="a standby"):
        KeeperClient(pairing.primary.socket).create(UUID(int=2001))
    assert client.open_key(UUID(int=2000), "shared", wrapped, WORKER, "test") == dek
    pairing.primary.kill()
    assert "has taken over" in pairing.primary.refusal()
    pairing.standby.stop()
    pairing.standby.words = ("serve", *pairing.standby.words[1:])
    pairing.standby.start()  # from now on an ordinary primary
    assert "takes no copies of another" in pairing.primary.refusal()
    assert client.open_key(UUID(int=2000), "shared", wrapped, WORKER, "test") == dek


def test_what_was_acknowledged_before_the_primary_was_killed_is_in_the_standby(pairing: Pairing) -> None:
    chance = random.Random(5)
    acknowledged: dict[UUID, tuple[bytes, bytes]] = {}
    killer = threading.Timer(chance.uniform(0.2, 0.5), pairing.primary.kill)
    killer.start()
    with contextlib.suppress(KeeperAbsent):
        while True:
            subject = UUID(int=chance.getrandbits(128))
            acknowledged[subject] = _sealed(pairing.client, subject)
    killer.join()
    assert len(acknowledged) > 5
    assert pairing.take_over().returncode == 0
    for subject, (dek, wrapped) in acknowledged.items():
        assert pairing.client.open_key(subject, "shared", wrapped, WORKER, "test") == dek


def test_a_standby_that_was_away_is_caught_up(pairing: Pairing) -> None:
    pairing.standby.kill()
    dek, wrapped = _sealed(pairing.client, UUID(int=3000))
    assert pairing.client.check()["copy"]["state"] == "behind"
    pairing.standby.start()
    until = time.monotonic() + 20
    while pairing.client.check()["copy"]["state"] != "ok":
        assert time.monotonic() < until
        time.sleep(0.1)
    pairing.primary.kill()
    assert pairing.take_over().returncode == 0
    assert pairing.client.open_key(UUID(int=3000), "shared", wrapped, WORKER, "test") == dek


_NUMBERS = [f"{number:032x}" for number in range(1000, 1030)]


def _sealed(client: KeeperClient, subject: UUID) -> tuple[bytes, bytes]:
    client.create(subject)
    return client.seal_key(subject, "shared")
