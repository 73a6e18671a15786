"""Passphrases asked of the operator: typed unseen on a terminal, else one a line on the standard input."""

import getpass
import sys
import unicodedata
from typing import Protocol

from havre.keeper.places import CannotStart

MIN_CHARACTERS = 12


class Ask(Protocol):
    """Gives `count` passphrases: those of holders who are there, or `new` ones."""

    def __call__(self, count: int, *, new: bool) -> list[str]: ...


def ask_operator(count: int, *, new: bool) -> list[str]:
    """Ask at the terminal, twice for a new one; or read lines. CannotStart when too few lines come."""
    if sys.stdin.isatty():
        return [
            _typed_twice(number, count) if new else _typed(number, count) for number in range(1, count + 1)
        ]
    lines = [line for line in (sys.stdin.readline() for _ in range(count)) if line]
    if len(lines) < count:
        raise CannotStart(
            f"{count} passphrases are awaited on the standard input, one a line; {len(lines)} came."
        )
    return [line.rstrip("\r\n") for line in lines]


def normal(passphrase: str) -> str:
    """One writing for what is read the same: NFKC, one space between words, none around."""
    return " ".join(unicodedata.normalize("NFKC", passphrase).split())


def fault(passphrase: str) -> str:
    """Why a new passphrase is refused, or nothing."""
    if len(normal(passphrase)) < MIN_CHARACTERS:
        return f"A passphrase has at least {MIN_CHARACTERS} characters; four words drawn by chance are best."
    return ""


def _typed(number: int, count: int) -> str:
    return getpass.getpass(f"Passphrase {number} of {count}: ")


def _typed_twice(number: int, count: int) -> str:
    while True:
        passphrase = getpass.getpass(f"New passphrase {number} of {count}: ")
        wrong = fault(passphrase)
        if not wrong and normal(getpass.getpass("The same again: ")) != normal(passphrase):
            wrong = "The two differ: once more."
        if not wrong:
            return passphrase
        print(wrong, file=sys.stderr)
