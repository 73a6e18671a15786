"""A small private file, written so that a crash leaves it whole or absent, and overwritten before it goes.

Beside a file NAME there may be, for a moment, NAME.old (what it was, until it is overwritten) and
NAME.<process>.tmp (one being written). They are names of the same bytes as NAME at some instants, so only the
last name of some bytes is ever overwritten.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from havre.keeper.places import CannotStart, sync_folder, write_all

MAX_BYTES = 1 << 16


def read(path: Path, what: str = "root key", *, guarded: bool = False) -> bytes | None:
    """The file, or None when there is none; CannotStart when others may read it, or when it is over 64 KiB.

    The mode of a `guarded` file is not looked at: something else keeps the others away.
    """
    try:
        with path.open("rb") as source:
            mode = os.fstat(source.fileno()).st_mode
            content = source.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CannotStart(f"The {what} {path} cannot be read: {error.strerror}.") from None
    if mode & 0o077 and not guarded:
        raise CannotStart(f"The {what} {path} is readable by other users: run chmod 600 on it.")
    if len(content) > MAX_BYTES:
        raise CannotStart(f"The {what} {path} is too long: put the saved one back.")
    return content


def put(path: Path, content: bytes) -> bool:
    """Write a new file, durably and never half; false when there is one already, which stays."""
    with _spoken(path, "written"):
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        _write(temporary, content)
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
            sync_folder(path.parent)
    return True


def put_in_place(following: Path, path: Path) -> None:
    """Rename `following` to `path`, if it is there; what `path` was is overwritten, now or after a crash."""
    with _spoken(path, "replaced"):
        sweep(path)
        if following.exists():
            with contextlib.suppress(FileNotFoundError):
                _old(path).hardlink_to(path)
            following.rename(path)
            sync_folder(path.parent)
        sweep(path)


def remove(path: Path) -> None:
    """Overwrite and remove the file, and what a crash left beside it."""
    with _spoken(path, "removed"):
        sweep(path)
        with contextlib.suppress(FileNotFoundError):
            path.rename(_old(path))
            sync_folder(path.parent)
        sweep(path)


def sweep(path: Path) -> None:
    """Remove what a crash left beside the file."""
    with _spoken(path, "tidied"):
        for left in (_old(path), *path.parent.glob(f"{path.name}.*.tmp")):
            _wipe(left)


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        write_all(file, content, 0)
        os.fsync(file)
    finally:
        os.close(file)


def _wipe(path: Path) -> None:
    try:
        path.chmod(0o600)  # an operator may have made it read-only
        file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        about = os.fstat(file)
        if about.st_nlink == 1:
            write_all(file, bytes(about.st_size), 0)
            os.fsync(file)
    finally:
        os.close(file)
    path.unlink()
    sync_folder(path.parent)


def _old(path: Path) -> Path:
    return path.with_name(f"{path.name}.old")


@contextlib.contextmanager
def _spoken(path: Path, verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotStart(f"The root key {path} cannot be {verb}: {error.strerror}.") from None
