"""`bin/havre serve`: starts the house, keeps it standing, and takes it down whole.

The parent imports no Django: it checks the settings, starts the keeper, prepares the database and the static
files, then starts web, worker and tick. A child that dies is started again; when the parent dies, the kernel
ends them all.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from havre.config import env
from havre.config.env import WrongSetting

SOCKET_PATH_BYTES = 107  # unix(7): 108 with the final zero
FOLDERS = ("", "run", "blobs", "arrivals", "outbox")
STOPS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
WATCHED = STOPS | {signal.SIGCHLD}
KEEPER_START_SECONDS = 15
STOP_SECONDS = 3.0  # then what is left is killed; the keeper goes last, within one more second
FIRST_DELAY, LONGEST_DELAY, HEALTHY_SECONDS = 0.2, 10.0, 30.0
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Closing(Exception):
    """The house closes, with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def main(argv: list[str]) -> int:
    """Run until a signal; 2 when a setting is wrong, after one sentence on the error output."""
    try:
        values = _settings(argv)
        _check(values)
        with _only_one(values["HAVRE_HOME"]):
            _port_is_free(values["HAVRE_ADDRESS"], values["HAVRE_PORT"])
            return House(values).run()
    except WrongSetting as mistake:
        print(mistake, file=sys.stderr)
        return 2


def keeper(argv: list[str]) -> int:
    """Become the keeper alone, with the folder and the socket of the settings (`bin/havre keeper`)."""
    try:
        values = env.read()
        _check(values)
    except WrongSetting as mistake:
        print(mistake, file=sys.stderr)
        return 2
    command = _keeper_command(values) + argv
    return os.execv(command[0], command)  # noqa: S606 - never returns


def tie(parent: int) -> Callable[[], None]:
    """What a child does before it becomes its program: it will get SIGTERM when `parent` dies."""

    def tied() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    return tied


# --- before anything starts ---


def _settings(argv: list[str]) -> dict[str, Any]:
    """The settings, after the command line was written into the environment that the children inherit."""
    parser = argparse.ArgumentParser(prog="bin/havre serve", description="Start the whole house.")
    parser.add_argument("--port", help="instead of HAVRE_PORT")
    parser.add_argument("--address", help="instead of HAVRE_ADDRESS")
    options = parser.parse_args(argv)
    for name, value in (("HAVRE_PORT", options.port), ("HAVRE_ADDRESS", options.address)):
        if value is not None:
            os.environ[name] = value
    values = env.read()
    if not os.environ.get("HAVRE_URL"):
        os.environ["HAVRE_URL"] = f"http://127.0.0.1:{values['HAVRE_PORT']}"
    return env.read()


def _check(values: dict[str, Any]) -> None:
    """The folders exist (made for us alone) and may be written; the socket's path is short enough."""
    home: Path = values["HAVRE_HOME"]
    length = len(os.fsencode(_keeper_socket(values)))
    if length > SOCKET_PATH_BYTES:
        raise WrongSetting(
            f"HAVRE_HOME={home} is too long: its keeper's socket has {length} bytes "
            f"of the system's {SOCKET_PATH_BYTES}; choose a shorter path."
        )
    for folder in FOLDERS:
        _make_folder("HAVRE_HOME", home / folder)
    _make_folder("HAVRE_KEEPER_HOME", values["HAVRE_KEEPER_HOME"])


def _make_folder(setting: str, folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise WrongSetting(f"{setting}: {folder} cannot be made ({error.strerror}).") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise WrongSetting(f"{setting}: {folder} cannot be written by this user.")


@contextlib.contextmanager
def _only_one(home: Path) -> Iterator[None]:
    """One supervisor a home: a lock that the kernel drops with the process."""
    with (home / "run" / "house.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WrongSetting(f"HAVRE_HOME={home} is already in use by another bin/havre serve.") from None
        yield


def _port_is_free(address: str, port: int) -> None:
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sentence = f"HAVRE_PORT={port}: another program listens there; choose another port with --port."
        else:
            sentence = (
                f"HAVRE_ADDRESS={address}, HAVRE_PORT={port}: cannot be listened on ({error.strerror})."
            )
        raise WrongSetting(sentence) from error


# --- the children ---


def _keeper_socket(values: dict[str, Any]) -> Path:
    home: Path = values["HAVRE_HOME"]
    return home / "run" / "keeper.sock"


def _keeper_command(values: dict[str, Any]) -> list[str]:
    command = [sys.executable, "-m", "havre.keeper"]
    return [*command, "--home", str(values["HAVRE_KEEPER_HOME"]), "--socket", str(_keeper_socket(values))]


def _web_command(values: dict[str, Any]) -> list[str]:
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "1", "--no-ws"]
    command += ["--host", values["HAVRE_ADDRESS"], "--port", str(values["HAVRE_PORT"])]
    command += ["--blocking-threads", str(values["HAVRE_WEB_THREADS"]), "--workers-kill-timeout", "2"]
    return [*command, "--log-level", "warning", "havre.config.wsgi:application"]


def _manage(*words: str) -> list[str]:
    return [sys.executable, "-m", "havre", *words]


class Child:
    """One process of the house, in a process group of its own, started again when it dies."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self.command = command
        self.process: subprocess.Popen[bytes] | None = None
        self._delay = FIRST_DELAY
        self._started = 0.0
        self._due = 0.0

    def start(self) -> None:
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            cwd=env.PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if self.name == "keeper" else None,
            start_new_session=True,
            preexec_fn=tie(os.getpid()),
        )

    def fallen(self) -> int | None:
        """The exit code when it is dead, after its whole group was ended; None while it lives."""
        if self.process is None or self.process.poll() is None:
            return None
        self.kill()
        return self.process.returncode

    def mend(self) -> None:
        """Start it again when it has fallen and its time has come; each quick fall doubles the wait."""
        code = self.fallen()
        if code is not None:
            self._plan(code)
        if self.process is None and time.monotonic() >= self._due:
            self.start()

    def _plan(self, code: int) -> None:
        now = time.monotonic()
        if now - self._started > HEALTHY_SECONDS:
            self._delay = FIRST_DELAY
        self._due = now + self._delay
        cause = f"signal {-code}" if code < 0 else f"code {code}"
        _say(f"{self.name} stopped ({cause}); it starts again in {self._delay:.1f} s")
        self._delay = min(self._delay * 2, LONGEST_DELAY)
        self.process = None

    def ask_to_stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def kill(self) -> None:
        """End the whole group, whether or not its first process still lives."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class House:
    """The keeper first, then what must be prepared, then web, worker and tick, until a signal."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values
        self._children: list[Child] = []

    def run(self) -> int:
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        try:
            self._open()
            while True:
                self._heed(1.0)
        except Closing as closing:
            return closing.code
        finally:
            self._close()

    def _open(self) -> None:
        self._start_keeper()
        self._prepare()
        self._start(Child("web", _web_command(self._values)))
        while not self._web_answers():  # the pages first: on a small machine the others would slow them down
            self._heed(0.05)
        self._start(Child("worker", _manage("worker")))
        self._start(Child("tick", _manage("tick")))
        _say(f"open at {self._values['HAVRE_URL']} (Ctrl-C to close)")

    def _start_keeper(self) -> None:
        """Ours, unless one that an operator started under another user already answers on the socket."""
        path = _keeper_socket(self._values)
        if _answers(path):
            return
        child = self._start(Child("keeper", _keeper_command(self._values)))
        until = time.monotonic() + KEEPER_START_SECONDS
        while not _answers(path):
            if child.fallen() is not None or time.monotonic() > until:
                _say("the keeper did not start; its own words are above")
                raise Closing(2)
            _heed_stops(0.02)

    def _prepare(self) -> None:
        child = self._start(Child("prepare", _manage("prepare")))
        while (code := child.fallen()) is None:
            _heed_stops(0.02)
        self._children.remove(child)
        if code:
            raise Closing(2)

    def _start(self, child: Child) -> Child:
        self._children.append(child)
        child.start()
        return child

    def _heed(self, seconds: float) -> None:
        _heed_stops(seconds)
        for child in self._children:
            child.mend()

    def _web_answers(self) -> bool:
        """Whether the web process answers anything at all on /healthz."""
        address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(  # noqa: S104
            self._values["HAVRE_ADDRESS"], self._values["HAVRE_ADDRESS"]
        )
        connection = http.client.HTTPConnection(address, self._values["HAVRE_PORT"], timeout=2)
        try:
            connection.request(
                "GET", "/healthz", headers={"Host": urlsplit(self._values["HAVRE_URL"]).netloc}
            )
            return connection.getresponse().status > 0
        except OSError:
            return False
        finally:
            connection.close()

    def _close(self) -> None:
        """Everything stops within STOP_SECONDS and a bit; the keeper last: the others may still need it."""
        last = [child for child in self._children if child.name == "keeper"]
        first = [child for child in self._children if child not in last]
        _end(first, STOP_SECONDS)
        _end(last, 1.0)


def _end(children: list[Child], seconds: float) -> None:
    for child in children:
        child.ask_to_stop()
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(
        child.process is not None and child.process.poll() is None for child in children
    ):
        time.sleep(0.02)
    for child in children:
        child.kill()


def _heed_stops(seconds: float) -> None:
    """Wait for a signal at most so long; a signal to stop closes the house."""
    caught = signal.sigtimedwait(WATCHED, seconds)
    if caught is not None and caught.si_signo in STOPS:
        raise Closing(0)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def _say(sentence: str) -> None:
    print(f"havre: {sentence}", file=sys.stderr, flush=True)
