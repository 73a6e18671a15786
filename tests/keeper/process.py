"""A real keeper process for the tests, in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class KeeperProcess:
    """`start`, `stop` (SIGTERM) and `kill` (SIGKILL) a keeper whose home and socket stay the same."""

    def __init__(self, folder: Path, *words: str) -> None:
        """`words`: the keeper's command and its options, if not just to serve."""
        self.words = words
        self.home = folder / "home"
        self.socket = folder / "run" / "keeper.sock"
        self.process: subprocess.Popen[str] | None = None

    def popen(self, *options: str) -> subprocess.Popen[str]:
        """Start a keeper without waiting for it."""
        own = ["--home", os.fspath(self.home), "--socket", os.fspath(self.socket)]
        arguments = [*self.words, *own, *options]
        return subprocess.Popen(
            [sys.executable, "-m", "havre.keeper", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(self) -> str:
        """Start and wait; the line that the keeper prints when it is ready."""
        self.process = self.popen()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "ready on" in line, self.process.communicate()
        return line

    def stop(self) -> int:
        """End cleanly; the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self._ended()

    def kill(self) -> None:
        """End at once, as a crash would."""
        assert self.process is not None
        self.process.kill()
        self._ended()

    def refusal(self, *options: str) -> str:
        """Start a keeper that must refuse: its one sentence."""
        process = self.popen(*options)
        output, error = process.communicate(timeout=5)
        assert (process.returncode, output) == (2, "")
        assert error.count("\n") == 1
        return error.strip()

    def _ended(self) -> int:
        assert self.process is not None
        self.process.communicate(timeout=5)
        status, self.process = self.process.returncode, None
        return status
