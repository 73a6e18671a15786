"""One flipped bit, anywhere: it fails closed, says which, and the others open. No single one stops the start."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from havre.keeper.days import Days
from havre.keeper.keys import WRAPPED_BYTES, ShredKeys
from havre.keeper.ledger import ENTRY_BYTES, Ledger
from havre.keeper.ledger import Kind as Entry
from havre.keeper.protocol import Refusal
from havre.keeper.store import HOUSE, RECORD_BYTES, START, Kind, Store
from tests.keeper.houses import (
    AMINA,
    BRUNO,
    CLAIRE,
    ROOT,
    answer,
    clone,
    files_of,
    flip,
    found_keys,
    opened,
    pair,
    refusal,
)

pytestmark = pytest.mark.usefixtures("unsynced")
PEOPLE = [bytes([number]) * 16 for number in range(1, 10)]
SUBJECTS = [*PEOPLE, AMINA, BRUNO, CLAIRE]
GONE = {Refusal.DAMAGED, Refusal.UNKNOWN}

type Known = dict[bytes, ShredKeys | Refusal]


@pytest.fixture
def known(home: Path, copy: Path) -> Known:
    """Twelve subjects on their third day: Amina in the middle of a ratchet, Bruno after one, Claire erased."""
    with opened(home, copy) as asking:
        asking.create(*SUBJECTS)
        asking.rotate(2)
        asking.move_on(BRUNO)
        asking.erase(CLAIRE)
        asking.ratchet(AMINA)
        before = clone(home, home.with_name("before"))
        found = all_keys(asking.house.store)
    clone(before, home)
    clone(before, copy)
    return found


def all_keys(store: Store) -> Known:
    return {subject: found_keys(store, subject) for subject in SUBJECTS}


def bits(path: Path, step: int = 1, seed: int = 20) -> Iterator[tuple[int, int]]:
    """A bit of each byte of a file."""
    chance = random.Random(seed)
    return ((at, chance.randrange(8)) for at in range(0, path.stat().st_size, step))


def restored(whole: dict[Path, bytes]) -> None:
    """The files as they were."""
    for path, content in whole.items():
        if path.read_bytes() != content:
            path.unlink()
            path.write_bytes(content)


def record_hit(whole: bytes, at: int) -> tuple[Kind, bytes, int]:
    """The kind and the subject of the record that a byte lies in, and the byte's place in it."""
    start = START + (at - START) // RECORD_BYTES * RECORD_BYTES
    return Kind(whole[start]), whole[start + 1 : start + 17], at - start


# --- the store ---


def test_in_the_store_alone_one_subject_is_refused_and_the_others_open(home: Path, known: Known) -> None:
    path = home / "store.log"
    whole, content = files_of(home), path.read_bytes()
    refused: set[bytes] = set()
    for at, bit in bits(path):
        flip(path, at, bit)
        with closing(pair(home)) as files:
            store = Store(files, Days(files, ROOT))
        found, said = all_keys(store), store.status()["damaged_subjects"]
        if at < START:
            assert (found, store.damaged_records, store.repaired, said) == (known, 0, True, [])
        else:
            kind, subject, place = record_hit(content, at)
            assert store.damaged_records == 1
            lost = {one for one in SUBJECTS if found[one] != known[one]}
            if kind == Kind.VOID or subject in HOUSE:
                assert lost == set()
                assert store.house.papers
            elif kind == Kind.KEYS and subject == AMINA:
                own, now = known[AMINA], found[AMINA]  # its two records are of the same chain of keys
                assert isinstance(own, ShredKeys)
                assert now in (own, ShredKeys(own.previous, own.fields))
            elif kind == Kind.ERASED:
                assert found[subject] in {*GONE, Refusal.ERASED}
                assert lost <= {subject}
            else:
                refused.add(subject)
                assert lost == {subject}
                named = 1 <= place < 17  # the id itself was hit: nobody can tell whose record it was
                assert found[subject] == (Refusal.UNKNOWN if named else Refusal.DAMAGED)
                assert len(said) == 1  # type: ignore[arg-type]
                assert named or said == [subject.hex()]
        restored(whole)
    assert refused == set(SUBJECTS) - {AMINA, CLAIRE}


@pytest.mark.slow
@pytest.mark.parametrize("hit", ["home", "copy"])
def test_in_one_of_two_stores_everything_opens_and_both_are_whole_again(
    home: Path, copy: Path, known: Known, hit: str, campaign: bool
) -> None:
    with closing(pair(home, copy)) as files:
        Store(files, Days(files, ROOT))  # which overwrites what is dead
    path = (home if hit == "home" else copy) / "store.log"
    whole = files_of(home, copy)
    for at, bit in bits(path, 1 if campaign else 11):
        flip(path, at, bit)
        with closing(pair(home, copy)) as files:
            store = Store(files, Days(files, ROOT))
        assert all_keys(store) == known
        assert store.repaired == (hit == "home")
        assert (store.damaged_records, store.status()["damaged"]) == (0, 0)
        assert path.read_bytes() == whole[path]
        path.unlink()
        path.write_bytes(whole[path])


# --- the day keys ---


@pytest.mark.slow
@pytest.mark.parametrize("copied", [False, True])
def test_in_the_day_keys_everything_opens(
    home: Path, copy: Path, known: Known, copied: bool, campaign: bool
) -> None:
    path = home / "days.keys"
    whole = files_of(home, copy)
    with closing(pair(home)) as files:
        days = {number: Days(files, ROOT).key(number) for number in (1, 2, 3)}
    for at, bit in bits(path):
        used = (at // 72) % 16 in (1, 2, 3)
        if not campaign and at % (7 if copied or not used else 1):
            continue
        flip(path, at, bit)
        with closing(pair(home, copy if copied else None)) as files:
            found = Days(files, ROOT)
            assert {number: found.key(number) for number in (1, 2, 3)} == days
            assert (found.newest, found.oldest) == (3, 1)
            assert found.damaged == 1 or not used
            if at % 45 == 0:
                assert all_keys(Store(files, found)) == known
        with closing(pair(home)) as files:
            assert Days(files, ROOT).damaged == 0
        restored(whole)


# --- the ledger ---


@pytest.mark.parametrize("copied", [False, True])
def test_in_the_ledger_one_entry_is_lost_and_said_unless_the_copy_has_it(
    home: Path, copy: Path, copied: bool
) -> None:
    second = copy if copied else None
    with closing(pair(home, second)) as files:
        ledger = Ledger(files, bytes(32))
        for subject in PEOPLE[:3]:
            ledger.add(Entry.ERASED, subject)
        ledger.add(Entry.RATCHETED, AMINA, 4)
    path = home / "erased.ledger"
    whole = files_of(home, *([copy] if copied else []))
    wanted = [True, True, True, 4]
    for at, bit in bits(path):
        flip(path, at, bit)
        with closing(pair(home, second)) as files:
            ledger = Ledger(files, bytes(32))
        found = [*(ledger.erased(subject) for subject in PEOPLE[:3]), ledger.epoch(AMINA)]
        if copied:
            assert (found, ledger.damaged, path.read_bytes()) == (wanted, 0, whole[path])
        else:
            hit = at // ENTRY_BYTES
            assert ledger.damaged == 1
            assert found == [*wanted[:hit], 0, *wanted[hit + 1 :]]
        restored(whole)


def test_an_erased_person_stays_so_whatever_bit_of_her_tombstones_is_flipped(
    home: Path, known: Known
) -> None:
    """The store's and the ledger's each keep her gone without the other."""
    whole = files_of(home)
    for name in ("store.log", "erased.ledger"):
        for at, bit in bits(home / name, step=31):
            flip(home / name, at, bit)
            with opened(home) as asking:
                assert isinstance(answer(asking.names, CLAIRE), Refusal)
                code = refusal(asking.create, CLAIRE)
                assert code in (Refusal.ERASED, Refusal.DAMAGED)
            restored(whole)


# --- a wrapped key ---


def test_in_a_wrapped_key_it_is_refused_and_the_others_open(home: Path, copy: Path) -> None:
    with opened(home, copy) as asking:
        asking.create(AMINA)
        (dek, wrapped), (other_dek, other) = asking.seal(AMINA), asking.seal(AMINA)
        (wrapped, other) = asking.move_on(AMINA, wrapped, other)
        asking.ratchet(AMINA)
        before = files_of(home, copy)
        for at in range(8 * WRAPPED_BYTES):
            altered = bytearray(wrapped)
            altered[at // 8] ^= 1 << at % 8
            assert refusal(asking.open, AMINA, bytes(altered)) == Refusal.WRONG_KEY
        assert (asking.open(AMINA, wrapped), asking.open(AMINA, other)) == (dek, other_dek)
        assert files_of(home, copy) == before


# --- the whole house ---


def test_a_house_starts_and_tells_whatever_bit_of_its_files_is_flipped(home: Path, known: Known) -> None:
    """The single bits that stop a start are none: headers, the house's own secrets and day keys lie there twice."""
    whole = files_of(home)
    with opened(home) as asking:
        right = {subject: answer(asking.names, subject) for subject in SUBJECTS}
    restored(whole)
    told = set()
    for name, step in (("store.log", 37), ("days.keys", 61), ("erased.ledger", 7)):
        for at, bit in bits(home / name, step):
            flip(home / name, at, bit)
            with opened(home) as asking:
                found = {subject: answer(asking.names, subject) for subject in SUBJECTS}
                wrong = [subject for subject in SUBJECTS if found[subject] != right[subject]]
                assert len(wrong) <= 1
                assert {found[subject] for subject in wrong} <= GONE
                report = asking.check()
                alarms = {alarm["what"] for alarm in report["alarms"]}
                assert alarms or (name == "days.keys" and not wrong)
                assert not wrong or report["damaged"] == report["damaged_records"] == 1
                told |= alarms
            (home / "journal" / "000000000001.log").unlink()
            restored(whole)
    assert told == {"repaired", "damaged"}
