"""The warm process: it decodes nothing, forks one child a document, kills it when its time is up.

Single-threaded on purpose: only such a process may fork safely. It never receives a byte of a document: the
client's end of the data goes straight to the child. After `jobs_per_life` documents it replaces itself by
exec, keeping its pid and its listening socket, so that no client sees the change.
"""

import os
import resource
import selectors
import signal
import socket
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from havre.reading import cage, child
from havre.reading.readings import Limits
from havre.reading.wire import REQUEST_BYTES, SENT, Request, Verdict

ARRIVAL_SECONDS = 60.0  # for the client to hand the whole document over; then the wall time begins
_REQUEST_SECONDS = 1.0  # our own client sends its request with the connection
_KIB = 1024


@dataclass(slots=True)
class Job:
    """A child at work: `deadline` on the monotonic clock, `arrived` once the client has sent everything."""

    pid: int
    pidfd: int
    control: socket.socket
    limits: Limits
    deadline: float
    arrived: bool = False
    late: bool = False


class Server:
    """Serve until the lifeline closes or the life is spent.

    `at_once`: children at work together; `lifeline`: a stream that reaches its end when the owner dies.
    """

    def __init__(
        self, listener: socket.socket, *, at_once: int, jobs_per_life: int, lifeline: IO[bytes] | None
    ) -> None:
        self._listener = listener
        self._at_once = at_once
        self._jobs_left = jobs_per_life
        self._lifeline = lifeline
        self._jobs: dict[int, Job] = {}
        self._orphaned = False
        self._listening = False
        self._selector = selectors.DefaultSelector()

    def serve(self) -> bool:
        """Return True when the life is spent (start the next one), False when the owner is gone."""
        if self._lifeline is not None:
            self._on_readable(self._lifeline, self._mourn)
        while self._jobs_left or self._jobs:
            self._listen_if_room()
            for key, _ in self._selector.select(self._patience()):
                key.data()
            if self._orphaned:
                return False
            self._kill_the_late()
        self._selector.close()
        return True

    def _on_readable(self, source: int | socket.socket | IO[bytes], do: Callable[[], None]) -> None:
        self._selector.register(source, selectors.EVENT_READ, do)

    def _mourn(self) -> None:
        """The owner's end of the lifeline closed; leaving kills the children (PR_SET_PDEATHSIG)."""
        self._orphaned = True

    def _listen_if_room(self) -> None:
        room = len(self._jobs) < self._at_once and self._jobs_left > 0
        if room and not self._listening:
            self._on_readable(self._listener, self._accept)
        elif self._listening and not room:
            self._selector.unregister(self._listener)
        self._listening = room

    def _patience(self) -> float | None:
        if not self._jobs:
            return None
        return max(0.0, min(job.deadline for job in self._jobs.values()) - time.monotonic())

    def _accept(self) -> None:
        control, _ = self._listener.accept()
        control.settimeout(_REQUEST_SECONDS)
        descriptors: list[int] = []
        try:
            message, descriptors, _, _ = socket.recv_fds(control, REQUEST_BYTES, 1)
            self._start(control, Request.unpacked(message), descriptors[0])
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            control.close()  # a visit without a request, or no room to fork: the client calls it absence
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _start(self, control: socket.socket, request: Request, descriptor: int) -> None:
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            child.run(descriptor, request, server=server)
        self._jobs_left -= 1
        deadline = time.monotonic() + ARRIVAL_SECONDS
        job = self._jobs[pid] = Job(pid, os.pidfd_open(pid), control, request.limits, deadline)
        self._on_readable(job.pidfd, lambda: self._bury(job))
        self._on_readable(control, lambda: self._hear(job))

    def _hear(self, job: Job) -> None:
        """The client has sent the whole document, or has hung up."""
        if self._jobs.get(job.pid) is not job:
            return
        try:
            arrived = job.control.recv(REQUEST_BYTES) == SENT
        except OSError:
            arrived = False
        if arrived and not job.arrived:
            job.arrived = True
            job.deadline = time.monotonic() + job.limits.wall_seconds
        elif not arrived:
            self._selector.unregister(job.control)
            os.kill(job.pid, signal.SIGKILL)

    def _kill_the_late(self) -> None:
        now = time.monotonic()
        for job in self._jobs.values():
            if job.deadline <= now and not job.late:
                job.late = True
                job.deadline = now + ARRIVAL_SECONDS
                os.kill(job.pid, signal.SIGKILL)

    def _bury(self, job: Job) -> None:
        """The child has ended: tell the client how, then forget it."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(job.pid, signal.SIGKILL)  # before the wait, while the number cannot be someone else's
        _, status, usage = os.wait4(job.pid, 0)
        del self._jobs[job.pid]
        self._selector.unregister(job.pidfd)
        os.close(job.pidfd)
        with suppress(KeyError):
            self._selector.unregister(job.control)
        with suppress(OSError):
            if job.arrived or not job.late:
                job.control.send(verdict(status, usage, job).value)
        _hang_up(job.control)


def _hang_up(control: socket.socket) -> None:
    """Close once nothing unread is left: closing over it would reset the client before it reads the verdict."""
    with suppress(OSError):
        control.shutdown(socket.SHUT_RD)  # from now on the client's words are refused, not queued
        control.setblocking(False)
        while control.recv(REQUEST_BYTES):
            pass
    control.close()


def verdict(status: int, usage: resource.struct_rusage, job: Job) -> Verdict:
    """Judge how a child ended.

    A library that runs out of address space aborts rather than raises, so a violent end with more than half
    of the allowed memory in use counts as the document's weight, not as a crash.
    """
    if os.WIFEXITED(status):
        return Verdict.DONE if os.WEXITSTATUS(status) == 0 else Verdict.CRASHED
    used = usage.ru_maxrss * _KIB - cage.resident_bytes()
    spent = usage.ru_utime + usage.ru_stime >= job.limits.cpu_seconds
    heavy = job.late or spent or os.WTERMSIG(status) == signal.SIGXCPU or used > job.limits.memory // 2
    return Verdict.TOO_HEAVY if heavy else Verdict.CRASHED


def listen(path: Path) -> socket.socket:
    """Bind the socket at `path`, for this user alone.

    Raises PermissionError when the folder is open to others, FileExistsError when a server answers there.
    """
    folder = path.parent.stat()
    if stat.S_IMODE(folder.st_mode) & 0o077 or folder.st_uid != os.geteuid():
        raise PermissionError(f"{path.parent} must belong to this user, with mode 0700")
    if is_answering(path):
        raise FileExistsError(f"a reading server already listens on {path}")
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(mask)
    listener.listen(64)
    return listener


def is_answering(path: Path) -> bool:
    """Whether some process accepts connections on `path`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        return probe.connect_ex(str(path)) == 0
