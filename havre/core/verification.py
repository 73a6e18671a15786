"""Reading every sealed file at rest to its end, and authenticating it; nothing clear is kept or written.

A run goes over each shelf in order of id. Its Notes are a file to which every row adds one line when it is done, so
that a run that was killed, at any instant, can be taken up again after the last row finished.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from havre.core import sealing, shelves
from havre.core.container import ContainerDamaged
from havre.core.keeper_client import KeeperRefused
from havre.core.shelves import Kept, Shelf

BATCH = 200
WAIT_SECONDS = 1.0
KEY_FAULTS = {
    "wrong_key": "wrong_key",
    "malformed": "wrong_key",
    "unknown": "subject_unknown",
    "erased": "subject_erased",
    "damaged": "subject_damaged",
}  # what a report says of the keeper's refusals that do not pass
PASSING = frozenset({"budget", "busy"})  # refusals of the keeper after which a moment's wait is all it takes

type Waiting = Callable[[KeeperRefused], None]


class AnotherRuns(Exception):
    """Another verification holds the notes."""


@dataclass(frozen=True)
class Checked:
    """What one row gave. Faults are facts of the row, then file (or none), reason, and chunk or detail."""

    shelf: str
    id: UUID
    files: int = 0
    size: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)
    unexpected: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Tally:
    """What a run has given so far, and where it is."""

    rows: Counter[str] = field(default_factory=Counter)
    files: int = 0
    size: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)
    unexpected: list[dict[str, Any]] = field(default_factory=list)
    last: dict[str, UUID] = field(default_factory=dict)

    def add(self, checked: Checked) -> None:
        self.rows[checked.shelf] += 1
        self.files += checked.files
        self.size += checked.size
        self.faults += checked.faults
        self.unexpected += checked.unexpected
        self.last[checked.shelf] = checked.id


def left(tally: Tally) -> int:
    """How many rows are still to be read."""
    return sum(shelf.left(tally.last.get(shelf.name)) for shelf in shelves.known())


def run(notes: Notes, waiting: Waiting) -> Iterator[Checked]:
    """Check every row that the notes do not tell of yet, and note it.

    `waiting` is told each time the keeper has had enough for now. Raises KeeperAbsent, or KeeperRefused when the keeper
    cannot work at all; a row in which that happened is not noted.
    """
    for shelf in shelves.known():
        while rows := shelf.after(notes.tally.last.get(shelf.name), BATCH):
            for kept in rows:
                checked = _checked(shelf, kept, waiting)
                notes.add(checked)
                yield checked


def _checked(shelf: Shelf, kept: Kept, waiting: Waiting) -> Checked:
    """A fault counts if the row still says the same: it may have been erased, or re-wrapped, meanwhile."""
    while True:
        checked = _examined(shelf, kept, waiting)
        if not checked.faults and not checked.unexpected:
            return checked
        fresh = shelf.again(kept.id)
        if fresh is None:
            return Checked(shelf.name, kept.id)
        if (fresh.wrapped, set(fresh.files)) == (kept.wrapped, set(kept.files)):
            return checked
        kept = fresh


def _examined(shelf: Shelf, kept: Kept, waiting: Waiting) -> Checked:
    size, faults = 0, []
    try:
        dek = _key(kept, waiting)
    except KeeperRefused as refused:
        if refused.code not in KEY_FAULTS:
            raise
        faults.append({**kept.facts, "file": None, "reason": KEY_FAULTS[refused.code]})
    else:
        for name, authenticate in kept.files.items():
            try:
                size += authenticate(dek)
            except (ContainerDamaged, OSError) as fault:
                faults.append({**kept.facts, "file": name, **_reason(fault)})
    unexpected = [{**kept.facts, "file": name} for name in kept.others()]
    return Checked(shelf.name, kept.id, len(kept.files), size, faults, unexpected)


def _key(kept: Kept, waiting: Waiting) -> bytes:
    while True:
        try:
            return sealing.keeper().open_key(
                kept.subject, kept.part, kept.wrapped, sealing.worker(), "verify"
            )
        except KeeperRefused as refused:
            if refused.code not in PASSING:
                raise
            waiting(refused)
            time.sleep(WAIT_SECONDS)


def _reason(fault: ContainerDamaged | OSError) -> dict[str, Any]:
    match fault:
        case FileNotFoundError():
            return {"reason": "missing"}
        case OSError():
            return {"reason": "unreadable", "detail": fault.strerror}
        case _ if fault.chunk is None:
            return {"reason": "altered", "detail": str(fault)}
    return {"reason": "altered", "chunk": fault.chunk}


class Notes:
    """The lines of a run, in a file that one run holds at a time. Identifiers and counts, never a word of a paper."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        """Open the notes, and empty them unless a run is resumed; AnotherRuns."""
        self.tally = Tally()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise AnotherRuns from None
        whole = self._read() if resume else 0
        self._file.seek(whole)
        self._file.truncate()

    def _read(self) -> int:
        """Add up the lines, up to the last whole one; how many bytes they are."""
        whole = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            told = json.loads(line)
            self.tally.add(Checked(**told | {"id": UUID(told["id"])}))
            whole += len(line)
        return whole

    def add(self, checked: Checked) -> None:
        """Write one row down; it is not read again, whatever happens to this process."""
        self.tally.add(checked)
        told = {name: value for name, value in vars(checked).items() if value}
        self._file.write(json.dumps(told, default=str).encode() + b"\n")
        self._file.flush()

    def finish(self) -> None:
        """The run is over: the next one starts at the beginning."""
        self._file.seek(0)
        self._file.truncate()

    def close(self) -> None:
        self._file.close()
