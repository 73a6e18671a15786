"""Keepers that are killed: the processes of `phases.py`, and what may be lost with them."""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from havre.config.supervisor import tie
from havre.keeper import standby
from havre.keeper.places import CannotStart
from havre.keeper.protocol import Refused
from tests.keeper.phases import BOARD_BYTES, Board

FILES = ("store.log", "days.keys", "erased.ledger")


class Process:
    """A process of `phases.py`, and its board."""

    def __init__(self, board: Path, *words: str | Path) -> None:
        """Start it; `ready` waits for it."""
        board.write_bytes(bytes(BOARD_BYTES))
        self._board = Board(board)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.keeper.phases", *map(str, words)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=tie(os.getpid()),
        )

    def ready(self) -> "Process":
        """Wait until it serves; CannotStart with its sentence when it refuses to."""
        assert self._process.stdout
        if self._process.stdout.readline() != "ready\n":
            raise CannotStart(self._process.communicate()[1].strip())
        return self

    def phases(self) -> set[str]:
        """What is under way, or was when it was killed."""
        return self._board.phases()

    def kill(self) -> set[str]:
        """SIGKILL; the phases that it hit. Its threads must not have died of anything else before."""
        self._process.kill()
        assert self._process.communicate()[1] == ""
        return self.phases()

    def end(self) -> None:
        """Kill it if it still lives."""
        self._process.kill()
        self._process.wait()


class Keepers:
    """A keeper and its second copy, which is a folder, or a standby."""

    def __init__(self, base: Path, *, standby: bool) -> None:
        self._base, self.stands_by = base, standby
        self._made = 0
        self.home, self.copy = self._fresh(), self._fresh()
        self._all: list[Process] = []
        self._standby: Process | None = None
        self._promotion: threading.Thread | None = None
        self._taking_over = False

    @property
    def socket(self) -> Path:
        """Where the keeper of `home` answers."""
        return self._socket(self.home)

    def start(self) -> Process:
        """A keeper that serves, with both copies."""
        return self._serve().ready()

    def begin_take_over(self) -> Process:
        """The machine is gone: the second copy takes over. Again, when the one before was killed."""
        if not self._taking_over:
            shutil.rmtree(self.home)
            self.home, self.copy = self.copy, self._fresh()
            self._taking_over = True
        if not self.stands_by:
            return self._serve("--take-over")
        if self._standby is None:
            self._standby = self._stand_by(self.home)
        promoted, self._standby = self._standby, None
        self._promotion = threading.Thread(target=self._promote)
        self._promotion.start()
        return promoted

    def end_take_over(self) -> Process:
        """A keeper that has taken over and has a second copy again."""
        process = self.begin_take_over()
        if self._promotion:
            self._promotion.join()
            process.kill()
            process = self._serve()
        self._taking_over = False
        return process.ready()

    def lose(self, folder: Path) -> None:
        """Lose one of the two folders."""
        if folder == self.copy and self._standby:
            self._standby.kill()
            self._standby = None
        shutil.rmtree(folder)

    def both_are_equal(self) -> bool:
        """Whether each file is the same in both places."""
        return all(_content(self.home / name) == _content(self.copy / name) for name in FILES)

    def close(self) -> None:
        """End them all."""
        for process in self._all:
            process.end()

    def _serve(self, *more: str) -> Process:
        copy = os.fspath(self.copy)
        if self.stands_by:
            self._standby = self._standby or self._stand_by(self.copy)
            copy = f"unix:{copy}/{standby.CONTROL}"
        return self._process("serve", self.home, copy, *more)

    def _stand_by(self, folder: Path) -> Process:
        return self._process("standby", folder).ready()

    def _process(self, verb: str, home: Path, *words: str) -> Process:
        board = self._base / f"{home.name}.board"
        self._all.append(Process(board, verb, home, self._socket(home), board, *words))
        return self._all[-1]

    def _promote(self) -> None:
        with contextlib.suppress(CannotStart, Refused):  # it was killed meanwhile
            standby.promote(self.home)

    def _socket(self, home: Path) -> Path:
        return self._base / "run" / home.name

    def _fresh(self) -> Path:
        self._made += 1
        return self._base / f"keeper{self._made}"


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
