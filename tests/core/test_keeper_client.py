"""The client: quick to say that the keeper is absent, at work again when it or another returns."""

import contextlib
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from havre.core import keeper_client
from havre.core.keeper_client import (
    MAX_PAPERS,
    Actor,
    Check,
    Copy,
    Day,
    JournalHead,
    KeeperAbsent,
    KeeperBudget,
    KeeperClient,
    KeeperRefused,
    SubjectErased,
)
from havre.keeper import budgets, tls
from havre.keeper.protocol import Call, Refusal, Refused
from havre.keeper.server import Answer, Server, UnixListener
from tests.frame.houses import free_port
from tests.keeper.ports import serving
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
        KeeperClient(keeper.socket).check()
    assert time.monotonic() - start < 0.5


def test_a_dead_keeper_is_said_at_once(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    client.check()
    keeper.kill()
    start = time.monotonic()
    with pytest.raises(KeeperAbsent):
        client.check()
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
            KeeperClient(path, timeout=0.1).check()
        assert 0.1 <= time.monotonic() - start < 0.5


def test_one_connection_serves_one_thread_call_after_call(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    for _ in range(20):
        client.check()
    assert [len(idle) for idle in client._gates[0]._idle.values()] == [1]


@pytest.mark.parametrize("count", [16, 64])
def test_threads_at_once_never_read_each_others_answers(keeper: KeeperProcess, count: int) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    _, wrapped = _sealed(client, BRUNO)
    wrong: list[bytes] = []
    together = threading.Barrier(count)

    def ask(fact: bytes) -> None:
        together.wait()
        expected = client.tokens(None, "test", [fact])
        for _ in range(640 // count):
            if client.tokens(None, "test", [fact]) != expected:
                wrong.append(fact)
            client.open_key(BRUNO, "shared", wrapped, WORKER, "read")

    threads = [threading.Thread(target=ask, args=(bytes([number]),)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(client._gates[0]._connections()) <= count


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_does_not_share_a_connection(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    expected = client.tokens(None, "test", [b"fact"])
    child = os.fork()
    if child == 0:
        good = client.tokens(None, "test", [b"fact"]) == expected and list(client._gates[0]._idle) == [
            os.getpid()
        ]
        os._exit(0 if good else 1)
    assert client.tokens(None, "test", [b"fact"]) == expected
    assert os.waitpid(child, 0)[1] == 0
    assert client.tokens(None, "test", [b"fact"]) == expected


def test_a_call_takes_a_fraction_of_a_millisecond(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    client.create(BRUNO)
    times = []
    for _ in range(400):
        start = time.perf_counter()
        client.seal_key(BRUNO, "shared")
        times.append(time.perf_counter() - start)
    assert sorted(times)[40] < 0.001  # 0.1 ms; an open_key waits for the disk besides


# --- the calls ---


def test_a_pepper_is_one_for_each_kind_and_secret(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    peppered = client.pepper("pin", b"1234")
    assert len(peppered) == 32
    assert client.pepper("pin", b"1234") == peppered
    assert len({peppered, client.pepper("answer", b"1234"), client.pepper("pin", b"1235")}) == 3


def test_a_ratchet_is_repeatable_and_destroys_what_came_before_once_it_is_done(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    dek, wrapped = _sealed(client, BRUNO)
    papers = [("shared", wrapped), ("private", wrapped)]
    epoch, (rewrapped, lost) = client.ratchet(BRUNO, papers)
    assert lost == b""
    assert client.ratchet(BRUNO, papers)[0] == epoch
    for pending in (wrapped, rewrapped):
        assert client.open_key(BRUNO, "shared", pending, WORKER, "read") == dek
    client.ratchet_done(BRUNO, epoch)
    client.ratchet_done(BRUNO, epoch)
    assert client.open_key(BRUNO, "shared", rewrapped, WORKER, "read") == dek
    with pytest.raises(KeeperRefused) as refused:
        client.open_key(BRUNO, "shared", wrapped, WORKER, "read")
    assert refused.value.code == "wrong_key"


def test_as_many_papers_as_a_person_may_have_are_ratcheted_in_one_call(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    _, wrapped = _sealed(client, BRUNO)
    _, again = client.ratchet(BRUNO, [("shared", wrapped)] * MAX_PAPERS)
    assert len(set(again)) == 1
    assert len(again) == MAX_PAPERS


def test_erasing_and_rekeying_tell_the_day(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    client.create(BRUNO)
    day = client.check()["day"]["number"]
    assert client.erase(BRUNO) == day
    assert client.rotate() == day + 1
    assert client.check()["day"]["number"] == day + 1
    with pytest.raises(SubjectErased):
        client.seal_key(BRUNO, "shared")


def test_beyond_its_budget_a_call_is_refused_by_name_and_the_check_tells(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    for _ in range(int(budgets.HOUSE["rekeyings"].burst)):
        client.rotate()
    with pytest.raises(KeeperBudget) as refused:
        client.rotate()
    assert refused.value.code == "budget"
    found = client.check()
    (alarm,) = [alarm for alarm in found["alarms"] if alarm["what"] == "budget"]
    assert [one["n"] for one in client.check(alarm["n"] - 1)["alarms"]] == [alarm["n"]]
    later = client.check(found["journal"]["position"])
    assert later["alarms"] == []
    assert later["journal"]["digest_after"] == found["journal"]["digest"]


def test_a_check_says_all_that_its_type_says(keeper: KeeperProcess) -> None:
    keeper.start()
    found: Mapping[str, Any] = KeeperClient(keeper.socket).check()
    assert set(found) == set(Check.__annotations__)
    assert set(found["day"]) == set(Day.__annotations__)
    assert set(found["copy"]) == set(Copy.__annotations__)
    assert set(found["journal"]) == set(JournalHead.__annotations__)


def test_a_check_is_cheap(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    times = []
    for _ in range(200):
        start = time.perf_counter()
        client.check()
        times.append(time.perf_counter() - start)
    assert sorted(times)[20] < 0.002  # 0.2 ms on a quiet machine


# --- several keepers ---


class Scripted:
    """A server that answers what a test tells it to, and remembers what it was asked."""

    def __init__(self, path: Path, answer: Answer | None = None) -> None:
        self.path, self.asked = path, list[int]()
        self._answer = answer or (lambda call, fields: [b"{}"])
        self.server = Server(self._heard, [UnixListener(path)])

    def _heard(self, call: int, fields: list[bytes]) -> list[bytes]:
        self.asked.append(call)
        return self._answer(call, fields)


def _stands_by(call: int, fields: list[bytes]) -> list[bytes]:
    raise Refused(Refusal.STANDBY, "This keeper is a standby: ask the primary.")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_the_next_keeper_is_asked_when_one_is_absent_and_the_one_that_answered_first_then(
    folder: Path,
) -> None:
    two = Scripted(folder / "two")
    client = KeeperClient(f"{folder / 'one'}, unix:{two.path}")
    with serving(two.server):
        client.check()
        one = Scripted(folder / "one")
        with serving(one.server):
            client.check()
            assert (len(one.asked), len(two.asked)) == (0, 2)
    client.close()
    with pytest.raises(KeeperAbsent, match=r"/two: No such file.*/one: No such file"):
        client.check()


def test_a_standby_sends_to_the_primary_wherever_it_is(folder: Path) -> None:
    standby, primary = Scripted(folder / "standby", _stands_by), Scripted(folder / "primary")
    client = KeeperClient(f"{standby.path},{primary.path}")
    with serving(standby.server), serving(primary.server):
        for _ in range(3):
            client.check()
    assert (len(standby.asked), len(primary.asked)) == (1, 3)


def test_when_all_are_standbys_the_keeper_is_absent(folder: Path) -> None:
    scripted = [Scripted(folder / name, _stands_by) for name in "ab"]
    with (
        serving(scripted[0].server),
        serving(scripted[1].server),
        pytest.raises(KeeperAbsent, match="a standby"),
    ):
        KeeperClient(f"{scripted[0].path},{scripted[1].path}").check()


def test_a_refusal_is_an_answer_and_no_other_keeper_is_asked(folder: Path) -> None:
    def refuses(call: int, fields: list[bytes]) -> list[bytes]:
        raise Refused(Refusal.BUDGET, "Too much.")

    one, two = Scripted(folder / "one", refuses), Scripted(folder / "two")
    with serving(one.server), serving(two.server), pytest.raises(KeeperBudget):
        KeeperClient(f"{one.path},{two.path}").check()
    assert two.asked == []


def test_a_keeper_that_falls_silent_leaves_its_calls_to_the_next_within_the_time_out(folder: Path) -> None:
    two = Scripted(folder / "two")
    with socket.socket(socket.AF_UNIX) as silent, serving(two.server):
        silent.bind(os.fspath(folder / "silent"))
        silent.listen()
        client = KeeperClient(f"{folder / 'silent'},{two.path}", timeout=0.2)
        start = time.monotonic()
        client.check()
        assert 0.2 <= time.monotonic() - start < 0.5
        client.check()
        assert time.monotonic() - start < 0.5


def _breaks(call: int, fields: list[bytes]) -> list[bytes]:
    """Closes the connection without an answer, once it has heard."""
    raise ConnectionError


@pytest.mark.parametrize(("ask", "heard"), [(KeeperClient.check, 1), (KeeperClient.rotate, 0)])
def test_what_may_have_been_done_is_asked_again_but_for_a_rekeying(
    folder: Path, ask: Callable[[KeeperClient], object], heard: int
) -> None:
    one, two = Scripted(folder / "one", _breaks), Scripted(folder / "two")
    with serving(one.server), serving(two.server), contextlib.suppress(KeeperAbsent, ValueError):
        ask(KeeperClient(f"{one.path},{two.path}"))
    assert (len(one.asked), len(two.asked)) == (1, heard)


def test_a_rekeying_is_not_repeated_when_its_connection_breaks(folder: Path) -> None:
    def breaks_on_rotate(call: int, fields: list[bytes]) -> list[bytes]:
        return _breaks(call, fields) if call == Call.ROTATE else [b"{}"]

    one = Scripted(folder / "one", breaks_on_rotate)
    client = KeeperClient(one.path)
    with serving(one.server):
        client.check()
        with pytest.raises(KeeperAbsent):
            client.rotate()
    assert one.asked == [Call.CHECK, Call.ROTATE]


def test_a_rekeying_never_goes_on_a_connection_that_may_be_dead(keeper: KeeperProcess) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    day = client.check()["day"]["number"]
    keeper.kill()
    keeper.start()
    assert client.rotate() == day + 1


def test_a_rekeying_goes_to_the_next_keeper_when_it_was_not_sent(folder: Path) -> None:
    standby = Scripted(folder / "standby", _stands_by)
    primary = Scripted(folder / "primary", lambda call, fields: [bytes([0, 0, 0, 9])])
    with serving(standby.server), serving(primary.server):
        assert KeeperClient(f"{folder / 'none'},{standby.path},{primary.path}").rotate() == 9


def test_an_answer_that_makes_no_sense_is_an_absent_keeper(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as wrong:
        wrong.bind(os.fspath(folder / "wrong"))
        wrong.listen()

        def answer() -> None:
            connection, _ = wrong.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"\x00\x00\x00\x03\x01\x00\xff")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(KeeperAbsent, match="cut short"):
            KeeperClient(folder / "wrong").check()
        thread.join()


def test_a_connection_that_was_silent_for_long_is_not_used_again(
    keeper: KeeperProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.start()
    client = KeeperClient(keeper.socket)
    client.check()
    ((first, _),) = client._gates[0]._connections()
    monkeypatch.setattr(keeper_client, "REUSE_SECONDS", 0.0)
    client.check()
    assert first.fileno() == -1
    assert len(client._gates[0]._connections()) == 1


# --- over TLS ---


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    tls.make_certificates(folder, {"keeper": ["127.0.0.1"]}, ["web"])
    return folder


@pytest.fixture
def far(keeper: KeeperProcess, certificates: Path) -> str:
    """The address of a keeper that listens over TLS."""
    port = free_port()
    keeper.words = ("serve", "--listen", f"127.0.0.1:{port}", "--certificates", str(certificates / "keeper"))
    keeper.start()
    return f"tls://127.0.0.1:{port}"


def test_over_tls_the_same_client_works_across_a_restart(
    keeper: KeeperProcess, far: str, certificates: Path
) -> None:
    client = KeeperClient(far, certificates=certificates / "web")
    dek, wrapped = _sealed(client, BRUNO)
    for end in (keeper.stop, keeper.kill):
        end()
        keeper.start()
        assert client.open_key(BRUNO, "shared", wrapped, WORKER, "read") == dek
    keeper.kill()
    start = time.monotonic()
    with pytest.raises(KeeperAbsent, match="refused"):
        client.check()
    assert time.monotonic() - start < 0.5


def test_without_good_certificates_the_keeper_is_absent_and_it_is_said_why(
    far: str, certificates: Path, tmp_path: Path
) -> None:
    tls.make_certificates(tmp_path, {}, ["web"])
    for folder, why in (
        (None, "none are set"),
        (tmp_path / "none", "No such file"),
        (tmp_path / "web", "certificate verify failed"),
    ):
        with pytest.raises(KeeperAbsent, match=why):
            KeeperClient(far, certificates=folder).check()


def test_renewed_certificates_serve_without_a_restart(far: str, certificates: Path, tmp_path: Path) -> None:
    client = KeeperClient(far, certificates=tmp_path)
    with pytest.raises(KeeperAbsent):
        client.check()
    for path in (certificates / "web").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert client.check()["role"] == "primary"


def _sealed(client: KeeperClient, subject: UUID) -> tuple[bytes, bytes]:
    client.create(subject)
    return client.seal_key(subject, "shared")
