"""Where the keeper's files lie: a folder, and its synchronous second copy (another folder, or a standby).

Names are plain file names. A `Place` raises OSError when it cannot do what was asked; what it did is on the
disk for good when it returns.
"""

import contextlib
import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class CannotStart(Exception):
    """An operator's mistake: its text is one sentence that says what to do."""


class Place(Protocol):
    """A set of small files, kept durably."""

    def read(self, name: str) -> bytes | None:
        """The whole file, or None when there is none."""

    def write(self, name: str, at: int, data: bytes) -> None:
        """Put `data` at offset `at` of the file (made when absent), synced; bytes that follow stay."""

    def replace(self, name: str, data: bytes) -> None:
        """Put a whole new file in the place of the old one: after a crash it is one or the other."""

    def close(self) -> None:
        """Let go of it."""


class Folder:
    """A folder of mode 0700, locked: one keeper at a time."""

    def __init__(self, path: Path) -> None:
        """Make the folder if needed; CannotStart when others may enter it, or when a keeper holds it."""
        self.path = private_folder(path)
        self._lock = _locked(path)
        self._files: dict[str, int] = {}
        for half_written in path.glob("*.new"):
            half_written.unlink()

    def read(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, at: int, data: bytes) -> None:
        file = self._opened(name)
        write_all(file, data, at)
        os.fdatasync(file)

    def replace(self, name: str, data: bytes) -> None:
        temporary = self.path / f"{name}.new"
        try:
            file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                write_all(file, data, 0)
                os.fsync(file)
            finally:
                os.close(file)
            temporary.rename(self.path / name)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        finally:
            self._forget(name)
        sync_folder(self.path)

    def close(self) -> None:
        for name in list(self._files):
            self._forget(name)
        os.close(self._lock)

    def _opened(self, name: str) -> int:
        if name not in self._files:
            path = self.path / name
            fresh = not path.exists()
            self._files[name] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if fresh:
                sync_folder(self.path)
        return self._files[name]

    def _forget(self, name: str) -> None:
        if name in self._files:
            os.close(self._files.pop(name))


def private_folder(folder: Path) -> Path:
    """Create the folder with mode 0700, or refuse one that group or others may enter."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"The folder {folder} cannot be created: {error.strerror}.") from None
    if folder.stat().st_mode & 0o077:
        raise CannotStart(f"The folder {folder} is open to other users: run chmod 700 on it.")
    return folder


def sync_folder(folder: Path) -> None:
    """Make a creation or a rename in `folder` survive a power cut (fsync of the folder itself)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network folders cannot be synchronised
            raise
    finally:
        os.close(descriptor)


def write_all(file: int, content: bytes, at: int) -> None:
    """Write all of `content` at offset `at`."""
    view = memoryview(content)
    while view:
        written = os.pwrite(file, view, at)
        view, at = view[written:], at + written


def _locked(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise CannotStart(f"A keeper already running holds {folder}.") from None
    return descriptor


class Pair:
    """The keeper's own folder, and a second copy that is written before anything is acknowledged.

    When the copy fails, the keeper goes on alone (or refuses, if `strict`), and `behind` says why, until all was
    written again within `catching_up`.
    """

    def __init__(self, own: Place, copy: Place | None, *, strict: bool = False) -> None:
        self.own, self.copy, self._strict = own, copy, strict
        self.behind: str | None = None
        self.unread = False  # whether the copy could not be read when the keeper started
        self._catching_up = False
        self._guard = threading.RLock()

    @property
    def confirmed(self) -> bool:
        """Whether all that was written is in both places (or no second one is wished)."""
        return self.behind is None

    def contents(self, name: str) -> list[bytes]:
        """The file as each place that answers holds it, our own first; empty when it is not there."""
        fault = None
        try:
            found = [self.own.read(name) or b""]
        except OSError as error:  # as if it were not there, if the copy has it
            found, fault = [b""], error
        if self.copy is not None and not self.behind:
            with self._copying():
                found.append(self.copy.read(name) or b"")
        if fault and not any(found):
            raise fault
        self.unread = self.unread or (self.copy is not None and len(found) == 1)
        return found

    def write(self, name: str, at: int, data: bytes) -> None:
        """Write in both places."""
        with self._guard:
            self._refuse_alone()
            self.own.write(name, at, data)
            if self.copy is not None and self._follows:
                with self._copying():
                    self.copy.write(name, at, data)

    def replace(self, name: str, data: bytes) -> None:
        """Replace in both places."""
        with self._guard:
            self._refuse_alone()
            self.own.replace(name, data)
            if self.copy is not None and self._follows:
                with self._copying():
                    self.copy.replace(name, data)

    @contextlib.contextmanager
    def catching_up(self) -> Iterator[None]:
        """Within, a copy that is behind is written too; if nothing failed, both are the same from then on."""
        self._catching_up = True
        try:
            yield
            if self._catching_up:
                self.behind, self.unread = None, False
        finally:
            self._catching_up = False

    def close(self) -> None:
        """Let go of both."""
        self.own.close()
        if self.copy is not None:
            self.copy.close()

    @property
    def alone(self) -> bool:
        """Whether what is written goes to no second copy."""
        return self.copy is None or not self._follows

    @property
    def _follows(self) -> bool:
        return self._catching_up or not self.behind

    def _refuse_alone(self) -> None:
        if self._strict and not self._follows:
            raise OSError(f"the second copy is behind: {self.behind}")

    @contextlib.contextmanager
    def _copying(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.behind, self._catching_up = _why(error), False
            if self._strict:
                raise


def _why(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
