"""The day keys: each seals the store from one re-keying to the next, and the last fourteen are kept.

`days.keys` is a table of 16 slots, written twice in the file and overwritten in place (integers big-endian)::

    slot, 72 bytes    number u32 | made, seconds since 1970 u64 | nonce 12 | AES-256-GCM of the key, with its tag 48

The key number n lies in slot n mod 16, wrapped under the root; an empty slot is all zeros. A slot that is damaged
in one place is read from the three others. Once a key's slot is zeroed, what it sealed is unreadable for ever.
"""

import os
import struct
import time
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from havre.keeper.keys import KEY_BYTES, derive
from havre.keeper.places import CannotStart, Pair

NAME = "days.keys"
KEPT = 14
SLOTS = 16
_SLOT = struct.Struct(">IQ12s48s")
_CONTEXT = struct.Struct(">IQ")
HALF_BYTES = SLOTS * _SLOT.size
_EMPTY = bytes(_SLOT.size)
_STORE, _STAMP = "store.log", slice(8, 20)  # the term and the generation in its header, in clear

type Day = tuple[int, bytes]  # when it was made, its key


class DayKeys(Protocol):
    """Some day keys, by number."""

    def key(self, number: int) -> bytes | None:
        """A key, or None when it is not there."""


class Held:
    """The day keys that lie in one file, read apart."""

    def __init__(self, root: bytes, content: bytes) -> None:
        """Those that this root opens."""
        self._keys: dict[int, bytes] = {}
        for half in _halves(_wrapping(root), content):
            self._keys |= {number: key for number, (_, key) in half.days.items()}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def key(self, number: int) -> bytes | None:
        """As DayKeys."""
        return self._keys.get(number)


class Days:
    """The living day keys, by number, in memory and in both places."""

    def __init__(self, files: Pair, root: bytes) -> None:
        """Read them; CannotStart when there are some and this root opens none."""
        self._files, self._wrapping = files, _wrapping(root)
        self._days: dict[int, Day] = {}
        self.damaged = 0
        contents = files.contents(NAME)
        halves = [
            half for content in _newest_last(files, contents) for half in _halves(self._wrapping, content)
        ]
        for half in halves:
            self._days |= half.days
        self._days = {number: day for number, day in self._days.items() if number > self.newest - SLOTS}
        if any(contents) and not self._days:
            raise CannotStart("This root key opens none of the day keys: put the right one back.")
        self.damaged = sum(half.damaged for half in halves)
        if any(half.days != self._days or half.damaged for half in halves):
            files.replace(NAME, _content(self._wrapping, self._days))

    @staticmethod
    def opens(files: Pair, root: bytes) -> bool:
        """Whether this root opens the rolling file (or there is none yet): our own one, the copy's if ours is lost."""
        content = next(filter(None, files.contents(NAME)), None)
        return content is None or any(half.days for half in _halves(_wrapping(root), content))

    @property
    def newest(self) -> int:
        """The number of the last key made; 0 when there is none."""
        return max(self._days, default=0)

    @property
    def oldest(self) -> int:
        """The number of the oldest key that still exists."""
        return min(self._days, default=0)

    def made(self, number: int) -> int:
        """When a key was made, in seconds since 1970."""
        return self._days[number][0]

    def key(self, number: int) -> bytes | None:
        """A key, or None when it was destroyed or never existed."""
        return self._days[number][1] if number in self._days else None

    def add(self) -> int:
        """Make the next key, on disk in both places; its number."""
        number, day = self.newest + 1, (int(time.time()), os.urandom(KEY_BYTES))
        if self._days:
            self._write(number, _sealed(self._wrapping, number, day))
        else:  # the first one: there is a whole file or none
            self._files.replace(NAME, _content(self._wrapping, {number: day}))
        self._days[number] = day
        self._days.pop(number - SLOTS, None)  # it lay in the same slot
        return number

    def destroy_old(self) -> None:
        """Overwrite the keys beyond the last fourteen."""
        for number in [number for number in self._days if number <= self.newest - KEPT]:
            self._write(number, _EMPTY)
            del self._days[number]

    def rewrap(self, root: bytes) -> None:
        """Wrap all of them under another root, in a new file."""
        self._wrapping = _wrapping(root)
        self.rewrite()

    def rewrite(self) -> None:
        """Write all of them again, in both places."""
        self._files.replace(NAME, _content(self._wrapping, self._days))

    def _write(self, number: int, slot: bytes) -> None:
        at = number % SLOTS * _SLOT.size
        for half in (0, HALF_BYTES):
            self._files.write(NAME, half + at, slot)


def _newest_last(files: Pair, contents: list[bytes]) -> list[bytes]:
    """The place whose store is the newer has the last word, should two keepers have gone on apart."""
    stamps = [store[_STAMP] for store in files.contents(_STORE)]
    ordered = sorted(zip(stamps, contents, strict=False), key=lambda place: place[0])
    return [content for _, content in ordered]


class _Half(NamedTuple):
    """What one of the tables holds, and how many of its slots do not verify."""

    days: dict[int, Day]
    damaged: int


def _halves(wrapping: AESGCM, content: bytes) -> list[_Half]:
    content = content.ljust(2 * HALF_BYTES, b"\0")
    return [_half(wrapping, content[start : start + HALF_BYTES]) for start in (0, HALF_BYTES)]


def _half(wrapping: AESGCM, table: bytes) -> _Half:
    days, damaged = {}, 0
    for number, made, nonce, sealed in _SLOT.iter_unpack(table):
        try:
            days[number] = made, wrapping.decrypt(nonce, sealed, _CONTEXT.pack(number, made))
        except InvalidTag:
            damaged += any(sealed)
    return _Half(days, damaged)


def _content(wrapping: AESGCM, days: dict[int, Day]) -> bytes:
    slots = [_EMPTY] * SLOTS
    for number, day in days.items():
        slots[number % SLOTS] = _sealed(wrapping, number, day)
    return b"".join(slots) * 2


def _sealed(wrapping: AESGCM, number: int, day: Day) -> bytes:
    made, key = day
    nonce = os.urandom(12)
    return _SLOT.pack(number, made, nonce, wrapping.encrypt(nonce, key, _CONTEXT.pack(number, made)))


def _wrapping(root: bytes) -> AESGCM:
    return AESGCM(derive(root, "days"))
