"""The keeper's own journal: what was asked, by whom, what for, and what was answered. Append-only, hash-chained.

`journal/<first number>.log`: one line each, `JSON <tab> SHA-256 in hexadecimal of (the digest before | the JSON)`;
the first digest before is 64 zeros. It holds ids and codes only. A new file begins once the last one is large enough;
at each re-keying the oldest is removed if it is older than a year, and the chain is verified from the first that stays.
"""

import contextlib
import hashlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from havre.keeper.places import private_folder, sync_folder, write_all

START = "0" * 64
FOLDER = "journal"
SEGMENT_BYTES = 4 << 20
KEPT_SECONDS = 366 * 86_400
ALARMS_KEPT, DIGESTS_KEPT = 1_000, 20_000
ALARM = "alarm"
SELDOM_SECONDS = 60.0
BACK_SECONDS = 60.0  # a clock that goes back by less is being adjusted

type Facts = dict[str, str | int]


class Broken(Exception):
    """The journal does not follow from itself; the sentence says where."""


class Journal:
    """Writes lines; a line that must be durable shares its fsync with those written meanwhile."""

    def __init__(self, home: Path) -> None:
        """Go on after the last whole line: one that a crash cut was never acknowledged, and is removed."""
        self._folder = private_folder(home / FOLDER)
        self._guard = threading.Condition()
        self._digests: deque[tuple[int, str]] = deque(maxlen=DIGESTS_KEPT)
        self._alarms: deque[dict[str, Any]] = deque(maxlen=ALARMS_KEPT)
        self._digest, self._number, self._last = START, 0, 0.0
        self._told: dict[tuple[str, str], tuple[float, int]] = {}
        files = _files(self._folder)
        for path in files[-2:]:
            self._remember(path)
        self._open(files[-1] if files else self._folder / _name(1))
        self._synced = self._number
        self._syncing = False

    @property
    def head(self) -> tuple[int, str]:
        """The number and the digest of the last line."""
        with self._guard:
            return self._number, self._digest

    def write(self, what: str, facts: Facts, outcome: str = "ok", *, durable: bool = False) -> None:
        """Write one line; OSError when it cannot be written. `durable`: it is on the disk when this returns."""
        with self._guard:
            if self._end > SEGMENT_BYTES:
                self._turn()
            self._watch_clock()
            self._put({"what": what, "outcome": outcome, **facts})
            if durable:
                self._wait_for(self._number)

    def alarm(self, what: str, detail: str, facts: Facts | None = None) -> None:
        """Write what the operator must know of; never fails, for it tells of what failed."""
        with contextlib.suppress(OSError):
            self.write(what, {"detail": detail, **(facts or {})}, ALARM)

    def alarm_seldom(self, what: str, detail: str, facts: Facts) -> None:
        """An alarm that somebody could repeat at will: once a minute, with how many were kept back before."""
        with self._guard:
            now = time.monotonic()
            since, kept_back = self._told.get((what, detail), (-SELDOM_SECONDS, 0))
            if now - since < SELDOM_SECONDS:
                self._told[what, detail] = since, kept_back + 1
                return
            self._told[what, detail] = now, 0
        self.alarm(what, f"{detail} (+{kept_back})" if kept_back else detail, facts)

    def sync(self) -> None:
        """Bring what was written to the disk."""
        with self._guard:
            self._wait_for(self._number)

    def alarms(self, after: int, limit: int = 100) -> list[dict[str, Any]]:
        """The alarms numbered above `after`, oldest first."""
        with self._guard:
            return [alarm for alarm in self._alarms if alarm["n"] > after][:limit]

    def digest_at(self, number: int) -> str | None:
        """The digest of a line; START for 0, None when the line is no longer or was never there."""
        if number == 0:
            return START
        with self._guard:
            if number > self._number:
                return None
            if self._digests and self._digests[0][0] <= number:
                return self._digests[number - self._digests[0][0]][1]
        holding = [path for path in _files(self._folder) if int(path.stem) <= number]
        lines = enumerate(_lines(holding[-1]), int(holding[-1].stem)) if holding else iter(())
        return next((digest for found, (_, digest) in lines if found == number), None)

    def rotate(self) -> None:
        """Begin a new file if the last one is large, and remove the oldest if it is older than a year.

        One at a time: a clock that jumped ahead must not erase the witness.
        """
        with self._guard:
            if self._end > SEGMENT_BYTES:
                self._turn()
            oldest, *others = _files(self._folder)
            if others and time.time() - oldest.stat().st_mtime > KEPT_SECONDS:
                oldest.unlink()

    def close(self) -> None:
        """Sync and close."""
        with contextlib.suppress(OSError):
            self.sync()
        os.close(self._file)

    def _turn(self) -> None:
        """Go on in a new file, once the last one is on the disk."""
        while self._syncing:
            self._guard.wait()
        os.fdatasync(self._file)  # while nobody writes
        self._synced = self._number
        previous = self._file
        self._open(self._folder / _name(self._number + 1))
        os.close(previous)

    def _put(self, facts: Facts) -> None:
        line = {"n": self._number + 1, "at": _iso(time.time()), **facts}
        text = json.dumps(line, separators=(",", ":"), ensure_ascii=False)
        digest = _digest(self._digest, text)
        content = f"{text}\t{digest}\n".encode()
        try:
            write_all(self._file, content, self._end)
        except OSError:
            os.ftruncate(self._file, self._end)
            raise
        self._end += len(content)
        self._number, self._digest = self._number + 1, digest
        self._digests.append((self._number, digest))
        if facts["outcome"] == ALARM:
            self._alarms.append(line)

    def _watch_clock(self) -> None:
        """A clock that went back is told once, before the lines that it dates."""
        now = time.time()
        back, self._last = self._last - now, max(self._last, now)
        if back > BACK_SECONDS:
            self._last = now
            self._put({"what": "clock-back", "outcome": ALARM, "detail": f"by {back:.0f} s"})

    def _wait_for(self, number: int) -> None:
        """Wait until the line is on the disk: one thread syncs for all who wait."""
        while self._synced < number:
            if self._syncing:
                self._guard.wait()
                continue
            self._syncing, reached, file = True, self._number, self._file
            self._guard.release()
            try:
                os.fdatasync(file)
            finally:
                self._guard.acquire()
                self._syncing = False
                self._guard.notify_all()
            self._synced = max(self._synced, reached)

    def _remember(self, path: Path) -> None:
        """Read a file; a line that was altered is counted, whatever it says: `verify` tells of it."""
        self._number = self._number or int(path.stem) - 1
        for text, digest in _lines(path):
            self._number, self._digest = self._number + 1, digest
            self._digests.append((self._number, digest))
            with contextlib.suppress(ValueError, TypeError, KeyError):
                line = json.loads(text)
                self._last = max(self._last, datetime.fromisoformat(line["at"]).timestamp())
                if line["outcome"] == ALARM and line["what"]:
                    self._alarms.append({**line, "n": self._number})

    def _open(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._end = _whole(path.read_bytes())
        os.ftruncate(self._file, self._end)
        sync_folder(self._folder)


def verify(home: Path) -> tuple[int, int]:
    """Read it all: the numbers of its first line still kept and of its last. Broken where it does not follow."""
    digest_before, first, last = START, 0, 0
    for path in _files(home / FOLDER):
        if _whole(path.read_bytes()) < path.stat().st_size:
            raise Broken(f"{path.name} does not end with a whole line.")
        for text, digest in _lines(path):
            number = _number(text)
            kept_from_here = not first and number == int(path.stem) > 1
            follows = kept_from_here or (number == last + 1 and digest == _digest(digest_before, text))
            if not follows:
                raise Broken(f"After line {last}, {path.name} was altered, or lines were moved or removed.")
            digest_before, first, last = digest, first or number, number
    return first, last


def _number(text: str) -> int:
    """The number of a line; -1 when it cannot be read."""
    try:
        return int(json.loads(text)["n"])
    except (ValueError, KeyError, TypeError):
        return -1


def _digest(previous: str, text: str) -> str:
    return hashlib.sha256(previous.encode() + text.encode()).hexdigest()


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _name(first: int) -> str:
    return f"{first:012}.log"


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.log"))


def _whole(content: bytes) -> int:
    """How many bytes end with a whole line."""
    return content.rfind(b"\n") + 1


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    content = path.read_bytes()
    for line in content[: _whole(content)].decode(errors="replace").split("\n")[:-1]:
        text, _, digest = line.partition("\t")
        yield text, digest
