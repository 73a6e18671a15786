"""A house opened by a test itself, asked by name; and what lies in its files."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from havre.keeper import days, keys, store
from havre.keeper.budgets import Budgets
from havre.keeper.calls import Keeper
from havre.keeper.days import Days
from havre.keeper.house import House
from havre.keeper.keys import ShredKeys
from havre.keeper.places import Folder, Pair, Place
from havre.keeper.protocol import ACTOR_KINDS, Call, Refusal, Refused
from havre.keeper.store import RECORD_BYTES, START, Seal, Store

ROOT = bytes(range(32))
AMINA, BRUNO, CLAIRE, STRANGER = (UUID(int=number << 64).bytes for number in (1, 2, 3, 9))
UNBOUNDED = 1e9


def actor(kind: str, who: bytes = bytes(16)) -> bytes:
    """As the protocol writes one."""
    return bytes([ACTOR_KINDS[kind]]) + who


WORKER = actor("worker")


class Asking:
    """Asks a keeper, and gives back what it answers."""

    def __init__(self, house: House, budgets: Budgets | None = None) -> None:
        self.house = house
        self.keeper = Keeper(house, budgets or Budgets(UNBOUNDED))

    def create(self, *subjects: bytes) -> None:
        for subject in subjects:
            assert self.keeper.answer(Call.CREATE, [subject]) == []

    def seal(self, subject: bytes, part: str = "shared") -> tuple[bytes, bytes]:
        """A DEK, and it wrapped."""
        dek, wrapped = self.keeper.answer(Call.SEAL_KEY, [subject, part.encode()])
        return dek, wrapped

    def open(self, subject: bytes, wrapped: bytes, part: str = "shared", by: bytes = WORKER) -> bytes:
        (dek,) = self.keeper.answer(Call.OPEN_KEY, [subject, part.encode(), wrapped, by, b"test"])
        return dek

    def names(self, subject: bytes) -> bytes:
        """The key of the names of one subject; Refused when it is gone."""
        (answer,) = self.fields(subject)
        if answer[0]:
            raise Refused(Refusal(answer[0]), "")
        return answer[1:]

    def fields(self, *subjects: bytes, field_class: str = "names", by: bytes = WORKER) -> list[bytes]:
        return self.keeper.answer(Call.FIELDS, [field_class.encode(), by, b"test", *subjects])

    def tokens(self, scope: bytes, *facts: bytes, kind: bytes = b"name") -> list[bytes]:
        return self.keeper.answer(Call.TOKENS, [scope, kind, *facts])

    def pepper(self, data: bytes, kind: bytes = b"pin") -> bytes:
        (peppered,) = self.keeper.answer(Call.PEPPER, [kind, data])
        return peppered

    def ratchet(self, subject: bytes, *wrapped: bytes) -> tuple[int, list[bytes]]:
        """The epoch that is pending, and these keys of the shared part under it."""
        papers = [field for one in wrapped for field in (b"shared", one)]
        epoch, *rewrapped = self.keeper.answer(Call.RATCHET, [subject, *papers])
        return int.from_bytes(epoch), rewrapped

    def done(self, subject: bytes, epoch: int) -> None:
        assert self.keeper.answer(Call.RATCHET_DONE, [subject, epoch.to_bytes(4)]) == []

    def move_on(self, subject: bytes, *wrapped: bytes) -> list[bytes]:
        """A whole ratchet: these keys, wrapped again."""
        epoch, rewrapped = self.ratchet(subject, *wrapped)
        self.done(subject, epoch)
        return rewrapped

    def erase(self, subject: bytes) -> int:
        (day,) = self.keeper.answer(Call.ERASE, [subject])
        return int.from_bytes(day)

    def rotate(self, times: int = 1) -> None:
        for _ in range(times):
            self.keeper.answer(Call.ROTATE, [])

    def tend(self) -> None:
        """What the clock asks for, the second copy being tried again at once."""
        self.house._last_try = -1e9
        self.keeper.tend()

    def check(self, after: int = 0) -> dict[str, Any]:
        (report,) = self.keeper.answer(Call.CHECK, [after.to_bytes(8)])
        found: dict[str, Any] = json.loads(report)
        return found

    def alarms(self) -> list[str]:
        """Their words, oldest first."""
        return [alarm["what"] for alarm in self.check()["alarms"]]


def pair(
    home: Path,
    copy: Path | None = None,
    *,
    strict: bool = False,
    around: Callable[[Place], Place] = lambda place: place,
) -> Pair:
    """Both places; `around` puts something between them and the keeper."""
    own = Folder(home)
    try:
        second = Folder(copy) if copy else None
    except BaseException:
        own.close()
        raise
    return Pair(around(own), around(second) if second else None, strict=strict)


@contextmanager
def opened(
    home: Path,
    copy: Path | None = None,
    *,
    root: bytes = ROOT,
    take_over: bool = False,
    budgets: Budgets | None = None,
    strict: bool = False,
    around: Callable[[Place], Place] = lambda place: place,
) -> Iterator[Asking]:
    """A house, until the block ends."""
    files = pair(home, copy, strict=strict, around=around)
    try:
        house = House(home, files, root, take_over=take_over)
    except BaseException:
        files.close()
        raise
    try:
        yield Asking(house, budgets)
    finally:
        house.close()


@contextmanager
def stored(home: Path, copy: Path | None = None, *, root: bytes = ROOT) -> Iterator[Store]:
    """A store and its day keys, without the rest of the house."""
    with closing(pair(home, copy)) as files:
        yield Store(files, Days(files, root))


def refusal(ask: Callable[..., object], *asked: Any, **named: Any) -> Refusal:
    """Why it is refused; a failure when it is not."""
    with pytest.raises(Refused) as refused:
        ask(*asked, **named)
    return refused.value.code


def answer[Answered](ask: Callable[..., Answered], *asked: Any, **named: Any) -> Answered | Refusal:
    """What is answered, or why it is refused."""
    try:
        return ask(*asked, **named)
    except Refused as refused:
        return refused.code


def found_keys(store: Store, subject: bytes) -> ShredKeys | Refusal:
    """The keys that a store gives, or why it does not."""
    return answer(store.keys, subject)


def flip(path: Path, at: int, bit: int = 0) -> None:
    """Change one bit of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        (before,) = file.read(1)
        file.seek(at)
        file.write(bytes([before ^ 1 << bit]))


def clone(source: Path, target: Path) -> Path:
    """The folder as it is, elsewhere."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    return target


def files_of(*folders: Path) -> dict[Path, bytes]:
    """All that lies in some folders, journals apart."""
    return {
        path: path.read_bytes() for folder in folders for path in sorted(folder.iterdir()) if path.is_file()
    }


def record_at(folder: Path, position: int) -> bytes:
    """One record as it lies in a store."""
    start = START + position * RECORD_BYTES
    return (folder / "store.log").read_bytes()[start : start + RECORD_BYTES]


def payloads(folder: Path, root: bytes = ROOT) -> list[bytes]:
    """All that the records of a store hold, dead ones too, opened by whoever has this root."""
    content = (folder / "store.log").read_bytes()
    seal = Seal.of(living_days(folder, root), content)
    assert seal is not None
    starts = range(START, len(content) - RECORD_BYTES + 1, RECORD_BYTES)
    found = [seal.opened(content[at : at + RECORD_BYTES], place) for place, at in enumerate(starts)]
    return [payload for payload in found if payload is not None]


def day_keys(folder: Path, root: bytes = ROOT) -> dict[int, bytes]:
    """The day keys that lie in a folder, by number; the file is left as it is."""
    held: dict[int, bytes] = {}
    content = (folder / "days.keys").read_bytes() if (folder / "days.keys").exists() else b""
    for half in days._halves(days._wrapping(root), content):
        held |= {number: key for number, (_, key) in half.days.items()}
    return held


def living_days(folder: Path, root: bytes = ROOT) -> Days:
    """The same, as a `Seal` asks for them."""
    view: Any = SimpleNamespace(key=day_keys(folder, root).get)
    found: Days = view
    return found


def wrapped_at(own: ShredKeys, epoch: int, part: str = "shared") -> tuple[bytes, bytes]:
    """A DEK and it wrapped at a later epoch of these keys, as a keeper that is ahead would."""
    dek = keys.new_dek()
    return dek, keys.wrap(own.at(epoch), part, dek)


STORE, DAYS = store.NAME, days.NAME
