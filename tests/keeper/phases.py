"""A keeper to kill: the real one, which writes on a shared board what each of its threads is doing.

    python -m tests.keeper.phases serve HOME SOCKET BOARD COPY [--take-over]
    python -m tests.keeper.phases standby HOME SOCKET BOARD

COPY is a folder, or "unix:" and the path of a standby's control socket. The board is a file of one byte for each
thread: the number of the phase under way there, 0 for none. It outlives the process.
"""

import functools
import mmap
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from havre.keeper import journal
from havre.keeper.budgets import Budgets
from havre.keeper.calls import Keeper
from havre.keeper.house import House
from havre.keeper.places import CannotStart, Folder, Pair, Place
from havre.keeper.server import Answer, Server, UnixListener
from havre.keeper.standby import RemotePlace, Standby, store_term
from havre.keeper.store import NAME as STORE
from havre.keeper.store import Store

PHASES = ("", "create", "seal", "ratchet", "erase", "rotate", "compaction", "take-over")
TAKE_OVER = PHASES.index("take-over")
BOARD_BYTES = 1024
ROOT = bytes(range(32))
WATCHED: tuple[tuple[type, str, str], ...] = (
    (Keeper, "_create", "create"),
    (Keeper, "_seal_key", "seal"),
    (Keeper, "_ratchet", "ratchet"),
    (Keeper, "_ratchet_done", "ratchet"),
    (Keeper, "_erase", "erase"),
    (House, "rotate", "rotate"),
    (Store, "compact", "compaction"),
)


class Board:
    """What each thread is doing, readable after the process was killed."""

    def __init__(self, path: Path) -> None:
        """Share the file, made and emptied by the one who watches."""
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), BOARD_BYTES)
        self._own = threading.local()
        self._threads = 0
        self._guard = threading.Lock()

    @contextmanager
    def under(self, phase: str) -> Iterator[None]:
        """This thread is in that phase; the innermost is said, but all of a take-over is one."""
        slot = self._slot()
        before = self._bytes[slot]
        self._bytes[slot] = before if before == TAKE_OVER else PHASES.index(phase)
        try:
            yield
        finally:
            self._bytes[slot] = before

    def phases(self) -> set[str]:
        """Those under way."""
        return {PHASES[number] for number in bytes(self._bytes) if number}

    def watch(self, owner: type, name: str, phase: str) -> None:
        """Have every call of a method say its phase."""
        real: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(real)
        def watched(*arguments: object, **named: object) -> object:
            with self.under(phase):
                return real(*arguments, **named)

        setattr(owner, name, watched)

    def _slot(self) -> int:
        if not hasattr(self._own, "slot"):
            with self._guard:
                self._own.slot = self._threads % BOARD_BYTES
                self._threads += 1
        slot: int = self._own.slot
        return slot


def serve(board: Board, home: Path, copy: str, socket: Path, *, take_over: bool) -> None:
    """Until killed."""
    answer = _primary(board, home, copy, take_over=take_over)
    server = Server(answer, [UnixListener(socket)])
    print("ready", flush=True)
    server.serve()


def stand_by(board: Board, home: Path, socket: Path) -> None:
    """Until killed."""
    standby = Standby(home, [UnixListener(socket)], lambda: _primary(board, home, "", take_over=True))
    print("ready", flush=True)
    standby.serve()


def _primary(board: Board, home: Path, copy: str, *, take_over: bool) -> Answer:
    own = Folder(home)
    files = Pair(own, _place(home, copy))
    if take_over:
        with board.under("take-over"):
            house = House(home, files, ROOT, take_over=True)
    else:
        house = House(home, files, ROOT)
    keeper = Keeper(house, Budgets(scale=1e6))
    threading.Thread(target=_tend, args=(keeper,), daemon=True).start()
    return keeper.answer


def _place(home: Path, copy: str) -> Place | None:
    if copy.startswith("unix:"):
        return RemotePlace(copy, lambda: store_term(home / STORE))
    return Folder(Path(copy)) if copy else None


def _tend(keeper: Keeper) -> None:
    while True:
        time.sleep(0.02)
        keeper.tend()


def main() -> None:
    """Serve or stand by; status 2 and one sentence when it cannot start."""
    verb, home, socket, path, *more = sys.argv[1:]
    board = Board(Path(path))
    for owner, name, phase in WATCHED:
        board.watch(owner, name, phase)
    journal.SEGMENT_BYTES = 50_000
    try:
        if verb == "serve":
            serve(board, Path(home), more[0], Path(socket), take_over="--take-over" in more)
        else:
            stand_by(board, Path(home), Path(socket))
    except CannotStart as reason:
        print(reason, file=sys.stderr)
        os._exit(2)


if __name__ == "__main__":
    main()
