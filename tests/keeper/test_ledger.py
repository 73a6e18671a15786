"""The ledger of erasures: what it holds never comes back, it names nobody, and no entry goes unseen."""

import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from havre.keeper.ledger import ENTRY_BYTES, Kind, Ledger
from havre.keeper.protocol import Refusal
from tests.keeper.fates import Fate
from tests.keeper.houses import (
    AMINA,
    BRUNO,
    CLAIRE,
    STRANGER,
    Asking,
    answer,
    clone,
    flip,
    opened,
    pair,
    record_at,
    refusal,
    wrapped_at,
)

pytestmark = pytest.mark.usefixtures("unsynced")
MASTER = b"m" * 32


def ledger(home: Path, copy: Path | None = None, master: bytes = MASTER) -> Ledger:
    """As it is read from the files, which are then let go of."""
    with closing(pair(home, copy)) as files:
        return Ledger(files, master)


def written(home: Path, copy: Path | None = None) -> None:
    """Amina erased, Bruno at epoch 3, Claire at epoch 1."""
    with closing(pair(home, copy)) as files:
        kept = Ledger(files, MASTER)
        kept.add(Kind.ERASED, AMINA)
        kept.add(Kind.RATCHETED, BRUNO, 3)
        kept.add(Kind.RATCHETED, CLAIRE, 1)


def known(kept: Ledger) -> tuple[int, bool, int, int]:
    """How many entries, whether Amina was erased, the epochs of Bruno and of Claire."""
    return len(kept), kept.erased(AMINA), kept.epoch(BRUNO), kept.epoch(CLAIRE)


def file(place: Path) -> Path:
    return place / "erased.ledger"


# --- the file ---


def test_it_is_read_again_from_either_place(home: Path, copy: Path) -> None:
    written(home, copy)
    for place in (home, copy):
        kept = ledger(place)
        assert known(kept) == (3, True, 3, 1)
        assert (kept.erased(BRUNO), kept.epoch(STRANGER), kept.damaged) == (False, 0, 0)


def test_it_is_written_in_both_places_when_add_returns(home: Path, copy: Path) -> None:
    with closing(pair(home, copy)) as files:
        Ledger(files, MASTER).add(Kind.ERASED, AMINA)
        assert len(file(home).read_bytes()) == ENTRY_BYTES
        assert file(home).read_bytes() == file(copy).read_bytes()


def test_what_it_knows_is_not_written_again(home: Path) -> None:
    written(home)
    before = file(home).read_bytes()
    with closing(pair(home)) as files:
        kept = Ledger(files, MASTER)
        kept.add(Kind.ERASED, AMINA)
        kept.add(Kind.RATCHETED, AMINA, 9)
        kept.add(Kind.RATCHETED, BRUNO, 2)
        kept.add(Kind.RATCHETED, BRUNO, 3)
        assert file(home).read_bytes() == before
        kept.add(Kind.RATCHETED, BRUNO, 4)
        kept.add(Kind.ERASED, BRUNO)
    assert len(file(home).read_bytes()) == len(before) + 2 * ENTRY_BYTES


def test_it_names_nobody(home: Path) -> None:
    written(home)
    content = file(home).read_bytes()
    assert not [subject for subject in (AMINA, BRUNO, CLAIRE) if subject in content]
    other = home.with_name("other")
    other.mkdir(mode=0o700)
    with closing(pair(other)) as files:
        Ledger(files, b"n" * 32).add(Kind.ERASED, AMINA)
    assert file(other).read_bytes()[16:48] not in content  # another house marks the same person otherwise


def test_a_last_entry_cut_short_was_never_acknowledged(home: Path) -> None:
    written(home)
    whole = file(home).read_bytes()
    for left in range(ENTRY_BYTES):
        file(home).write_bytes(whole[: 2 * ENTRY_BYTES + left])
        kept = ledger(home)
        assert (known(kept), kept.damaged) == ((2, True, 3, 0), 0)
        assert file(home).read_bytes() == whole[: 2 * ENTRY_BYTES]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_damaged_entry_is_read_from_the_second_copy(home: Path, copy: Path, place: int) -> None:
    written(home, copy)
    whole = file(home).read_bytes()
    for damaged in (home, copy):
        flip(file(damaged), place * ENTRY_BYTES + 20)
        kept = ledger(home, copy)
        assert (known(kept), kept.damaged) == ((3, True, 3, 1), 0)
        assert file(home).read_bytes() == file(copy).read_bytes() == whole


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_entry_damaged_everywhere_is_said_and_hides_no_other(home: Path, place: int) -> None:
    written(home)
    flip(file(home), place * ENTRY_BYTES + 20)
    wanted = [(3, False, 3, 1), (3, True, 0, 1), (3, True, 3, 0)][place]
    kept = ledger(home)
    assert (known(kept), kept.damaged) == (wanted, 1)


def test_two_swapped_entries_are_both_refused(home: Path) -> None:
    written(home)
    one, two, three = (
        file(home).read_bytes()[at : at + ENTRY_BYTES] for at in range(0, 3 * ENTRY_BYTES, ENTRY_BYTES)
    )
    file(home).write_bytes(two + one + three)
    kept = ledger(home)
    assert (known(kept), kept.damaged) == ((3, False, 0, 1), 2)


def test_entries_that_only_one_place_has_are_kept(home: Path, copy: Path) -> None:
    """A ledger that was put back and went on apart from its second copy loses none of the two."""
    written(home, copy)
    start = file(home).read_bytes()[:ENTRY_BYTES]
    file(home).write_bytes(start)
    with closing(pair(home)) as files:
        Ledger(files, MASTER).add(Kind.ERASED, STRANGER)
    kept = ledger(home, copy)
    assert (known(kept)[1:], kept.erased(STRANGER)) == ((True, 3, 1), True)
    for place in (home, copy):
        kept = ledger(place)
        assert (known(kept)[1:], kept.erased(STRANGER), kept.damaged) == ((True, 3, 1), True, 0)


def test_a_write_that_failed_is_not_known_and_its_place_is_taken_by_the_next(home: Path) -> None:
    fate = Fate(1, 0.5, dies=False)
    with closing(pair(home, around=fate.around)) as files:
        kept = Ledger(files, MASTER)
        with pytest.raises(OSError, match="No space"):
            kept.add(Kind.ERASED, AMINA)
        assert not kept.erased(AMINA)
        kept.add(Kind.ERASED, BRUNO)
    kept = ledger(home)
    assert (len(kept), kept.erased(AMINA), kept.erased(BRUNO), kept.damaged) == (1, False, True, 0)


# --- another copy ---


def test_merge_takes_what_is_not_here(home: Path, tmp_path: Path) -> None:
    written(home)
    older = file(home).read_bytes()[: 2 * ENTRY_BYTES]
    other = clone(home, tmp_path / "other")
    with closing(pair(other)) as files:
        Ledger(files, MASTER).add(Kind.ERASED, STRANGER)
    elsewhere = file(other).read_bytes()
    with closing(pair(home)) as files:
        kept = Ledger(files, MASTER)
        assert kept.merge(older) == 0
        assert kept.merge(elsewhere) == 1
        assert kept.merge(elsewhere) == 0
    kept = ledger(home)
    assert (known(kept), kept.erased(STRANGER), kept.damaged) == ((4, True, 3, 1), True, 0)


def test_merge_takes_nothing_forged_or_of_another_house(home: Path, tmp_path: Path) -> None:
    written(home)
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    with closing(pair(other)) as files:
        Ledger(files, b"n" * 32).add(Kind.ERASED, BRUNO)
    forged = bytearray(file(home).read_bytes())
    forged[7] ^= 8  # an entry's epoch
    forged[ENTRY_BYTES + 7] ^= 8
    with closing(pair(home)) as files:
        kept = Ledger(files, MASTER)
        assert kept.merge(file(other).read_bytes()) == 0
        assert kept.merge(bytes(forged)) == 0
        assert kept.merge(os.urandom(1000)) == 0
        assert known(kept) == (3, True, 3, 1)


# --- in the house ---


def test_an_erased_subject_stays_erased_when_an_old_store_is_put_back(
    home: Path, copy: Path, tmp_path: Path
) -> None:
    with opened(home, copy) as asking:
        asking.create(AMINA, BRUNO)
        name = asking.names(BRUNO)
        old = clone(home, tmp_path / "old")
        record = record_at(home, 2)
        asking.erase(AMINA)
    for place in (home, copy):
        shutil.copy(old / "store.log", place)
    with opened(home, copy) as asking:
        assert answer(asking.names, AMINA) == Refusal.ERASED
        assert refusal(asking.create, AMINA) == Refusal.ERASED
        assert asking.names(BRUNO) == name
        assert record[17:] not in (home / "store.log").read_bytes() + (copy / "store.log").read_bytes()


def test_a_left_epoch_stays_left_when_an_old_store_is_put_back(home: Path, tmp_path: Path) -> None:
    with opened(home) as asking:
        asking.create(AMINA, BRUNO)
        (dek, kept), (_, erased) = asking.seal(AMINA), asking.seal(AMINA)
        old = clone(home, tmp_path / "old")
        for _ in range(3):
            (kept,) = asking.move_on(AMINA, kept)
    shutil.copy(old / "store.log", home)
    with opened(home) as asking:
        assert refusal(asking.open, AMINA, erased) == Refusal.WRONG_KEY
        assert asking.open(AMINA, kept) == dek
        assert asking.house.store.keys(AMINA).epoch == 3
        assert asking.house.store.keys(BRUNO).epoch == 0


def test_a_pending_epoch_of_an_old_store_that_was_left_since_is_settled(home: Path, tmp_path: Path) -> None:
    with opened(home) as asking:
        asking.create(AMINA)
        dek, first = asking.seal(AMINA)
        epoch, (second,) = asking.ratchet(AMINA, first)
        old = clone(home, tmp_path / "old")
        asking.done(AMINA, epoch)
    shutil.copy(old / "store.log", home)
    with opened(home) as asking:
        assert refusal(asking.open, AMINA, first) == Refusal.WRONG_KEY
        assert asking.open(AMINA, second) == dek


def test_a_ledger_that_was_lost_is_written_again_from_the_tombstones(home: Path) -> None:
    with opened(home) as asking:
        asking.create(AMINA)
        asking.erase(AMINA)
    file(home).unlink()
    with opened(home) as asking:
        assert asking.house.ledger.erased(AMINA)


def test_an_erased_id_is_never_created_again_even_without_its_tombstone(home: Path) -> None:
    with opened(home) as asking:
        empty = (home / "store.log").read_bytes()
        asking.create(AMINA)
        asking.erase(AMINA)
    (home / "store.log").write_bytes(empty)
    with opened(home) as asking:
        assert asking.check()["erased"] == 0
        assert refusal(asking.create, AMINA) == Refusal.ERASED


def test_what_another_copy_says_is_obeyed(house: Asking, home: Path, tmp_path: Path) -> None:
    house.create(AMINA, BRUNO)
    other = clone(home, tmp_path / "other")
    with opened(other) as asking:
        asking.erase(AMINA)
    house.house.ledger.merge(file(other).read_bytes())
    house.house.replay()
    assert answer(house.names, AMINA) == Refusal.ERASED
    assert len(house.names(BRUNO)) == 32


def test_keys_wrapped_ahead_of_an_old_ledger_and_store_still_open(home: Path) -> None:
    with opened(home) as asking:
        asking.create(AMINA)
        dek, wrapped = wrapped_at(asking.house.store.keys(AMINA), 5)
        assert asking.open(AMINA, wrapped) == dek
        assert asking.house.ledger.epoch(AMINA) == 5
