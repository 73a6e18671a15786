"""The ledger of erasures: what must never come back, whichever old copy of the store is put back.

`erased.ledger` is append-only, and may be copied anywhere: it names nobody (integers big-endian)::

    entry, 64 bytes    kind u8 | zeros 3 | epoch u32 | at, seconds since 1970 u64 | HMAC of the subject 32 | tag 16

Kind 1: the subject was erased. Kind 2: its papers' key left every epoch before `epoch` behind. The tag binds an
entry to its place in the file; an entry that is damaged is read from the second copy.
"""

import hashlib
import hmac
import itertools
import struct
import threading
import time
from enum import IntEnum

from havre.keeper.keys import derive
from havre.keeper.places import Pair

NAME = "erased.ledger"
_ENTRY = struct.Struct(">B3xIQ32s")
ENTRY_BYTES = _ENTRY.size + 16


class Kind(IntEnum):
    """What an entry says."""

    ERASED = 1
    RATCHETED = 2


class Ledger:
    """The entries, in memory and in both places."""

    def __init__(self, files: Pair, master: bytes) -> None:
        """Read what both places hold."""
        self._files, self._writing = files, threading.RLock()
        self._subjects, self._tags = derive(master, "ledger/subjects"), derive(master, "ledger/tags")
        self._erased: set[bytes] = set()
        self._epochs: dict[bytes, int] = {}
        contents = files.contents(NAME)
        self._entries = self._best(contents)
        self.damaged = sum(not entry for entry in self._entries)
        for entry in filter(None, self._entries):
            self._learn(entry)
        for body in [body for content in contents for body in self._bodies(content)]:
            if not self._known(body):
                self._take(self._next(body))
        self._mend(contents)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def erasures(self) -> int:
        """How many subjects were erased."""
        return len(self._erased)

    def erased(self, subject: bytes) -> bool:
        """Whether the subject was erased."""
        return self._mark(subject) in self._erased

    def epoch(self, subject: bytes) -> int:
        """The first epoch that may still be opened."""
        return self._epochs.get(self._mark(subject), 0)

    def add(self, kind: Kind, subject: bytes, epoch: int = 0) -> None:
        """Write an entry, in both places before it returns; nothing when it is there already."""
        if self.erased(subject) or (kind == Kind.RATCHETED and self.epoch(subject) >= epoch):
            return
        self._append(_ENTRY.pack(kind, epoch, int(time.time()), self._mark(subject)))

    def merge(self, content: bytes) -> int:
        """Take the entries of another copy of this ledger that are not here; how many."""
        before = len(self)
        for body in self._bodies(content):
            if not self._known(body):
                self._append(body)
        return len(self) - before

    def rewrite(self) -> None:
        """Write all of it again, in both places."""
        with self._writing:
            self._files.replace(NAME, self._whole())

    def _append(self, body: bytes) -> None:
        with self._writing:
            entry = self._next(body)
            self._files.write(NAME, len(self) * ENTRY_BYTES, entry)
            self._take(entry)

    def _next(self, body: bytes) -> bytes:
        return body + self._tag(len(self), body)

    def _take(self, entry: bytes) -> None:
        self._entries.append(entry)
        self._learn(entry)

    def _bodies(self, content: bytes) -> list[bytes]:
        return [entry[: _ENTRY.size] for entry in self._verified(content) if entry]

    def _known(self, body: bytes) -> bool:
        kind, epoch, _, mark = _ENTRY.unpack(body)
        return mark in self._erased if kind == Kind.ERASED else self._epochs.get(mark, 0) >= epoch

    def _learn(self, entry: bytes) -> None:
        kind, epoch, _, mark = _ENTRY.unpack_from(entry)
        if kind == Kind.ERASED:
            self._erased.add(mark)
        else:
            self._epochs[mark] = max(epoch, self._epochs.get(mark, 0))

    def _best(self, contents: list[bytes]) -> list[bytes]:
        """At each place the entry that verifies in either copy, empty when none does."""
        entries = [self._verified(content) for content in contents]
        return [next(filter(None, same), b"") for same in itertools.zip_longest(*entries, fillvalue=b"")]

    def _verified(self, content: bytes) -> list[bytes]:
        starts = range(0, len(content) - ENTRY_BYTES + 1, ENTRY_BYTES)
        entries = [content[start : start + ENTRY_BYTES] for start in starts]
        while entries and not any(entries[-1]):  # as one that a crash cut short: it was never acknowledged
            entries.pop()
        return [entry if self._verifies(place, entry) else b"" for place, entry in enumerate(entries)]

    def _verifies(self, place: int, entry: bytes) -> bool:
        return hmac.compare_digest(self._tag(place, entry[: _ENTRY.size]), entry[_ENTRY.size :])

    def _mend(self, contents: list[bytes]) -> None:
        if any(content != self._whole() for content in contents):
            self.rewrite()

    def _whole(self) -> bytes:
        return b"".join(entry or bytes(ENTRY_BYTES) for entry in self._entries)

    def _mark(self, subject: bytes) -> bytes:
        return hmac.digest(self._subjects, subject, hashlib.sha256)

    def _tag(self, place: int, body: bytes) -> bytes:
        return hmac.digest(self._tags, place.to_bytes(8) + body, hashlib.sha256)[:16]
