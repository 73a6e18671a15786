"""What a second copy may hold of each writing of the store, for it to be an ancestor of ours.

`store.past` lies in our own folder only (integers big-endian)::

    entry, 48 bytes    generation u64 | salt 32 | records u64

A writing that was left is noted with its length. The one in use is noted as soon as it goes on without its copy:
beyond what is noted, what ours holds is ours alone, and what the copy holds is the copy's alone.
"""

import struct
from typing import NamedTuple

from havre.keeper.places import Place

NAME = "store.past"
KEPT = 64
_ENTRY = struct.Struct(">Q32sQ")


class Writing(NamedTuple):
    """One writing of the store, among all."""

    generation: int
    salt: bytes


class Past:
    """The last writings, and the number of records that a second copy may have of each."""

    def __init__(self, own: Place) -> None:
        """Read what was noted; nothing when it cannot be read: then no copy is an ancestor but a present one."""
        self._own = own
        self._most: dict[Writing, int] = {}
        try:
            content = own.read(NAME) or b""
        except OSError:
            return
        for generation, salt, records in _ENTRY.iter_unpack(content[: len(content) // 48 * 48]):
            self._most[Writing(generation, salt)] = records

    def most(self, writing: Writing) -> int | None:
        """How many records a copy may have of this writing; None when it is not noted."""
        return self._most.get(writing)

    def forget_after(self, present: Writing) -> None:
        """An older store was put back: what came after its writing is no past of ours."""
        self._become(
            {
                one: records
                for one, records in self._most.items()
                if one.generation < present.generation or one == present
            }
        )

    def note(self, writing: Writing, records: int) -> None:
        """From now on a copy has no more than these; what was noted before stays."""
        self._become(self._most if writing in self._most else self._most | {writing: records})

    def allow(self, writing: Writing, records: int) -> None:
        """The copy, an ancestor of ours, is about to be given as many."""
        self._become(self._most | {writing: records})

    def shared(self, writing: Writing) -> None:
        """The copy follows this writing again."""
        self._become({one: records for one, records in self._most.items() if one != writing})

    def _become(self, most: dict[Writing, int]) -> None:
        last = dict(sorted(most.items())[-KEPT:])
        if last != self._most:
            self._own.replace(
                NAME, b"".join(_ENTRY.pack(*writing, records) for writing, records in last.items())
            )
            self._most = last
