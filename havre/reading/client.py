"""What the worker calls: a supervised reading server, and the pages of a document.

Nothing here imports a decoder: no image library is ever loaded beside the keys.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import havre
from havre.reading.kinds import Kind
from havre.reading.readings import Limits, Page, Problem, Reading, ReadingAbsent
from havre.reading.wire import SENT, End, FrameError, PageCount, Request, Verdict, read_frame

QUEUE_SECONDS = 120.0  # the longest silence: others' documents ahead of ours, then our own
_START_SECONDS = 10.0
_STOP_SECONDS = 5.0
_VERDICT_BYTES = 64
_PROBLEMS = {
    Verdict.DONE: Problem.CRASHED,
    Verdict.CRASHED: Problem.CRASHED,
    Verdict.TOO_HEAVY: Problem.TOO_HEAVY,
}
_DEFAULTS = Limits()


class ReadingServer:
    """The reading server as a child process of this one, restarted when it has died.

    `folder` is made with mode 0700 and holds the socket. The server ends when this process does, however that
    happens: it waits on a pipe (PR_SET_PDEATHSIG would fire when the *thread* that started it ends).
    """

    def __init__(self, folder: Path, *, at_once: int = 2, jobs_per_life: int = 50) -> None:
        self.socket = folder / "reading.sock"
        self._at_once = at_once
        self._jobs_per_life = jobs_per_life
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The server's process id while it lives; the same across its re-executions."""
        alive = self._process is not None and self._process.poll() is None
        return self._process.pid if alive and self._process else None

    def start(self) -> None:
        """Start it, or start it again; no effect while it lives. Raises ReadingAbsent when it fails."""
        with self._lock:
            if self.pid is None:
                self._close_lifeline()
                self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._process = subprocess.Popen(
                    self._command(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    env=_environment(),
                    cwd="/",
                    start_new_session=True,
                )
                self._wait_until_it_answers()

    def stop(self) -> None:
        """Close the lifeline: the server ends at once and its children with it."""
        with self._lock:
            self._close_lifeline()
            self.socket.unlink(missing_ok=True)

    def read_pages(self, data: bytes | Iterable[bytes], kind: Kind, limits: Limits = _DEFAULTS) -> Reading:
        """As the function `read_pages`, with the server started again first if it died."""
        self.start()
        return read_pages(self.socket, data, kind, limits)

    @contextmanager
    def open_pages(
        self, data: bytes | Iterable[bytes], kind: Kind, limits: Limits = _DEFAULTS
    ) -> Iterator["PageStream"]:
        """As the function `open_pages`, with the server started again first if it died."""
        self.start()
        with open_pages(self.socket, data, kind, limits) as pages:
            yield pages

    def _command(self) -> list[str]:
        limits = ["--at-once", str(self._at_once), "--jobs-per-life", str(self._jobs_per_life)]
        module = [sys.executable, "-P", "-m", "havre.reading"]
        return [*module, "--socket", str(self.socket.absolute()), *limits, "--until-stdin-closes"]

    def _wait_until_it_answers(self) -> None:
        give_up = time.monotonic() + _START_SECONDS
        while time.monotonic() < give_up and self.pid is not None:
            with suppress(ReadingAbsent):
                _connected(self.socket).close()
                return
            time.sleep(0.01)
        self._close_lifeline()
        raise ReadingAbsent("the reading server did not start")

    def _close_lifeline(self) -> None:
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class PageStream:
    """The pages as they are made; `page_count` is known before the first, `problem` after the last.

    The document's wall time goes on while a page is being dealt with: store pages, do not ponder them.
    """

    def __init__(self, control: socket.socket, answer: IO[bytes], limits: Limits) -> None:
        self.page_count = 0
        self.problem: Problem | None = None
        self._control = control
        self._answer = answer
        self._limits = limits

    def __iter__(self) -> Iterator[Page]:
        """Raises ReadingAbsent when the server ends in mid-document; a child's end is only a problem."""
        shown = 0
        while isinstance(frame := self._next(), Page | PageCount):
            if isinstance(frame, PageCount) and shown == 0:
                self.page_count = frame.pages
            elif isinstance(frame, Page) and frame.number == shown + 1 <= self._limits.max_pages:
                shown += 1
                yield frame
            else:
                self.problem = Problem.CRASHED
                return
        self.problem = frame.problem if isinstance(frame, End) else frame or self._verdict()

    def _next(self) -> Page | PageCount | End | Problem | None:
        """A frame, None when the child hung up without its last one, or the problem of an impossible one."""
        try:
            return read_frame(self._answer, self._limits)
        except ConnectionResetError:
            return None
        except FrameError:
            return Problem.CRASHED
        except TimeoutError as error:
            raise ReadingAbsent("the reading server is silent") from error

    def _verdict(self) -> Problem:
        try:
            return _PROBLEMS[Verdict(self._control.recv(_VERDICT_BYTES))]
        except (OSError, ValueError) as error:
            raise ReadingAbsent("the reading server ended in the middle of a document") from error


@contextmanager
def open_pages(
    path: Path, data: bytes | Iterable[bytes], kind: Kind, limits: Limits = _DEFAULTS
) -> Iterator[PageStream]:
    """Send a document to the server on `path`; iterate over the stream for its pages, one at a time.

    `data`: the document, or its pieces, none kept here. Raises ReadingAbsent when no server answers, and
    whatever the pieces' own iterator raises. Leaving the block early ends the child.
    """
    ours, theirs = socket.socketpair()
    with ours:
        ours.settimeout(QUEUE_SECONDS)
        with theirs:
            control = _connected(path)
            _ask(control, Request(kind, limits), theirs)
        with control:
            _send(ours, control, data)
            with ours.makefile("rb") as answer:
                yield PageStream(control, answer, limits)


def read_pages(path: Path, data: bytes | Iterable[bytes], kind: Kind, limits: Limits = _DEFAULTS) -> Reading:
    """The whole reading in memory (50 pages of text: about 25 MB). Raises as `open_pages`."""
    with open_pages(path, data, kind, limits) as stream:
        pages = list(stream)
    return Reading(pages, stream.page_count, stream.problem)


def _connected(path: Path) -> socket.socket:
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.settimeout(QUEUE_SECONDS)
    try:
        control.connect(str(path))
    except OSError as error:
        control.close()
        raise ReadingAbsent("no reading server answers") from error
    return control


def _ask(control: socket.socket, request: Request, theirs: socket.socket) -> None:
    try:
        socket.send_fds(control, [request.packed()], [theirs.fileno()])
    except OSError as error:
        control.close()
        raise ReadingAbsent("the reading server takes no request") from error


def _send(data: socket.socket, control: socket.socket, document: bytes | Iterable[bytes]) -> None:
    """Hand the document over; a child that stops listening says why, or the server does."""
    for piece in [document] if isinstance(document, bytes) else document:
        try:
            data.sendall(piece)
        except TimeoutError as error:
            raise ReadingAbsent("the reading server takes no document") from error
        except OSError:
            break
    with suppress(OSError):
        data.shutdown(socket.SHUT_WR)
        control.send(SENT)


def _environment() -> dict[str, str]:
    """Nothing of this process's settings or secrets; only where the package is."""
    root = Path(havre.__file__).parent.parent
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(root)}
