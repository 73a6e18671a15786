"""The root behind k of n passphrases: Shamir's shares of it, each sealed under one of them, in `root.shares`.

The file is JSON; bytes are in hex::

    version   1
    set       16 random bytes, which name this splitting
    k, n      how many passphrases open it, and how many there are
    argon2id  memory (KiB), passes, lanes
    check     16 bytes derived from the root, which tell it from any other
    shares    for each: salt (16 bytes), sealed (share 32, tag 16)

Share number i, from 1, is sealed with AES-256-GCM under Argon2id of its passphrase and its salt. Its associated
data are everything above the shares, and i: a file that was altered opens nothing.
"""

import hmac
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from havre.keeper.keys import derive
from havre.keeper.places import CannotStart
from havre.keeper.roots import ROOT_BYTES, shamir
from havre.keeper.roots.asking import Ask, fault, normal

VERSION = 1
MAX_SHARES = 10  # each passphrase is tried on each share
SALT_BYTES = 16
_ONCE = bytes(12)  # the nonce: a key comes from a fresh salt, and seals one share


class Split(NamedTuple):
    """k passphrases of n open the root."""

    k: int
    n: int


class Cost(NamedTuple):
    """What one guess costs (RFC 9106, second recommended option; well over OWASP's 19 MiB and 2 passes)."""

    memory: int = 64 * 1024
    passes: int = 3
    lanes: int = 4


COST = Cost()


class Passphrases:
    """A sealing that asks the holders; it remembers what they gave, so drop it once the root is there."""

    name = "passphrases"
    file = "root.shares"

    def __init__(self, ask: Ask, split: Split | None = None, cost: Cost = COST) -> None:
        self._ask, self._split, self._cost = ask, split, cost
        self._given: list[str] = []

    def seal(self, root: bytes, present: bytes | None) -> bytes:
        """Ask for new passphrases, as many as said, or as before."""
        split = self._split or (_Saved.read(present, Path(self.file)).split if present else None)
        if split is None:
            raise CannotStart("Say how many passphrases open the root, of how many, as in --split 3/5.")
        k, n = split
        passphrases = _accepted(self._asked(n, new=True))
        name = os.urandom(16)
        head = {
            "version": VERSION,
            "set": name.hex(),
            "k": k,
            "n": n,
            "argon2id": self._cost._asdict(),
            "check": _check(root, name).hex(),
        }
        shares = shamir.split(root, k, n)
        sealed = [_sealed(share, passphrases[x - 1], head, x) for x, share in shares.items()]
        return json.dumps(head | {"shares": sealed}, indent=1).encode() + b"\n"

    def open(self, content: bytes, path: Path) -> bytes:
        saved = _Saved.read(content, path)
        if len(self._given) != saved.split.k:
            self._given = self._asked(saved.split.k, new=False)
        opened = dict(_opened(saved, self._given, path))
        root = shamir.combine(opened)
        if not hmac.compare_digest(saved.check, _check(root, saved.name)):
            raise _damaged(path)
        return root

    def again(self, content: bytes, path: Path) -> bytes:
        return self.seal(self.open(content, path), content)

    def _asked(self, count: int, *, new: bool) -> list[str]:
        given = self._ask(count, new=new)
        if len(given) != count:
            raise CannotStart(f"{count} passphrases are awaited; {len(given)} came.")
        return given


class _Saved(NamedTuple):
    """What `root.shares` holds, once it makes sense."""

    head: dict[str, Any]
    name: bytes
    split: Split
    check: bytes
    shares: list[tuple[bytes, bytes]]

    @classmethod
    def read(cls, content: bytes, path: Path) -> "_Saved":
        try:
            head = json.loads(content)
            shares = [
                (bytes.fromhex(one["salt"]), bytes.fromhex(one["sealed"])) for one in head.pop("shares")
            ]
            split, cost = Split(head["k"], head["n"]), Cost(**head["argon2id"])
            saved = cls(head, bytes.fromhex(head["set"]), split, bytes.fromhex(head["check"]), shares)
            sound = head["version"] == VERSION and _possible(split) and _bearable(cost) and saved.whole
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            sound = False
        if not sound:
            raise _damaged(path)
        return saved

    @property
    def whole(self) -> bool:
        """Whether the shares are as many and as long as they must."""
        sizes = {(len(salt), len(sealed)) for salt, sealed in self.shares}
        return len(self.shares) == self.split.n and sizes == {(SALT_BYTES, ROOT_BYTES + 16)}

    def opened(self, number: int, passphrase: str) -> bytes | None:
        """The share of this number, if the passphrase is its own."""
        salt, sealed = self.shares[number - 1]
        key = _key(passphrase, salt, Cost(**self.head["argon2id"]))
        try:
            return AESGCM(key).decrypt(_ONCE, sealed, _context(self.head, number))
        except InvalidTag:
            return None


def parsed_split(text: str) -> Split:
    """What `--split 3/5` says; CannotStart when it says something else."""
    k, _, n = text.partition("/")
    if not (k.isdecimal() and n.isdecimal() and _possible(Split(int(k), int(n)))):
        raise CannotStart(f"--split is K/N, with 1 <= K <= N <= {MAX_SHARES}, as in 3/5; not {text!r}.")
    return Split(int(k), int(n))


def _opened(saved: _Saved, passphrases: list[str], path: Path) -> Iterator[tuple[int, bytes]]:
    """Each passphrase's share, by number; CannotStart says which passphrases have none."""
    left = list(range(1, saved.split.n + 1))
    wrong = []
    for position, passphrase in enumerate(passphrases, 1):
        for number in left:
            share = saved.opened(number, passphrase)
            if share is not None:
                left.remove(number)
                yield number, share
                break
        else:
            wrong.append(str(position))
    if wrong:
        raise CannotStart(
            f"{path.name} is not opened by the passphrase number {', '.join(wrong)} of {len(passphrases)}: "
            f"it is wrong, or given twice, or the file was altered."
        )


def _accepted(passphrases: list[str]) -> list[str]:
    for position, passphrase in enumerate(passphrases, 1):
        if wrong := fault(passphrase):
            raise CannotStart(f"The passphrase number {position} is refused: {wrong}")
    if len({normal(passphrase) for passphrase in passphrases}) < len(passphrases):
        raise CannotStart("Two of the passphrases are the same: each holder has their own.")
    return passphrases


def _sealed(share: bytes, passphrase: str, head: dict[str, Any], number: int) -> dict[str, str]:
    salt = os.urandom(SALT_BYTES)
    key = _key(passphrase, salt, Cost(**head["argon2id"]))
    return {"salt": salt.hex(), "sealed": AESGCM(key).encrypt(_ONCE, share, _context(head, number)).hex()}


def _key(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    secret = normal(passphrase).encode()
    try:
        return hash_secret_raw(secret, salt, cost.passes, cost.memory, cost.lanes, 32, Type.ID)
    except HashingError:
        raise CannotStart(
            f"A passphrase takes {cost.memory // 1024} MiB of memory, which are not free."
        ) from None


def _context(head: dict[str, Any], number: int) -> bytes:
    return json.dumps([head, number], sort_keys=True).encode()


def _check(root: bytes, name: bytes) -> bytes:
    return derive(root, "root/check", name)[:16]


def _possible(split: Split) -> bool:
    return _integers(split) and 1 <= split.k <= split.n <= MAX_SHARES


def _bearable(cost: Cost) -> bool:
    """A file that was altered must not take the machine's memory."""
    return (
        _integers(cost)
        and 0 < cost.lanes <= 16
        and 8 * cost.lanes <= cost.memory <= 1 << 20
        and 0 < cost.passes <= 20
    )


def _integers(numbers: tuple[object, ...]) -> bool:
    return all(type(number) is int for number in numbers)


def _damaged(path: Path) -> CannotStart:
    return CannotStart(f"{path} is damaged: put the saved one back.")
