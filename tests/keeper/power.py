"""Every state in which a power cut may leave a small folder, as the changes made to it are followed one by one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

type Names = dict[str, int]
WATCHED = ("open", "pwrite", "fsync", "link", "rename", "unlink")


class Cut(NamedTuple):
    """What the folder would hold, by name, if the power went at `moment`."""

    moment: str
    files: dict[str, bytes]


class Disk:
    """Follows a folder. What was not synchronised may be lost, or not.

    A change of names lasts once the folder is synchronised; before that, any first part of the changes may have
    been kept. A content lasts once its file is synchronised; before that, it may be the previous one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.moment = "before"
        self.cuts: list[Cut] = []
        self._files: dict[int, int] = {}  # an open descriptor of each inode, so that none is used again
        self._lasting: dict[int, bytes] = {}
        self._listings = [self._listing()]
        self._lasting = {inode: self._content(inode) for inode in self._files}

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Within, each change to the folder is followed; what it holds at the end is noted too."""
        real = {name: getattr(os, name) for name in WATCHED}

        def follow(name: str) -> Any:
            def call(*arguments: Any, **options: Any) -> Any:
                result = real[name](*arguments, **options)
                self._done(name, arguments)
                return result

            return call

        self.note()
        with mock.patch.multiple(os, **{name: follow(name) for name in WATCHED}):
            yield
        self.note()
        for file in self._files.values():
            os.close(file)

    def _done(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name == "fsync":
            self._synchronised(os.fstat(arguments[0]).st_ino)
        elif name == "open" and not arguments[1] & os.O_CREAT:
            return
        self._listings.append(self._listing())
        self.note()

    def _synchronised(self, inode: int) -> None:
        if inode == self.folder.stat().st_ino:
            self._listings = []
        else:
            self._lasting[inode] = self._content(inode)

    def _listing(self) -> Names:
        names = {}
        for entry in os.scandir(self.folder):
            names[entry.name] = entry.inode()
            if entry.inode() not in self._files:
                self._files[entry.inode()] = self._open(entry.path, os.O_RDONLY)
                self._lasting[entry.inode()] = b""
        return names

    def note(self) -> None:
        """Add the states that a cut would leave now."""
        for names in self._listings:
            for content in (self._content, self._lasting.__getitem__):
                cut = Cut(self.moment, {name: content(inode) for name, inode in names.items()})
                if cut not in self.cuts:
                    self.cuts.append(cut)

    def _content(self, inode: int) -> bytes:
        return os.pread(self._files[inode], 1 << 16, 0)

    _open = staticmethod(os.open)


def restored(cut: Cut, folder: Path) -> Path:
    """A folder as the power cut left it."""
    folder.mkdir(mode=0o700)
    for name, content in cut.files.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    return folder
