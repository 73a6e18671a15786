import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from havre.reading.client import ReadingServer, open_pages, read_pages
from havre.reading.kinds import Kind
from havre.reading.readings import Limits, Problem, Reading, ReadingAbsent
from tests.reading import processes, samples

TINY = samples.saved(Image.new("RGB", (8, 8)), "PNG")
MAGIC = [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8 ", b"%PDF-1.7\n"]

OWNER = """
import sys, time
from pathlib import Path
from havre.reading.client import ReadingServer
server = ReadingServer(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
time.sleep(60)
"""


def read_tiny(server: ReadingServer) -> Reading:
    return server.read_pages(TINY, Kind.PNG)


def kill_child(server: ReadingServer, number: signal.Signals = signal.SIGKILL) -> None:
    os.kill(processes.only_child(server.pid), number)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_child_that_dies_is_a_problem_of_its_document_alone(
    own_server: ReadingServer, number: signal.Signals
) -> None:
    reading = own_server.read_pages(
        samples.then(samples.photo(), lambda: kill_child(own_server, number)), Kind.JPEG
    )
    assert reading == Reading([], 0, Problem.CRASHED)
    assert read_tiny(own_server).problem is None


def test_a_document_that_takes_too_long_is_stopped(own_server: ReadingServer) -> None:
    document = samples.then(samples.photo(), lambda: kill_child(own_server, signal.SIGSTOP))
    reading = own_server.read_pages(document, Kind.JPEG, Limits(wall_seconds=0.3))
    assert reading.problem is Problem.TOO_HEAVY
    assert read_tiny(own_server).problem is None


def test_a_slow_sender_is_not_held_against_the_document(own_server: ReadingServer) -> None:
    document = samples.then(samples.photo(), lambda: threading.Event().wait(0.5))
    assert own_server.read_pages(document, Kind.JPEG, Limits(wall_seconds=0.3)).problem is None


def test_a_server_killed_in_mid_document_is_absent_then_back(own_server: ReadingServer) -> None:
    first, children = own_server.pid, []

    def kill_server() -> None:
        children.append(processes.only_child(first))
        kill(first)
        assert processes.comes_true(lambda: not processes.is_alive(children[0]))

    with pytest.raises(ReadingAbsent):
        own_server.read_pages(samples.then(samples.photo(), kill_server), Kind.JPEG)
    assert read_tiny(own_server).problem is None
    assert own_server.pid != first


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def test_sixty_documents_pass_the_renewal_of_the_server(own_server: ReadingServer) -> None:
    pid, command = own_server.pid, Path(f"/proc/{own_server.pid}/cmdline")
    assert b"--listener-fd" not in command.read_bytes()
    with ThreadPoolExecutor(4) as pool:
        readings = list(pool.map(lambda _: read_tiny(own_server), range(60)))
    assert {(reading.problem, len(reading.pages)) for reading in readings} == {(None, 1)}
    assert (own_server.pid, b"--listener-fd" in command.read_bytes()) == (pid, True)


def test_a_server_renewed_after_every_document_answers_every_client(tmp_path: Path) -> None:
    with ReadingServer(tmp_path / "run", jobs_per_life=1) as server:
        assert [read_tiny(server).problem for _ in range(5)] == [None] * 5
        assert processes.open_descriptors(server.pid) < 10


def test_documents_leave_no_descriptor_and_no_process_behind(own_server: ReadingServer) -> None:
    read_tiny(own_server)
    before = processes.open_descriptors(own_server.pid)
    for _ in range(10):
        read_tiny(own_server)
    assert processes.comes_true(lambda: not processes.children(own_server.pid))
    assert processes.comes_true(lambda: processes.open_descriptors(own_server.pid) <= before)


def test_no_more_children_work_at_once_than_allowed(tmp_path: Path) -> None:
    most, lock = [0], threading.Lock()

    with ReadingServer(tmp_path / "run", at_once=2) as server:

        def look() -> None:
            with lock:
                most.append(len(processes.children(server.pid)))

        with ThreadPoolExecutor(6) as pool:
            problems = list(pool.map(lambda _: read_watched(server, look).problem, range(12)))
    assert problems == [None] * 12
    assert max(most) == 2


def read_watched(server: ReadingServer, look: object) -> Reading:
    assert callable(look)
    return server.read_pages(samples.then(samples.photo(), look), Kind.JPEG)


def test_pages_arrive_one_by_one_and_leaving_early_ends_the_child(own_server: ReadingServer) -> None:
    with own_server.open_pages(samples.pdf_of_pages(50), Kind.PDF) as stream:
        assert next(iter(stream)).number == 1
        assert stream.page_count == 50
    assert processes.comes_true(lambda: not processes.children(own_server.pid), within=1)


def test_a_stream_kept_after_its_block_holds_no_descriptor(server: ReadingServer) -> None:
    before = processes.open_descriptors(os.getpid())
    with server.open_pages(TINY, Kind.PNG) as stream:
        assert len(list(stream)) == 1
    assert (stream.problem, processes.open_descriptors(os.getpid())) == (None, before)


def test_a_source_that_fails_keeps_its_own_error_and_ends_the_child(own_server: ReadingServer) -> None:
    def failing() -> Iterator[bytes]:
        yield TINY[:20]
        raise InterruptedError("sealed bytes that do not open")

    with pytest.raises(InterruptedError):
        own_server.read_pages(failing(), Kind.PNG)
    assert processes.comes_true(lambda: not processes.children(own_server.pid))


def test_a_document_beyond_the_allowed_bytes_is_too_large(server: ReadingServer) -> None:
    pieces = (b"\xff\xd8\xff" + b"x" * 100_000 for _ in range(200))
    assert server.read_pages(pieces, Kind.JPEG, Limits(max_bytes=1_000_000)).problem is Problem.TOO_LARGE


def test_a_document_in_pieces_reads_as_the_whole(server: ReadingServer) -> None:
    data = samples.photo()
    pieces = (data[at : at + 100] for at in range(0, len(data), 100))
    assert server.read_pages(pieces, Kind.JPEG) == server.read_pages(data, Kind.JPEG)


def test_without_a_server_reading_is_absent(tmp_path: Path) -> None:
    with pytest.raises(ReadingAbsent):
        read_pages(tmp_path / "nobody.sock", TINY, Kind.PNG)
    with pytest.raises(ReadingAbsent), open_pages(tmp_path / "nobody.sock", TINY, Kind.PNG):
        pass


def test_a_folder_open_to_others_stops_the_start(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    with pytest.raises(ReadingAbsent):
        ReadingServer(folder).start()
    assert "must belong to this user, with mode 0700" in capfd.readouterr().err


def test_a_second_server_does_not_take_the_socket_of_a_living_one(
    own_server: ReadingServer, capfd: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "havre.reading", "--socket", str(own_server.socket)]
    assert subprocess.run(command, check=False, timeout=20).returncode == 2
    assert "already listens" in capfd.readouterr().err
    assert read_tiny(own_server).problem is None


def test_the_socket_is_for_its_user_alone(own_server: ReadingServer) -> None:
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (own_server.socket, own_server.socket.parent)]
    assert modes == [0o600, 0o700]


def test_the_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "run")], stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert processes.is_alive(pid)
        owner.kill()
    assert processes.comes_true(lambda: not processes.is_alive(pid))


def test_the_server_knows_none_of_its_owners_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAVRE_TEST_SECRET", "hidden")
    with ReadingServer(tmp_path / "run") as server:
        assert b"hidden" not in Path(f"/proc/{server.pid}/environ").read_bytes()


def test_a_visitor_who_asks_nothing_or_nonsense_is_dismissed(own_server: ReadingServer) -> None:
    for message in (b"", b"{}", b"[1]", b'{"kind": "EXE", "limits": {}}', b"\xff"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as visitor:
            visitor.connect(str(own_server.socket))
            visitor.settimeout(5)
            with suppress(OSError):
                visitor.send(message)
    assert read_tiny(own_server).problem is None


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(list(Kind)), st.sampled_from([*MAGIC, b""]), st.binary(max_size=2000))
def test_random_bytes_give_a_reading_and_never_an_error(
    server: ReadingServer, kind: Kind, magic: bytes, noise: bytes
) -> None:
    reading = server.read_pages(magic + noise, kind)
    assert reading.problem in {Problem.BROKEN, Problem.EMPTY, Problem.TOO_LARGE, Problem.ENCRYPTED}


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_damaged_documents_give_a_reading_and_never_an_error(
    server: ReadingServer, data: st.DataObject
) -> None:
    kind, whole = data.draw(st.sampled_from(WHOLE))
    at = data.draw(st.integers(0, len(whole) - 1))
    noise = data.draw(st.binary(min_size=1, max_size=8))
    reading = server.read_pages(whole[:at] + noise + whole[at + len(noise) :], kind)
    assert reading.problem in {None, *Problem} - {Problem.CRASHED}


WHOLE = [
    (Kind.JPEG, samples.photo(6)),
    (Kind.PNG, samples.saved(samples.red_then_blue(40, 20), "PNG")),
    (Kind.WEBP, samples.saved(samples.red_then_blue(40, 20), "WEBP")),
    (Kind.PDF, samples.pdf_of_pages(1, box=b"0 0 60 60")),
]
