"""The root key, one file of 32 random bytes that only the keeper's user reads, and the folder that holds it.

Other providers (systemd credential, k-of-n passphrases, Vault transit) will answer the same way: 32 bytes, or
a refusal to start.
"""

import contextlib
import os
from pathlib import Path

ROOT_BYTES = 32


class CannotStart(Exception):
    """An operator's mistake: its text is one sentence that says what to do."""


def private_folder(folder: Path) -> Path:
    """Create the folder with mode 0700, or refuse one that group or others may enter."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"The folder {folder} cannot be created: {error.strerror}.") from None
    if folder.stat().st_mode & 0o077:
        raise CannotStart(f"The folder {folder} is open to other users: run chmod 700 on it.")
    return folder


def init(home: Path) -> None:
    """Write a new root key, durably and never half, unless one is there; refuse if a store needs another."""
    path = home / "root.key"
    if path.exists():
        return
    if (home / "store.log").exists():
        raise CannotStart(
            f"The store in {home} has lost its root.key: put the saved one back before starting."
        )
    temporary = home / f"root.key.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(os.urandom(ROOT_BYTES))
        out.flush()
        os.fsync(descriptor)
    with contextlib.suppress(FileExistsError):  # another keeper starting at this instant wrote it first
        path.hardlink_to(temporary)
    temporary.unlink()
    sync_folder(home)


def load(home: Path) -> bytes:
    """The 32-byte root key of `home`; CannotStart when absent, readable by others or of a wrong length."""
    path = home / "root.key"
    try:
        with path.open("rb") as source:
            mode = os.fstat(source.fileno()).st_mode
            root = source.read(ROOT_BYTES + 1)
    except FileNotFoundError:
        raise CannotStart(f"There is no root key at {path}: start once without --no-create.") from None
    except OSError as error:
        raise CannotStart(f"The root key {path} cannot be read: {error.strerror}.") from None
    if mode & 0o077:
        raise CannotStart(f"The root key {path} is readable by other users: run chmod 600 on it.")
    if len(root) != ROOT_BYTES:
        raise CannotStart(f"The root key {path} is not {ROOT_BYTES} bytes long: put the saved one back.")
    return root


def sync_folder(folder: Path) -> None:
    """Make a creation or a rename in `folder` survive a power cut (fsync of the folder itself)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
