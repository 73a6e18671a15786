"""The root key, 32 bytes that wrap the day keys, and who keeps it: `file`, `credential`, `passphrases`, `transit`.

All answer one contract, `Provider`. A rotation goes in durable steps, and a crash between any two of them is
finished, or undone, by `settled` at the next start:

1. `prepare_next`: a new root is saved apart, as pending;
2. the caller wraps the day keys under it;
3. `promote`: the pending root takes the place of the old one, which is overwritten.

Errors are CannotStart: one sentence that says what to do, and never holds a secret.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from havre.keeper.places import CannotStart
from havre.keeper.roots.asking import Ask, ask_operator

ROOT_BYTES = 32
CHOICES = "file, credential, passphrases or transit[:[MOUNT/]KEY]"
FILES = {"root.key": "file", "root.shares": "passphrases", "root.transit": "transit"}


class Provider(Protocol):
    """Who keeps the root of the keeper whose folder is `home`."""

    @property
    def name(self) -> str:
        """Its word on the command line."""

    def load(self, home: Path) -> bytes:
        """The root, 32 bytes."""

    def create(self, home: Path) -> bytes:
        """The root, made durably and never half if there is none; refused when a store lies there without it."""

    def load_next(self, home: Path) -> bytes | None:
        """The pending root of a rotation that is not finished."""

    def prepare_next(self, home: Path) -> bytes:
        """A new root, saved as pending; the present one still stands."""

    def promote(self, home: Path) -> str:
        """Put the pending root in the place of the old one; what is left to do by hand, or nothing.

        Again after a crash, it ends what was begun.
        """

    def drop_next(self, home: Path) -> None:
        """Forget the pending root and what a crash left beside the present one."""

    def forget(self, home: Path) -> str:
        """Overwrite and remove the root, now that another provider has one; what is left to do by hand."""

    def reseal(self, home: Path) -> None:
        """Keep the same root under new passphrases, or under the newest transit key."""


def provider(text: str, ask: Ask = ask_operator, *, split: str = "") -> Provider:
    """The provider of `--root TEXT`; `split`, as "3/5", is for passphrases. CannotStart when there is no such one."""
    name, colon, detail = text.partition(":")
    if name not in {*FILES.values(), "credential"} or (colon and (name != "transit" or not detail)):
        raise CannotStart(f"--root is one of {CHOICES}; {text!r} is none of them.")
    if split and name != "passphrases":
        raise CannotStart("--split is for --root passphrases alone.")
    return _provider(name, detail, ask, split)


def settled(
    provider: Provider,
    home: Path,
    opens: Callable[[bytes], bool],
    say: Callable[[str], None],
    *,
    create: bool = False,
) -> bytes:
    """The root that opens the day keys; a rotation cut by a crash is finished, or undone when it had not begun.

    `opens` tells whether a root opens the day keys of the keeper's own folder (true when it has none yet).
    `say` is told what the operator should do by hand. With `create`, a new house gets its first root.
    """
    pending, unreadable = _pending(provider, home)
    if pending is not None and opens(pending):
        _tell(say, provider.promote(home))
        root = pending
    else:
        root = provider.create(home) if create else provider.load(home)
        if not opens(root):
            raise unreadable or CannotStart(
                f"The root key of --root {provider.name} does not open the day keys in {home}: "
                f"put the right one back{other_choice(home, provider.name)}."
            )
        if unreadable:
            say(str(unreadable))
        else:
            provider.drop_next(home)
    for file in _strangers(home, provider.name):
        say(f"{home / file} is not the root in use: wipe it with shred -u once nothing needs it.")
    return root


def rotate(
    old: Provider, new: Provider, home: Path, rewrap: Callable[[bytes], None], say: Callable[[str], None]
) -> bytes:
    """A new root in the keeping of `new`, in the place of the one that `old` has just given through `settled`.

    `rewrap` wraps the day keys under it, for good when it returns, in the keeper's own folder first.
    """
    if new.name != old.name:
        new.drop_next(home)
    root = new.prepare_next(home)
    rewrap(root)
    _tell(say, new.promote(home))
    if new.name != old.name:
        _tell(say, old.forget(home))
    return root


def other_choice(home: Path, name: str) -> str:
    """The end of a sentence: which other --root has its file in this folder."""
    words = sorted({FILES[file.removesuffix(".next")] for file in _strangers(home, name)})
    return f", or start with --root {' or '.join(words)}, whose file is there" if words else ""


def _provider(name: str, detail: str, ask: Ask, split: str) -> Provider:
    """Each is imported when it is chosen: the keeper starts without what it does not use."""
    if name == "credential":
        from havre.keeper.roots.credential import Credential

        return Credential()
    from havre.keeper.roots.kept import Clear, Kept

    if name == "passphrases":
        from havre.keeper.roots.passphrases import Passphrases, parsed_split

        return Kept(Passphrases(ask, parsed_split(split) if split else None))
    if name == "transit":
        from havre.keeper.roots.transit import Transit

        return Kept(Transit(detail or "havre"))
    return Kept(Clear())


def _pending(provider: Provider, home: Path) -> tuple[bytes | None, CannotStart | None]:
    try:
        return provider.load_next(home), None
    except CannotStart as refused:
        return None, refused


def _strangers(home: Path, name: str) -> list[str]:
    """The root files in this folder that are of other providers, pending ones included."""
    files = [file + end for file in FILES if FILES[file] != name for end in ("", ".next")]
    return [file for file in files if (home / file).exists()]


def _tell(say: Callable[[str], None], todo: str) -> None:
    if todo:
        say(todo)
