"""The keeper's store: one append-only file of sealed records of equal size, one for each subject.

`store.log` (integers big-endian)::

    header, 64 bytes, twice    magic "HAVREKS1" | generation u64 | salt 32 | tag 16
    record, 109 bytes each     type u8 | subject 16 | nonce 12 | AES-256-GCM of 64 bytes, with its tag: 80

The records' key and the header's key are HKDF-SHA-256 of the root and the salt, so each compaction re-seals
all under a new key. A record's associated data are its type, subject and position: a record that was altered,
moved, swapped or taken from another generation fails alone, and its subject is *lost*; the others stay
readable. Records have one size, so damage never hides the next one. The payload is the two shred keys for
KEYS, zeros otherwise.

A crash leaves at most one record cut short (or never written: all zeros) at the end; it was not acknowledged
and is cut off at start. `erase` writes a tombstone, then compacts: a new file without the keys replaces the
old one. A compaction that a crash interrupted is done again at start.
"""

import contextlib
import fcntl
import hashlib
import hmac
import os
import struct
import threading
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from havre.keeper.keys import KEY_BYTES, ShredKeys, derive
from havre.keeper.protocol import Refusal, Refused
from havre.keeper.root import CannotStart, sync_folder

MAGIC = b"HAVREKS1"
HEADER_BYTES = 64
RECORD_BYTES = 109
_HEADER = struct.Struct(">8sQ32s")
_RECORD = struct.Struct(">B16s12s80s")
_CONTEXT = struct.Struct(">B16sQ")
_EMPTY = bytes(2 * KEY_BYTES)


class Kind(IntEnum):
    """The types of record."""

    KEYS = 1
    ERASED = 2
    LOST = 3


class Seal:
    """The keys of one generation of the file: writes and verifies its header and its records."""

    def __init__(self, root: bytes, generation: int, salt: bytes) -> None:
        self.generation = generation
        self._aead = AESGCM(derive(root, "store/records", salt))
        clear = _HEADER.pack(MAGIC, generation, salt)
        self.header = clear + hmac.digest(derive(root, "store/header", salt), clear, hashlib.sha256)[:16]

    @classmethod
    def of(cls, root: bytes, header: bytes) -> "Seal | None":
        """The seal of an existing header, or None when it does not verify under this root."""
        _, generation, salt = _HEADER.unpack_from(header)
        seal = cls(root, generation, salt)
        return seal if hmac.compare_digest(seal.header, header) else None

    def record(self, kind: Kind, subject: bytes, position: int, payload: bytes = _EMPTY) -> bytes:
        """One record, ready to be written at `position` (0 for the first)."""
        nonce = os.urandom(12)
        sealed = self._aead.encrypt(nonce, payload, _CONTEXT.pack(kind, subject, position))
        return _RECORD.pack(kind, subject, nonce, sealed)

    def opened(self, record: bytes, position: int) -> tuple[int, bytes, bytes | None]:
        """The type, subject and payload of a record; the payload is None when it is damaged."""
        kind, subject, nonce, sealed = _RECORD.unpack(record)
        try:
            return kind, subject, self._aead.decrypt(nonce, sealed, _CONTEXT.pack(kind, subject, position))
        except InvalidTag:
            return kind, subject, None


class Store:
    """The subjects' shred keys, in memory and on disk. One for each home at a time; safe between threads."""

    def __init__(self, home: Path, root: bytes) -> None:
        """Open or create the store of `home`; CannotStart when it is in use, or of another root."""
        self._home, self._path, self._root = home, home / "store.log", root
        self._writing = threading.Lock()
        self._keys: dict[bytes, ShredKeys] = {}
        self._erased: set[bytes] = set()
        self._lost: set[bytes] = set()
        self._damaged_records = 0
        self._to_compact = False
        self._file = -1
        self._home_lock = _locked(home)
        (home / "store.new").unlink(missing_ok=True)
        if not self._path.exists():
            self._compact(Seal(root, 1, os.urandom(32)))
        self._load()

    def keys(self, subject: bytes) -> ShredKeys:
        """The keys of one subject; Refused as ERASED, DAMAGED or UNKNOWN."""
        self._refuse_gone(subject)
        try:
            return self._keys[subject]
        except KeyError:
            raise Refused(Refusal.UNKNOWN, "The keeper does not know this subject.") from None

    def create(self, subject: bytes) -> None:
        """Give a subject its two keys, on disk before returning; nothing changes when it has them already."""
        with self._writing:
            self._refuse_gone(subject)
            if subject not in self._keys:
                keys = ShredKeys.new()
                self._append(Kind.KEYS, subject, keys.papers + keys.fields)
                self._keys[subject] = keys

    def erase(self, subject: bytes) -> None:
        """Forget a subject for ever: when this returns, its keys are in no file and its id is refused."""
        with self._writing:
            if subject not in self._erased:
                self._append(Kind.ERASED, subject, _EMPTY)
                self._to_compact = True
                self._erased.add(subject)
                self._keys.pop(subject, None)
                self._lost.discard(subject)
            if self._to_compact:
                self._compact(Seal(self._root, self._seal.generation + 1, os.urandom(32)))

    def status(self) -> dict[str, object]:
        """Counts (damaged records: as found at start), bytes, generation, lost ids (at most 1,000)."""
        lost = sorted(self._lost.copy())
        return {
            "subjects": len(self._keys),
            "erased": len(self._erased),
            "damaged": len(lost),
            "damaged_records": self._damaged_records,
            "damaged_subjects": [subject.hex() for subject in lost[:1000]],
            "store_bytes": self._end,
            "generation": self._seal.generation,
        }

    def close(self) -> None:
        """Wait for the write under way, then let go of the file and of the home."""
        with self._writing:
            os.close(self._file)
            os.close(self._home_lock)
            self._file = -1

    def _refuse_gone(self, subject: bytes) -> None:
        if subject in self._erased:
            raise Refused(Refusal.ERASED, "This subject was erased.")
        if subject in self._lost:
            raise Refused(Refusal.DAMAGED, "This subject's record is damaged.")

    def _append(self, kind: Kind, subject: bytes, payload: bytes) -> None:
        """Write one record and fsync. After a failure the next record takes its place in the file."""
        position = (self._end - 2 * HEADER_BYTES) // RECORD_BYTES
        with _writes():
            _write_all(self._file, self._seal.record(kind, subject, position, payload), self._end)
            os.fsync(self._file)
        self._end += RECORD_BYTES

    def _compact(self, seal: Seal) -> None:
        """Write what must stay to a new file under a new seal, and put it in the place of the old one."""
        temporary = self._home / "store.new"
        with _writes():
            file = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                records = [seal.record(*entry) for entry in self._entries()]
                end = _write_all(file, seal.header * 2 + b"".join(records), 0)
                os.fsync(file)
                temporary.rename(self._path)
            except OSError:
                os.close(file)
                temporary.unlink(missing_ok=True)
                raise
            self._use(file, seal, end)
            sync_folder(self._home)
        self._to_compact = False

    def _entries(self) -> Iterator[tuple[Kind, bytes, int, bytes]]:
        position = 0
        for subject, keys in self._keys.items():
            yield Kind.KEYS, subject, position, keys.papers + keys.fields
            position += 1
        for kind, subjects in ((Kind.ERASED, self._erased), (Kind.LOST, self._lost)):
            for subject in subjects:
                yield kind, subject, position, _EMPTY
                position += 1

    def _use(self, file: int, seal: Seal, end: int) -> None:
        previous, self._file = self._file, file
        self._seal, self._end = seal, end
        if previous >= 0:
            os.close(previous)

    def _load(self) -> None:
        content = self._path.read_bytes()
        seal = self._seal_of(content)
        records = _whole_records(content[2 * HEADER_BYTES :])
        for position, record in enumerate(records):
            self._learn(*seal.opened(record, position))
        self._forget_gone()
        end = 2 * HEADER_BYTES + len(records) * RECORD_BYTES
        self._use(os.open(self._path, os.O_RDWR | os.O_CLOEXEC), seal, end)
        if end < len(content):
            os.ftruncate(self._file, end)
            os.fsync(self._file)
        if self._to_compact:
            self._compact(Seal(self._root, seal.generation + 1, os.urandom(32)))

    def _forget_gone(self) -> None:
        """A tombstone wins over keys, keys over damage; keys beside a tombstone ask for a compaction."""
        self._to_compact = not self._erased.isdisjoint(self._keys)
        for subject in self._erased:
            self._keys.pop(subject, None)
        self._lost -= self._erased | self._keys.keys()

    def _seal_of(self, content: bytes) -> Seal:
        for start in (0, HEADER_BYTES):
            header = content[start : start + HEADER_BYTES]
            seal = Seal.of(self._root, header) if len(header) == HEADER_BYTES else None
            if seal:
                return seal
        raise CannotStart(f"The root key does not open {self._path}, or both its headers are damaged.")

    def _learn(self, kind: int, subject: bytes, payload: bytes | None) -> None:
        """Believe one record, in the order of the file. A damaged tombstone still forbids its subject."""
        if payload is None or kind == Kind.LOST:
            self._lost.add(subject)
            self._damaged_records += 1
            if kind == Kind.ERASED:
                self._keys.pop(subject, None)
        elif kind == Kind.ERASED:
            self._erased.add(subject)
        elif kind == Kind.KEYS:
            self._keys[subject] = ShredKeys(payload[:KEY_BYTES], payload[KEY_BYTES:])


def _whole_records(content: bytes) -> list[bytes]:
    """The records, without a last one that a crash cut short or left unwritten."""
    records = [content[at : at + RECORD_BYTES] for at in range(0, len(content), RECORD_BYTES)]
    if records and (len(records[-1]) < RECORD_BYTES or not any(records[-1])):
        records.pop()
    return records


def _locked(home: Path) -> int:
    descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise CannotStart(f"A keeper already running holds {home}.") from None
    return descriptor


def _write_all(file: int, content: bytes, at: int) -> int:
    """Write `content` at offset `at`; the offset after it."""
    view = memoryview(content)
    while view:
        written = os.pwrite(file, view, at)
        view, at = view[written:], at + written
    return at


@contextlib.contextmanager
def _writes() -> Iterator[None]:
    """Say a failed write as a refusal."""
    try:
        yield
    except OSError as error:
        raise Refused(Refusal.STORE, f"The store cannot be written: {error.strerror}.") from None
