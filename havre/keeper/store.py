"""The keeper's store: one file of sealed records of equal size, one for each subject, in two places.

`store.log` (integers big-endian)::

    header, 72 bytes, twice    magic "HAVREKS2" | term u32 | generation u64 | day u32 | salt 32 | tag 16
    record, 145 bytes each     type u8 | subject 16 | nonce 12 | AES-256-GCM of 100 bytes, with its tag: 116

The keys of the header and of the records are HKDF-SHA-256 of the *day key* (`days.py`) and the salt. A record's
associated data are its type, subject and position: one that was altered, moved, swapped or taken from another
generation fails alone, and its subject is *lost* unless the second copy still has it; the others stay readable.
The payload is the subject's keys (`keys.ShredKeys.packed`) for KEYS, zeros otherwise.

Living records are only ever appended. A record that was replaced or erased is *dead*: it is overwritten in place
by VOID, so that a key that must go is in no file when the call returns. Each day a compaction writes the living
records to a new file under a new day key. The greater (term, generation, length) of the two places is the newer
store, and wins at start.
"""

import contextlib
import hashlib
import hmac
import os
import struct
import threading
from collections.abc import Iterator
from enum import Enum, IntEnum
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from havre.keeper.days import NAME as DAYS
from havre.keeper.days import DayKeys, Days
from havre.keeper.keys import PACKED_BYTES, ShredKeys, derive
from havre.keeper.ledger import NAME as LEDGER
from havre.keeper.past import Past, Writing
from havre.keeper.places import CannotStart, Pair
from havre.keeper.protocol import Refusal, Refused

NAME = "store.log"
MAGIC = b"HAVREKS2"
_HEADER = struct.Struct(">8sIQI32s")
HEADER_BYTES = _HEADER.size + 16
START = 2 * HEADER_BYTES
_RECORD = struct.Struct(f">B16s12s{PACKED_BYTES + 16}s")
RECORD_BYTES = _RECORD.size
_CONTEXT = struct.Struct(">B16sQ")
_EMPTY = bytes(PACKED_BYTES)
_NOBODY = bytes(16)
HOUSE = (_NOBODY, bytes(15) + b"\1")  # the house's own two secrets, written twice


class Kind(IntEnum):
    """The types of record."""

    KEYS = 1
    ERASED = 2
    LOST = 3
    VOID = 4


class Kinship(Enum):
    """What the store of a second copy is to ours: only an ancestor is ever overwritten."""

    ANCESTOR = "ancestor"
    NEWER = "newer"
    FORK = "fork"
    STRANGER = "stranger"


class Stamp(NamedTuple):
    """Which writing of the store this is; the greater is the newer."""

    term: int
    generation: int
    day: int


class Seal:
    """The keys of one generation of the file: writes and verifies its header and its records."""

    def __init__(self, day_key: bytes, stamp: Stamp, salt: bytes) -> None:
        self.stamp = stamp
        self.writing = Writing(stamp.generation, salt)
        self._aead = AESGCM(derive(day_key, "store/records", salt))
        clear = _HEADER.pack(MAGIC, *stamp, salt)
        self.header = clear + hmac.digest(derive(day_key, "store/header", salt), clear, hashlib.sha256)[:16]

    @classmethod
    def new(cls, days: Days, term: int, generation: int) -> "Seal":
        """A seal under the newest day key."""
        key = days.key(days.newest)
        assert key is not None  # noqa: S101 - the newest day always has its key
        return cls(key, Stamp(term, generation, days.newest), os.urandom(32))

    @classmethod
    def of(cls, days: DayKeys, content: bytes) -> "Seal | None":
        """The seal of an existing file, or None when neither of its headers verifies under a living day key."""
        for start in (0, HEADER_BYTES):
            header = content[start : start + HEADER_BYTES]
            if len(header) == HEADER_BYTES:
                _, term, generation, day, salt = _HEADER.unpack_from(header)
                key = days.key(day)
                seal = key and cls(key, Stamp(term, generation, day), salt)
                if seal and hmac.compare_digest(seal.header, header):
                    return seal
        return None

    def record(self, kind: Kind, subject: bytes, position: int, payload: bytes = _EMPTY) -> bytes:
        """One record, ready to be written at `position` (0 for the first)."""
        nonce = os.urandom(12)
        sealed = self._aead.encrypt(nonce, payload, _CONTEXT.pack(kind, subject, position))
        return _RECORD.pack(kind, subject, nonce, sealed)

    def opened(self, record: bytes, position: int) -> bytes | None:
        """The payload of a record, or None when it is damaged."""
        kind, subject, nonce, sealed = _RECORD.unpack(record)
        try:
            return self._aead.decrypt(nonce, sealed, _CONTEXT.pack(kind, subject, position))
        except InvalidTag:
            return None


class Present(NamedTuple):
    """How far a store has come."""

    stamp: Stamp
    writing: Writing
    records: int

    @classmethod
    def of(cls, days: DayKeys, content: bytes) -> "Present | None":
        """That of a file; None when it does not verify."""
        seal = Seal.of(days, content)
        return cls(seal.stamp, seal.writing, len(_records(content))) if seal else None


class Store:
    """The subjects' shred keys, in memory and in both places. Safe between threads."""

    def __init__(self, files: Pair, days: Days, *, take_over: bool = False) -> None:
        """Open the newer of the two places, mend the other, or begin a new store when there is none.

        `take_over` begins a new term: a keeper of an older one is refused from then on.
        """
        self._files, self._days = files, days
        self._writing = threading.RLock()
        self._keys: dict[bytes, ShredKeys] = {}
        self._positions: dict[bytes, int] = {}
        self._erased: set[bytes] = set()
        self._lost: set[bytes] = set()
        self._dead: set[int] = set()
        self._damaged: dict[int, bytes] = {}
        self._past = Past(files.own)
        self.damaged_records = 0
        self.repaired = False
        contents = files.contents(NAME)
        if any(contents):
            self._open(contents)
        elif files.behind:
            raise CannotStart(
                "There is no store here, and the second copy, which may hold it, does not answer: start it first."
            )
        elif days.newest > 1 or any(files.contents(LEDGER)):
            raise CannotStart(f"{NAME} is gone, and {DAYS} is not: put it back, or its second copy.")
        else:
            self._begin()
        if take_over or self.stamp.day != days.newest:
            self.compact(term=self.stamp.term + take_over)

    @property
    def stamp(self) -> Stamp:
        """Which writing of the store is in use."""
        return self._seal.stamp

    @property
    def house(self) -> ShredKeys:
        """The house's two secrets: `papers` for blind tokens and the ledger, `fields` for peppers."""
        return self._keys[HOUSE[0]]

    def keys(self, subject: bytes) -> ShredKeys:
        """The keys of one subject; Refused as ERASED, DAMAGED or UNKNOWN."""
        self._refuse_gone(subject)
        try:
            return self._keys[subject]
        except KeyError:
            raise Refused(Refusal.UNKNOWN, "The keeper does not know this subject.") from None

    def create(self, subject: bytes, epoch: int = 0) -> None:
        """Give a subject its two keys, on disk before returning; nothing changes when it has them already.

        `epoch` is the first one that the ledger lets live: another creation, since lost, may have left some behind.
        """
        with self._writing:
            self._refuse_gone(subject)
            if subject not in self._keys:
                self._append(Kind.KEYS, subject, ShredKeys.new(epoch))

    def put(self, subject: bytes, keys: ShredKeys) -> None:
        """Replace a subject's keys; the ones before are in no file when this returns."""
        with self._writing:
            self._append(Kind.KEYS, subject, keys)
            self._scrub()

    def append(self, subject: bytes, keys: ShredKeys) -> None:
        """Replace a subject's keys; the ones before may stay in the file until the next `put` or compaction."""
        with self._writing:
            self._append(Kind.KEYS, subject, keys)

    def erase(self, subject: bytes) -> None:
        """Forget a subject for ever: when this returns, its keys are in no file and its id is refused."""
        with self._writing:
            if subject not in self._erased:
                self._append(Kind.ERASED, subject, None)
            self._scrub()

    def scrub(self) -> None:
        """Overwrite what an earlier failure left: keys that were replaced or erased."""
        with self._writing:
            self._scrub()

    def compact(self, term: int | None = None) -> None:
        """Write what lives to a new file, under the newest day key, in both places."""
        with self._writing:
            term = self.stamp.term if term is None else term
            self._rewrite(Seal.new(self._days, term, self._generation + 1))

    @property
    def present(self) -> Present:
        """How far it has come, with the record that may have failed halfway."""
        return Present(self.stamp, self._seal.writing, self._reached)

    @property
    def past(self) -> Past:
        """What it was before."""
        return self._past

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing else is written meanwhile."""
        with self._writing:
            yield

    def rewrite(self) -> None:
        """Write all of it again from memory, in both places, each record at its position."""
        with self._writing:
            self._make_sure()
            records = [self._seal.record(Kind.VOID, _NOBODY, position) for position in range(self._next)]
            for position, subject in self._damaged.items():
                if subject in self._lost:
                    records[position] = self._seal.record(Kind.LOST, subject, position)
            for kind, subject, _, payload in self._living():
                if (place := self._positions.get(subject)) is not None:
                    records[place] = self._seal.record(kind, subject, place, payload)
            with writes():
                self._past.allow(self._seal.writing, self._next)
                self._files.replace(NAME, self._seal.header * 2 + b"".join(records))
            self._reached = self._next
            self._dead.clear()

    def follow(self) -> None:
        """The copy has all of it again."""
        with writes():
            self._past.shared(self._seal.writing)

    def subjects(self) -> list[bytes]:
        """The subjects that have keys."""
        return [subject for subject in self._keys if subject not in HOUSE]

    def is_erased(self, subject: bytes) -> bool:
        """Whether a subject was erased."""
        return subject in self._erased

    def erased(self) -> list[bytes]:
        """The subjects that were erased."""
        return list(self._erased)

    def status(self) -> dict[str, object]:
        """Counts (damaged records: as found at start), bytes, stamp, lost ids (at most 1,000)."""
        lost = sorted(self._lost.copy())
        return {
            "subjects": len(self._keys) - len(HOUSE),
            "erased": len(self._erased),
            "damaged": len(lost),
            "damaged_records": self.damaged_records,
            "damaged_subjects": [subject.hex() for subject in lost[:1000]],
            "store_bytes": START + self._next * RECORD_BYTES,
            "generation": self.stamp.generation,
            "term": self.stamp.term,
        }

    def close(self) -> None:
        """Wait for the write under way; the places are closed by whoever opened them."""
        with self._writing:
            self._files.close()

    def _refuse_gone(self, subject: bytes) -> None:
        if subject in self._erased:
            raise Refused(Refusal.ERASED, "This subject was erased.")
        if subject in self._lost:
            raise Refused(Refusal.DAMAGED, "This subject's record is damaged.")

    def _append(self, kind: Kind, subject: bytes, keys: ShredKeys | None) -> None:
        """Write one record in both places. After a failure the next record takes its place in the file."""
        self._make_sure()
        payload = keys.packed() if keys else _EMPTY
        self._reached = self._next + 1
        self._write(self._next, self._seal.record(kind, subject, self._next, payload))
        self._learn(self._next, kind, subject, keys)
        self._next += 1

    def _scrub(self) -> None:
        """Overwrite the dead records."""
        self._make_sure()
        for position in sorted(self._dead):
            self._write(position, self._seal.record(Kind.VOID, _NOBODY, position))
            self._dead.discard(position)

    def _write(self, position: int, record: bytes) -> None:
        with writes():
            self._files.write(NAME, START + position * RECORD_BYTES, record)

    def _make_sure(self) -> None:
        """A compaction that failed may have put its file there or not: write it all again before anything else."""
        if self._generation != self.stamp.generation:
            self.compact()

    def _rewrite(self, seal: Seal) -> None:
        self._generation = seal.stamp.generation
        records = [seal.record(*entry) for entry in self._living()]
        with writes():
            self._leave_for(seal)
            try:
                self._files.replace(NAME, seal.header * 2 + b"".join(records))
            finally:
                if self._files.alone:  # a copy that failed may have it
                    self._past.note(seal.writing, len(records))
        self._seal, self._next, self._reached = seal, len(records), len(records)
        self._damaged.clear()
        self._positions = {subject: place for place, (_, subject, _, _) in enumerate(self._living())}
        self._dead.clear()

    def _leave_for(self, seal: Seal) -> None:
        """Note what a copy may have of the writing that is left, and that it will have nothing of the next."""
        if self._generation > 1:
            self._past.note(self._seal.writing, self._reached)
        if self._files.alone:
            self._past.note(seal.writing, 0)

    def _living(self) -> Iterator[tuple[Kind, bytes, int, bytes]]:
        position = 0
        for subject, keys in self._keys.items():
            yield Kind.KEYS, subject, position, keys.packed()
            position += 1
        for kind, subjects in ((Kind.ERASED, self._erased), (Kind.LOST, self._lost)):
            for subject in subjects:
                yield kind, subject, position, _EMPTY
                position += 1

    def _begin(self) -> None:
        for subject, keys in zip(HOUSE, [ShredKeys.new()] * 2, strict=True):
            self._keys[subject] = keys
        if not self._days.newest:
            self._days.add()
        self._rewrite(Seal.new(self._days, 1, 1))

    def _open(self, contents: list[bytes]) -> None:
        """Read the newer place record by record, each from the other place when it is damaged here."""
        seals = [Seal.of(self._days, content) for content in contents]
        found = [(seal, content) for seal, content in zip(seals, contents, strict=True) if seal is not None]
        if not found:
            raise CannotStart(
                f"No living day key opens {NAME}, or its headers are damaged: put back the second copy."
            )
        self._seal, newest = max(found, key=lambda one: (one[0].stamp, len(one[1])))
        self._generation = self.stamp.generation
        others = [
            content for seal, content in found if seal.header == self._seal.header and content is not newest
        ]
        whole = self._read(newest, others)
        self._settle()
        if any(content != whole for content in contents):
            self.repaired = contents[0] != whole
            with writes():
                self._files.replace(NAME, whole)
        self._resume(read=len(contents) > 1)
        self._scrub()

    def _resume(self, *, read: bool) -> None:
        with writes():
            self._past.forget_after(self._seal.writing)
            if read and self._files.confirmed:
                self._past.shared(self._seal.writing)
            else:
                self._past.note(self._seal.writing, self._next)

    def _read(self, newest: bytes, others: list[bytes]) -> bytes:
        """Learn every record; the whole file as it should be."""
        records = _records(newest)
        for position, record in enumerate(records):
            spare = [_record(other, position) for other in others]
            records[position] = self._believe(position, [record, *spare])
        self._next = self._reached = len(records)
        return self._seal.header * 2 + b"".join(records)

    def _believe(self, position: int, candidates: list[bytes]) -> bytes:
        """Learn the first of these records that verifies; VOID wins. The first one stays when none does."""
        opened = [
            (record, payload)
            for record in candidates
            if record and (payload := self._seal.opened(record, position)) is not None
        ]
        if not opened:
            kind, subject, _, _ = _RECORD.unpack(candidates[0])
            self._damaged[position] = subject
            self._learn_damage(kind, subject)
            return candidates[0]
        record, payload = max(opened, key=lambda one: one[0][0] == Kind.VOID)
        kind, subject, _, _ = _RECORD.unpack(record)
        keys = ShredKeys.unpacked(payload) if kind == Kind.KEYS else None
        self._learn(position, kind, subject, keys)
        return record

    def _learn(self, position: int, kind: int, subject: bytes, keys: ShredKeys | None) -> None:
        """Believe one record, in the order of the file."""
        if kind == Kind.VOID:
            return
        before = self._positions.get(subject)
        if before is not None:
            self._dead.add(before)
        self._positions[subject] = position
        if kind == Kind.LOST:
            self._lost.add(subject)
        elif keys is None:
            self._erased.add(subject)
            self._dead |= {place for place, one in self._damaged.items() if one == subject}
            self._keys.pop(subject, None)
            self._lost.discard(subject)
        elif subject not in self._erased:
            self._keys[subject] = keys
            self._lost.discard(subject)

    def _learn_damage(self, kind: int, subject: bytes) -> None:
        """Lost, unless another record has the keys; a damaged tombstone still forbids its subject."""
        self.damaged_records += 1
        if kind != Kind.VOID:
            self._lost.add(subject)
        if kind == Kind.ERASED:
            self._keys.pop(subject, None)

    def _settle(self) -> None:
        """A tombstone wins over keys, keys over damage; the house must be known."""
        self._lost -= self._erased | self._keys.keys()
        for name, twin in (HOUSE, HOUSE[::-1]):
            if name not in self._keys and twin in self._keys:
                self._keys[name] = self._keys[twin]
        if HOUSE[0] not in self._keys:
            raise CannotStart(f"The house's own record in {NAME} is damaged: put back the second copy.")


def kinship(past: Past, ours: Present | None, days: DayKeys, content: bytes) -> Kinship:
    """What the store of a second copy is to ours; `ours` is None when there is none that verifies."""
    if not content:
        return Kinship.ANCESTOR
    records = len(_records(content))
    if any(records <= (past.most(told) or 0) for told in _told(content)):  # its day key may be gone
        return Kinship.ANCESTOR
    theirs = Present.of(days, content)
    if ours is None or theirs is None:
        return Kinship.NEWER if ours is None else Kinship.STRANGER
    most = past.most(ours.writing)
    if most is None and theirs.writing == ours.writing and records <= ours.records:
        return Kinship.ANCESTOR
    alone = most is not None and ours.records > most
    ahead = theirs.stamp[:2] > ours.stamp[:2] or theirs.writing == ours.writing
    return Kinship.NEWER if theirs.stamp.term > ours.stamp.term or (ahead and not alone) else Kinship.FORK


def _told(content: bytes) -> list[Writing]:
    """What the headers of a file say, unverified."""
    found = [
        _HEADER.unpack_from(content, start)
        for start in (0, HEADER_BYTES)
        if len(content) >= START and content.startswith(MAGIC, start)
    ]
    return [Writing(generation, salt) for _, _, generation, _, salt in found]


def _records(content: bytes) -> list[bytes]:
    """The records, without a last one that a crash cut short or left unwritten."""
    starts = range(START, len(content) - RECORD_BYTES + 1, RECORD_BYTES)
    records = [content[start : start + RECORD_BYTES] for start in starts]
    while records and not any(records[-1]):
        records.pop()
    return records


def _record(content: bytes, position: int) -> bytes:
    start = START + position * RECORD_BYTES
    record = content[start : start + RECORD_BYTES]
    return record if len(record) == RECORD_BYTES else b""


@contextlib.contextmanager
def writes() -> Iterator[None]:
    """Say a failed write as a refusal."""
    try:
        yield
    except OSError as error:
        raise Refused(Refusal.STORE, f"The store cannot be written: {error.strerror or error}.") from None
