"""A whole house for a test: `bin/havre serve` as an operator starts it, in a home of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
START_SECONDS = 60


def environment(**more: str) -> dict[str, str]:
    """This process's, without its own Havre and Django settings."""
    dropped = ("HAVRE_", "DJANGO_SETTINGS_MODULE")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)} | more


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `bin/havre …` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "havre", *words],
        cwd=PROJECT,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class House:
    """A supervisor and its children, with these settings beside the home and the port."""

    def __init__(self, home: Path, *before: str, **settings: str) -> None:
        """`before`: words of the command line that come before Python."""
        self.home = home
        self._before, self._settings = before, settings
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = (home.parent / f"{home.name}.log").open("a+")
        self.supervisor = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self._before, sys.executable, "-m", "havre", "serve", "--port", str(self.port)],
            cwd=PROJECT,
            env=environment(HAVRE_HOME=str(self.home), **self._settings),
            stdout=self._log,
            stderr=self._log,
        )

    def words(self) -> str:
        """What it has said so far."""
        return Path(self._log.name).read_text()

    def health(self) -> dict[str, Any]:
        """The answer of /healthz; nothing when it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:  # noqa: S310
                answered: dict[str, Any] = json.load(answer)
                return answered
        except (OSError, urllib.error.URLError):
            return {}

    def wait_until_well(self) -> None:
        """Until every process is there."""
        eventually(lambda: self.health().get("state") == "ok", START_SECONDS, self.words)

    def processes(self) -> dict[int, str]:
        """The living children's command lines by id: whoever names this home in its environment or its words."""
        return {pid: line for pid, line in _all_processes(str(self.home)) if pid != self.supervisor.pid}

    def process(self, words: str) -> int:
        """The id of the first process whose command line has these words."""
        found = [pid for pid, line in self.processes().items() if words in line]
        assert found, f"no process runs {words}: {self.processes()}"
        return min(found)

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Signal the supervisor; the seconds until it is gone."""
        start = time.monotonic()
        self.supervisor.send_signal(number)
        self.supervisor.wait(timeout=20)
        return time.monotonic() - start

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.supervisor.poll() is None:
            self.stop()
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self._log.close()


def _all_processes(home: str) -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            variables = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z" and (f"HAVRE_HOME={home}" in variables or f"{home}/" in line):
                yield int(folder.name), line
        except OSError:
            continue


@contextmanager
def house(**settings: str) -> Iterator[House]:
    """A house that is up; ended at the end, with its home."""
    with tempfile.TemporaryDirectory(prefix="havre-house-") as folder:
        built = House(Path(folder) / "home", **settings)
        try:
            built.wait_until_well()
            yield built
        finally:
            built.end()


def eventually(holds: Callable[[], object], seconds: float, words: Callable[[], str] = str) -> None:
    """Wait for something to hold; fail with `words()` when it does not in time."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds} s. {words()}"
        time.sleep(0.05)
