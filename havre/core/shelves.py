"""Every sealed file at rest, app by app: how to walk them all, and what lies there that no row knows.

    shelves.register(Shelf("papers", left, after, again, strays))   # from AppConfig.ready()

A *stray* is older than a day and belongs to nobody: the folder of a paper whose row was never written because the
process died in between, or a file that was being written then (`.tmp`). Removing strays races with no upload: a paper's
files and its row are written within seconds of each other, under an identifier that is never used again; so what no
row knew a day after its last write, by a question asked of the database after its age was read, no row will ever know.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from havre.core.container import UNFINISHED

STRAY_SECONDS = 24 * 3600
A_FEW = 20

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """One row and the sealed files that it must have.

    `facts` names it in a report. Each file is authenticated by calling it with the DEK, which answers its size on the
    disk in bytes, or raises ContainerDamaged or OSError. `others` says what else lies in its folder.
    """

    id: UUID
    facts: Mapping[str, Any]
    subject: UUID
    part: str
    wrapped: bytes
    files: Mapping[str, Callable[[bytes], int]]
    others: Callable[[], list[str]] = list


@dataclass(frozen=True)
class Shelf:
    """The sealed files of one app; `name` is a plural ("papers").

    `left(after)` counts the rows after an id, `after(id, most)` gives the next ones in order of id, `again(id)` reads
    one anew, or None when it is gone. `strays(before)` gives the files and folders that no row knows and that nothing
    has written since that moment (seconds since 1970), each read from the disk before the database is asked.
    """

    name: str
    left: Callable[[UUID | None], int]
    after: Callable[[UUID | None, int], Sequence[Kept]]
    again: Callable[[UUID], Kept | None]
    strays: Callable[[float], Iterator[Path]]


_shelves: dict[str, Shelf] = {}


def register(shelf: Shelf) -> None:
    _shelves[shelf.name] = shelf


def known() -> list[Shelf]:
    return list(_shelves.values())


def unfinished(folder: Path, before: float) -> Iterator[Path]:
    """The files of a folder that were never finished, and that nothing has written since."""
    for path in folder.glob(f".*{UNFINISHED}"):
        if last_written(path) < before:
            yield path


def last_written(path: Path) -> float:
    """When a file, or a folder and the files in it, was last written; the far future when it has just gone."""
    try:
        inside = [entry.stat().st_mtime for entry in path.iterdir()] if path.is_dir() else []
        return max([path.stat().st_mtime, *inside])
    except FileNotFoundError:
        return float("inf")


def strays() -> list[Path]:
    """What no row knows, everywhere."""
    return [path for shelf in known() for path in _of(shelf)]


def sweep(*, by_hand: bool = False) -> list[Path]:
    """Remove the strays; answers what was removed.

    More than a few at once, or more than the rows that there are, mean another thing than accidents: a database put
    back to an earlier day, or not the one of these files. The clock then removes nothing and says so in the log; by
    hand it is done, unless the database knows nothing at all.
    """
    removed: list[Path] = []
    for shelf in known():
        found = _of(shelf)
        if _trusted(shelf, found, by_hand):
            removed.extend(path for path in found if _removed(path))
    return removed


def _of(shelf: Shelf) -> list[Path]:
    return list(shelf.strays(time.time() - STRAY_SECONDS))


def _trusted(shelf: Shelf, found: list[Path], by_hand: bool) -> bool:
    unknown = sum(path.suffix != UNFINISHED for path in found)
    rows = shelf.left(None)
    if unknown and (rows == 0 or (not by_hand and unknown > min(A_FEW, rows))):
        log.error(
            "%d sealed files or folders belong to none of the %d %s: none was removed",
            unknown,
            rows,
            shelf.name,
        )
        return False
    return True


def _removed(path: Path) -> bool:
    log.info("removing %s, which belongs to nobody", path)
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    return not path.exists()
