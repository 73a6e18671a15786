"""The root as a systemd credential: `havre-root`, 32 bytes or 64 hex digits, which the service manager keeps.

The keeper only reads it; making, renaming and removing it are the operator's (docs/keeper-roots.md).
"""

import os
from collections.abc import Mapping
from pathlib import Path

from havre.keeper.places import CannotStart
from havre.keeper.roots import ROOT_BYTES, other_choice, private

NAME = "havre-root"
NEXT = "havre-root-next"


class Credential:
    """A provider that reads $CREDENTIALS_DIRECTORY."""

    name = "credential"

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    def load(self, home: Path) -> bytes:
        root = self._credential(NAME)
        if root is None:
            raise CannotStart(_absent(NAME) + f"{other_choice(home, self.name)}.")
        return root

    def create(self, home: Path) -> bytes:
        return self.load(home)

    def load_next(self, home: Path) -> bytes | None:
        return self._credential(NEXT)

    def prepare_next(self, home: Path) -> bytes:
        root = self._credential(NEXT)
        if root is None:
            raise CannotStart(_absent(NEXT) + ".")
        if root == self._credential(NAME):
            raise CannotStart(f"The credential {NEXT} is the same as {NAME}: give a new one.")
        return root

    def promote(self, home: Path) -> str:
        return (
            f"The root is now the credential {NEXT}: encrypt the same bytes again under the name {NAME}, "
            f"take {NEXT} away, and wipe the old one."
        )

    def drop_next(self, home: Path) -> None:
        """Nothing: the keeper cannot take a credential away."""

    def forget(self, home: Path) -> str:
        return f"The credential {NAME} is no longer used: take it away from the service, and wipe it."

    def reseal(self, home: Path) -> None:
        raise CannotStart(
            f"The keeper does not seal the credential {NAME}: do it with systemd-creds encrypt."
        )

    def _credential(self, name: str) -> bytes | None:
        """No mode is asked of it: systemd gives a credential to the service's user alone, at times by an ACL."""
        folder = self._environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise CannotStart("There is no CREDENTIALS_DIRECTORY: --root credential needs a systemd service.")
        content = private.read(Path(folder) / name, "credential", guarded=True)
        return None if content is None else _decoded(content, name)


def _decoded(content: bytes, name: str) -> bytes:
    raw = len(content) == ROOT_BYTES and not content.isalnum()  # so many letters are a text, not chance
    try:
        root = content if raw else bytes.fromhex(content.decode("ascii"))
    except ValueError:
        root = b""
    if len(root) != ROOT_BYTES:
        raise CannotStart(
            f"The credential {name} is neither {ROOT_BYTES} bytes nor {2 * ROOT_BYTES} hex digits."
        )
    return root


def _absent(name: str) -> str:
    return (
        f"There is no credential {name}: put the saved one back, or make one with `head -c {ROOT_BYTES} "
        f"/dev/urandom | systemd-creds encrypt --name={name} - {name}.cred` and give it to the service with "
        f"LoadCredentialEncrypted={name}:PATH"
    )
