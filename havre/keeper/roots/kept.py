"""A root kept in one private file of the keeper's folder, in clear or sealed; NAME.next is the pending one."""

import os
from pathlib import Path
from typing import Protocol

from havre.keeper.places import CannotStart
from havre.keeper.roots import ROOT_BYTES, other_choice, private


class Sealing(Protocol):
    """How the file's content and the root are made one from the other."""

    name: str
    file: str

    def seal(self, root: bytes, present: bytes | None) -> bytes:
        """What the file is to hold; `present` is what it holds now."""

    def open(self, content: bytes, path: Path) -> bytes:
        """The root in the content of `path`; CannotStart with its sentence."""

    def again(self, content: bytes, path: Path) -> bytes:
        """Another content for the same root."""


class Kept:
    """A provider whose root lies in `home`."""

    def __init__(self, sealing: Sealing) -> None:
        self._sealing = sealing
        self.name = sealing.name

    def load(self, home: Path) -> bytes:
        return self._sealing.open(*self._read(home))

    def create(self, home: Path) -> bytes:
        path = self._path(home)
        if path.exists():
            return self.load(home)
        if _needs_its_own(home):
            raise self._absent(home)
        root = os.urandom(ROOT_BYTES)
        made = private.put(path, self._sealing.seal(root, None))
        return root if made else self.load(home)

    def load_next(self, home: Path) -> bytes | None:
        path = self._next(home)
        content = private.read(path)
        return None if content is None else self._sealing.open(content, path)

    def prepare_next(self, home: Path) -> bytes:
        root = os.urandom(ROOT_BYTES)
        self._put_next(home, self._sealing.seal(root, private.read(self._path(home))))
        return root

    def promote(self, home: Path) -> str:
        private.put_in_place(self._next(home), self._path(home))
        return ""

    def drop_next(self, home: Path) -> None:
        private.remove(self._next(home))
        private.sweep(self._path(home))

    def forget(self, home: Path) -> str:
        private.remove(self._path(home))
        return ""

    def reseal(self, home: Path) -> None:
        self._put_next(home, self._sealing.again(*self._read(home)))
        self.promote(home)

    def _read(self, home: Path) -> tuple[bytes, Path]:
        path = self._path(home)
        content = private.read(path)
        if content is None:
            raise self._absent(home)
        return content, path

    def _absent(self, home: Path) -> CannotStart:
        path, other = self._path(home), other_choice(home, self.name)
        if _needs_its_own(home):
            return CannotStart(
                f"The store in {home} has lost its {path.name}: put the saved one back before starting{other}."
            )
        return CannotStart(
            f"There is no root key at {path}: put the saved one back, or start once without --no-create{other}."
        )

    def _put_next(self, home: Path, content: bytes) -> None:
        path = self._next(home)
        if not private.put(path, content):
            raise CannotStart(
                f"{path} is left from a rotation that was cut: start the keeper once to end it."
            )

    def _path(self, home: Path) -> Path:
        return home / self._sealing.file

    def _next(self, home: Path) -> Path:
        return home / f"{self._sealing.file}.next"


def _needs_its_own(home: Path) -> bool:
    """Whether something there was sealed under a root, so that a new one would be of no use."""
    return (home / "store.log").exists() or (home / "days.keys").exists()


class Clear:
    """`root.key`: the root itself, which only the keeper's user reads."""

    name = "file"
    file = "root.key"

    def seal(self, root: bytes, present: bytes | None) -> bytes:
        return root

    def open(self, content: bytes, path: Path) -> bytes:
        if len(content) != ROOT_BYTES:
            raise CannotStart(f"The root key {path} is not {ROOT_BYTES} bytes long: put the saved one back.")
        return content

    def again(self, content: bytes, path: Path) -> bytes:
        raise CannotStart("--root file seals nothing: to change the root, rotate it.")
