"""What befalls a keeper at one of the steps that it takes in its places: the power goes, the disk is full."""

import errno
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from havre.keeper.places import Folder, Place


class Died(BaseException):
    """The power went: nothing more is done, and nobody tells."""


class Fate:
    """Counts the steps (a write or a replacement in any place); one of them, or all from there, go wrong."""

    def __init__(
        self, at: int = 0, part: float = 0, *, dies: bool = True, lasts: bool = False, blind: bool = False
    ) -> None:
        """At step `at` (from 1), this part of it is done (0, a half, 1). `dies`, or says that the disk is full.

        `blind`: nothing is read either.
        """
        self.at, self.part, self.dies, self.lasts, self.blind = at, part, dies, lasts, blind
        self.steps, self.dead = 0, False

    def heal(self) -> None:
        """Nothing more goes wrong."""
        self.at, self.blind = 0, False

    def around(self, place: Place) -> Place:
        """The same place, under this fate."""
        assert isinstance(place, Folder)
        return Fated(place, self)

    def meet(self, do: Callable[[float], None]) -> None:
        """Take one step; `do` does a part of it."""
        if self.dead:
            raise Died
        self.steps += 1
        if not self.at or self.steps < self.at or (self.steps > self.at and not self.lasts):
            return do(1)
        do(self.part)
        if self.dies:
            self.dead = True
            raise Died
        raise OSError(errno.ENOSPC, "No space left on device")


def away_if(path: Path) -> Callable[[Place], Place]:
    """One folder answers nothing, until its fate is healed."""

    def around(place: Place) -> Place:
        assert isinstance(place, Folder)
        return Fated(place, Fate(1, dies=False, lasts=True, blind=True)) if place.path == path else place

    return around


class Fated:
    """A folder under a fate."""

    def __init__(self, folder: Folder, fate: Fate) -> None:
        self.folder, self.fate = folder, fate
        self.path = folder.path

    def read(self, name: str) -> bytes | None:
        if self.fate.dead:
            raise Died
        if self.fate.blind:
            broken()
        return self.folder.read(name)

    def write(self, name: str, at: int, data: bytes) -> None:
        def do(part: float) -> None:
            if part:
                self.folder.write(name, at, data[: int(len(data) * part)])

        self.fate.meet(do)

    def replace(self, name: str, data: bytes) -> None:
        def do(part: float) -> None:
            if part == 1:
                self.folder.replace(name, data)
            elif part and self.fate.dies:
                (self.path / f"{name}.new").write_bytes(data[: int(len(data) * part)])

        self.fate.meet(do)

    def close(self) -> None:
        self.folder.close()


def broken(*_: object) -> None:
    """What a disk does when it breaks."""
    raise OSError(errno.EIO, "Input/output error")


@contextmanager
def away(place: Place | None) -> Iterator[None]:
    """Meanwhile a place answers nothing."""
    with mock.patch.multiple(place, read=broken, write=broken, replace=broken):
        yield


def name_of(file: int) -> Path:
    """The path of an open descriptor."""
    return Path(f"/proc/self/fd/{file}").readlink()


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """Meanwhile the system lets no file of this process grow beyond `size` bytes: a write is cut there."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
