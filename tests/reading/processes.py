"""Looking at processes from outside, through /proc."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def children(pid: int | None) -> list[int]:
    return [int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _parent(stat) == pid]


def only_child(pid: int | None) -> int:
    """The one child of `pid`, waited for."""
    assert comes_true(lambda: len(children(pid)) == 1)
    return children(pid)[0]


def is_alive(pid: int) -> bool:
    """False for a zombie too."""
    return _fields(Path(f"/proc/{pid}/stat"))[:1] not in ([], ["Z"])


def comes_true(fact: Callable[[], bool], within: float = 5.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if fact():
            return True
        time.sleep(0.01)
    return False


def open_descriptors(pid: int | None) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208  # only the count


def limit(pid: int, name: str) -> str:
    """The soft limit, as /proc/PID/limits words it."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith(name)).removeprefix(name).split()[0]


def _parent(stat: Path) -> int | None:
    fields = _fields(stat)
    return int(fields[1]) if fields else None


def _fields(stat: Path) -> list[str]:
    """What follows the command's name: state, parent, and so on; empty when the process is gone."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
