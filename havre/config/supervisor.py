"""`bin/havre serve`: starts the house, keeps it standing, and takes it down whole.

The parent imports no Django: it checks the settings, starts the keeper (or waits for one that is elsewhere),
prepares the database and the static files, then starts web, worker and tick. A child that dies is started again;
when the parent dies, the kernel ends them all. Started by root, it may give the keeper a user of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import fcntl
import http.client
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from havre.config import env, users
from havre.config.env import WrongSetting
from havre.core.keeper_client import KeeperAbsent, KeeperClient, KeeperError

SOCKET_PATH_BYTES = 107  # unix(7): 108 with the final zero
FOLDERS = ("", "run", "blobs", "arrivals", "outbox")
STOPS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
WATCHED = STOPS | {signal.SIGCHLD}
KEEPER_START_SECONDS = 15
STOP_SECONDS = 3.0  # then what is left is killed; the keeper goes last, within one more second
FIRST_DELAY, LONGEST_DELAY, HEALTHY_SECONDS = 0.2, 10.0, 30.0
PR_SET_PDEATHSIG = 1
KEEPER_ALONE = (  # what leads to the keys: none but the keeper gets it
    "HAVRE_KEEPER_HOME",
    "HAVRE_KEEPER_COPY",
    "HAVRE_KEEPER_ROOT",
    "HAVRE_KEEPER_LISTEN",
    "HAVRE_KEEPER_SCALE",
    "HAVRE_KEEPER_USERS",
    "CREDENTIALS_DIRECTORY",
    "VAULT_",
)

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
    """Become the keeper alone, or one of its commands, as the settings say (`bin/havre keeper …`)."""
    try:
        values = env.read()
        _check_socket(values)
        both = users.of(values)
    except WrongSetting as mistake:
        print(mistake, file=sys.stderr)
        return 2
    with contextlib.suppress(OSError):  # the keeper says what it cannot reach
        values["HAVRE_HOME"].mkdir(mode=0o700, parents=True, exist_ok=True)
    if both is not None:
        users.become(both[0])
        os.environ["HOME"] = both[0].pw_dir
    words = list(takewhile(lambda word: not word.startswith("-"), argv))
    command = [*_keeper_command(values, *words), *argv[len(words) :]]
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
    _check_socket(values)
    home: Path = values["HAVRE_HOME"]
    both = users.of(values)
    if both is None:
        for folder in FOLDERS:
            users.make_folder("HAVRE_HOME", home / folder)
        return
    keepers, others = both
    users.give("HAVRE_HOME", home, others, keepers.pw_gid, 0o700 if keepers == others else 0o710)
    for folder in FOLDERS[1:]:
        users.give("HAVRE_HOME", home / folder, others, others.pw_gid, 0o700)
    if keepers != others and _keeper_socket(values):
        users.give("HAVRE_KEEPER_HOME", values["HAVRE_KEEPER_HOME"], keepers, keepers.pw_gid, 0o700)
        users.give("HAVRE_KEEPER", _own_socket(values).parent, keepers, others.pw_gid, 0o2750)
        if values["HAVRE_KEEPER_COPY"].startswith("/"):
            users.give("HAVRE_KEEPER_COPY", Path(values["HAVRE_KEEPER_COPY"]), keepers, keepers.pw_gid, 0o700)


def _check_socket(values: dict[str, Any]) -> None:
    path = _own_socket(values)
    length = len(os.fsencode(path))
    if length > SOCKET_PATH_BYTES:
        raise WrongSetting(
            f"HAVRE_HOME={values['HAVRE_HOME']} is too long: its keeper's socket has {length} bytes "
            f"of the system's {SOCKET_PATH_BYTES}; choose a shorter path."
        )


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


def _keeper_socket(values: dict[str, Any]) -> Path | None:
    """The first socket of this machine where the keeper answers; None when it is elsewhere."""
    here = (address for address in values["HAVRE_KEEPER"] if address.startswith("/"))
    return next(map(Path, here), None)


def _own_socket(values: dict[str, Any]) -> Path:
    """The socket of a keeper that is started here."""
    home: Path = values["HAVRE_HOME"]
    return _keeper_socket(values) or home / "run" / "keeper.sock"


def _keeper_command(values: dict[str, Any], *words: str) -> list[str]:
    """The keeper's command line; `words` are one of its commands (to serve, when there are none)."""
    home: Path = values["HAVRE_KEEPER_HOME"]
    certificates = home / "certificates"
    command = [sys.executable, "-m", "havre.keeper", *words]
    command += ["--home", str(home), "--socket", str(_own_socket(values))]
    command += ["--copy", values["HAVRE_KEEPER_COPY"], "--root", values["HAVRE_KEEPER_ROOT"]]
    command += ["--scale", f"{values['HAVRE_KEEPER_SCALE']:g}"]
    if values["HAVRE_KEEPER_LISTEN"]:
        command += ["--listen", values["HAVRE_KEEPER_LISTEN"]]
    if values["HAVRE_KEEPER_LISTEN"] or values["HAVRE_KEEPER_COPY"].startswith("tls:"):
        command += ["--certificates", str(certificates)]
    apart = [values["HAVRE_USER"]] if values["HAVRE_KEEPER_USER"] else []
    for user in [*apart, *values["HAVRE_KEEPER_USERS"]]:
        command += ["--allow", user]
    return command


def _without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of every process but the keeper: nothing in it leads to the keys."""
    return {name: value for name, value in environ.items() if not name.startswith(KEEPER_ALONE)}


def _web_command(values: dict[str, Any]) -> list[str]:
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "1", "--no-ws"]
    command += ["--host", values["HAVRE_ADDRESS"], "--port", str(values["HAVRE_PORT"])]
    command += ["--blocking-threads", str(values["HAVRE_WEB_THREADS"]), "--workers-kill-timeout", "2"]
    return [*command, "--log-level", "warning", "havre.config.wsgi:application"]


def _manage(*words: str) -> list[str]:
    return [sys.executable, "-m", "havre", *words]


class Child:
    """One process of the house, in a process group of its own, started again when it dies."""

    def __init__(self, name: str, command: list[str], user: pwd.struct_passwd | None = None) -> None:
        """`user`: the system user that it becomes; None for this process's own."""
        self.name = name
        self.command = command
        self._user = user
        self.process: subprocess.Popen[bytes] | None = None
        self._delay = FIRST_DELAY
        self._started = 0.0
        self._due = 0.0

    def start(self) -> None:
        self._started = time.monotonic()
        environment = dict(os.environ) if self.name == "keeper" else _without_keys(os.environ)
        become: dict[str, Any] = {}
        if self._user is not None:
            become = users.as_child(self._user)
            environment["HOME"] = self._user.pw_dir
        self.process = subprocess.Popen(
            self.command,
            cwd=env.PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if self.name == "keeper" else None,
            start_new_session=True,
            preexec_fn=tie(os.getpid()),
            **become,
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
        self._keepers: pwd.struct_passwd | None
        self._others: pwd.struct_passwd | None
        self._keepers, self._others = users.of(values) or (None, None)

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
        self._start(Child("web", _web_command(self._values), self._others))
        while not self._web_answers():  # the pages first: on a small machine the others would slow them down
            self._heed(0.05)
        self._start(Child("worker", _manage("worker"), self._others))
        self._start(Child("tick", _manage("tick"), self._others))
        _say(f"open at {self._values['HAVRE_URL']} (Ctrl-C to close)")

    def _start_keeper(self) -> None:
        """Ours, unless one answers already, or is to be awaited: on another machine, under another user."""
        client = KeeperClient(
            ",".join(self._values["HAVRE_KEEPER"]), 1.0, self._values["HAVRE_KEEPER_CERTIFICATES"]
        )
        if _answers(client):
            return
        if not self._starts_keeper():
            _say(f"waiting for the keeper at {', '.join(self._values['HAVRE_KEEPER'])}")
            while not _answers(client):
                _heed_stops(0.5)
            return
        child = self._start(Child("keeper", _keeper_command(self._values), self._keepers))
        until = time.monotonic() + KEEPER_START_SECONDS
        while not _answers(client):
            if child.fallen() is not None or time.monotonic() > until:
                _say("the keeper did not start; its own words are above")
                raise Closing(2)
            _heed_stops(0.02)

    def _starts_keeper(self) -> bool:
        """Whether the keeper is ours to start: passphrases are typed in a terminal, which a child has not."""
        path = _keeper_socket(self._values)
        if path is None or self._values["HAVRE_KEEPER_ROOT"] == "passphrases":
            return False
        owner = self._keepers.pw_uid if self._keepers else os.geteuid()
        return not path.parent.exists() or path.parent.stat().st_uid == owner

    def _prepare(self) -> None:
        child = self._start(Child("prepare", _manage("prepare"), self._others))
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


def _answers(client: KeeperClient) -> bool:
    try:
        client.check()
    except KeeperAbsent:
        return False
    except KeeperError:  # it refuses, so it lives
        return True
    return True


def _say(sentence: str) -> None:
    print(f"havre: {sentence}", file=sys.stderr, flush=True)
