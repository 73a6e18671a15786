"""A second copy is only ever overwritten when what it holds is known to be an ancestor of ours."""

from argparse import Namespace
from contextlib import closing, suppress
from pathlib import Path
from unittest import mock

import pytest

from havre.keeper.commands import rotate_root
from havre.keeper.house import DAY_SECONDS, FORK, RETRY_AT_MOST, UNMENDED
from havre.keeper.ledger import Kind, Ledger
from havre.keeper.places import CannotStart
from havre.keeper.protocol import Refusal
from tests.keeper.clocks import Clocks
from tests.keeper.fates import Died, Fate, away, away_if, broken
from tests.keeper.houses import (
    AMINA,
    BRUNO,
    CLAIRE,
    STRANGER,
    Asking,
    answer,
    clone,
    files_of,
    flip,
    opened,
    pair,
)

pytestmark = pytest.mark.usefixtures("unsynced")
AMINAS_RECORD = 144 + 2 * 145


def apart(home: Path, copy: Path, tmp_path: Path) -> tuple[Path, bytes]:
    """An older folder of ours, while the copy is newer: Bruno is known, Claire erased. And Bruno's key."""
    with opened(home, copy) as asking:
        asking.create(AMINA, CLAIRE)
        old = clone(home, tmp_path / "old")
        asking.create(BRUNO)
        asking.erase(CLAIRE)
        return old, asking.names(BRUNO)


def heal(asking: Asking) -> None:
    asking.house.files.copy.fate.heal()  # type: ignore[union-attr]
    asking.tend()


@pytest.mark.parametrize("alone", ["re-keyed", "created", "both"])
@pytest.mark.parametrize("at_start", [True, False])
def test_an_old_folder_that_went_on_alone_never_overwrites_the_newer_copy(
    home: Path, copy: Path, tmp_path: Path, at_start: bool, alone: str
) -> None:
    old, bruno = apart(home, copy, tmp_path)
    before = files_of(copy)
    with opened(old, copy, around=away_if(copy)) as asking:
        if alone != "re-keyed":
            asking.create(STRANGER, b"o" * 16, b"p" * 16)
        if alone != "created":
            asking.rotate()
    with opened(old, copy, around=(lambda place: place) if at_start else away_if(copy)) as asking:
        if not at_start:
            heal(asking)
        asking.rotate()
        asking.tend()
        found = asking.check()
        assert (found["copy"]["state"], found["copy"]["why"], found["oldest_day"]) == ("behind", FORK, 1)
        assert answer(asking.names, CLAIRE) == Refusal.ERASED
        if alone != "re-keyed":
            asking.names(STRANGER)
    assert files_of(copy) == before
    with opened(copy) as asking:
        assert asking.names(BRUNO) == bruno


def test_what_was_acknowledged_alone_is_kept_though_the_copy_went_further(
    home: Path, copy: Path, tmp_path: Path
) -> None:
    old, bruno = apart(home, copy, tmp_path)
    with opened(home, copy) as asking:
        asking.rotate(5)
    with opened(old) as asking:
        asking.create(STRANGER)
        asking.rotate()
        stranger = asking.names(STRANGER)
    with opened(old, copy) as asking:
        assert asking.check()["copy"]["why"] == FORK
        assert asking.names(STRANGER) == stranger
    with opened(copy) as asking:
        assert asking.names(BRUNO) == bruno


def test_a_copy_left_behind_for_many_re_keyings_is_still_an_ancestor(home: Path, copy: Path) -> None:
    with opened(home, copy) as asking:
        asking.create(AMINA)
    with opened(home) as asking:
        asking.rotate(40)
        asking.create(BRUNO)
        bruno = asking.names(BRUNO)
    with opened(home, copy) as asking:
        assert asking.check()["copy"]["state"] == "ok"
    with opened(copy) as asking:
        assert asking.names(BRUNO) == bruno


def test_what_rots_on_our_disk_is_not_copied(home: Path, copy: Path) -> None:
    with opened(home, copy) as asking:
        asking.create(AMINA)
        amina = asking.names(AMINA)
        flip(home / "store.log", AMINAS_RECORD + 40)
        with away(asking.house.files.copy):
            asking.create(BRUNO)
        asking.tend()
    for places in ((copy,), (home,)):
        with opened(*places) as asking:
            assert asking.names(AMINA) == amina


def test_a_copy_that_may_mend_ours_is_kept_until_both_are_read(home: Path, copy: Path) -> None:
    with opened(home, copy) as asking:
        asking.create(AMINA)
        amina = asking.names(AMINA)
    flip(home / "store.log", AMINAS_RECORD + 40)
    with opened(home, copy, around=away_if(copy)) as asking:
        heal(asking)
        assert asking.check()["copy"]["why"] == UNMENDED
        assert asking.alarms()[-1] == "copy-behind"
    with opened(home, copy) as asking:
        assert asking.names(AMINA) == amina


def test_the_folder_of_another_house_is_left_as_it_is(home: Path, copy: Path) -> None:
    with opened(home) as asking:
        asking.create(AMINA)
    with opened(copy, root=bytes(32)) as asking:
        asking.create(BRUNO)
    before = files_of(home, copy)
    with pytest.raises(CannotStart, match=r"is not of this house.*\.$"), opened(home, copy):
        pass
    assert files_of(home, copy) == before
    with opened(home, copy, around=away_if(copy)) as asking:
        heal(asking)
        assert asking.check()["copy"]["state"] == "behind"
    assert files_of(copy) == files_of(copy) | {p: c for p, c in before.items() if p.parent == copy}


def test_the_oldest_day_is_that_of_the_copy_while_it_is_behind(home: Path, copy: Path) -> None:
    with opened(home, copy) as asking:
        asking.create(AMINA)
        assert asking.check()["oldest_day"] == 1
        with away(asking.house.files.copy):
            day = asking.erase(AMINA)
            asking.rotate(20)
            assert asking.check()["oldest_day"] <= day
        asking.tend()
        assert asking.check()["oldest_day"] > day


@pytest.mark.parametrize("step", [1, 2])
def test_ledgers_that_went_on_apart_are_one_whenever_the_power_goes(
    home: Path, copy: Path, step: int
) -> None:
    def add(subject: bytes, *places: Path) -> None:
        with closing(pair(*places)) as files:
            Ledger(files, bytes(32)).add(Kind.ERASED, subject)

    add(AMINA, home, copy)
    add(BRUNO, home)
    add(CLAIRE, copy)
    with closing(pair(home, copy, around=Fate(step + 1).around)) as files, suppress(Died):
        Ledger(files, bytes(32)).add(Kind.ERASED, STRANGER)
    with closing(pair(home, copy)) as files:
        ledger = Ledger(files, bytes(32))
        assert [ledger.erased(one) for one in (AMINA, BRUNO, CLAIRE)] == [True] * 3


def test_a_damaged_record_is_overwritten_when_its_subject_is_erased(home: Path) -> None:
    with opened(home) as asking:
        asking.create(AMINA)
    flip(home / "store.log", AMINAS_RECORD + 40)
    raw = (home / "store.log").read_bytes()[AMINAS_RECORD:][:145]
    with opened(home) as asking:
        asking.erase(AMINA)
        assert raw not in (home / "store.log").read_bytes()


def test_our_own_file_that_cannot_be_read_is_taken_from_the_copy(home: Path, copy: Path) -> None:
    with opened(home, copy) as asking:
        asking.create(AMINA)
        amina = asking.names(AMINA)
    with closing(pair(home, copy)) as files, mock.patch.object(files.own, "read", broken):
        assert files.contents("store.log")[1]
        with pytest.raises(OSError, match="Input/output"):
            files.contents("erased.ledger")
    with opened(home, copy) as asking:
        assert asking.names(AMINA) == amina


def test_a_day_key_made_in_the_future_is_replaced_at_once_and_told_once(clocks: Clocks, home: Path) -> None:
    clocks.wall += 400 * DAY_SECONDS
    with opened(home):
        pass
    clocks.wall -= 400 * DAY_SECONDS
    with opened(home) as asking:
        asking.tend()
        asking.tend()
        assert asking.check()["day"]["number"] == 2
        assert asking.alarms().count("day-late") == 1


def test_a_copy_that_hangs_is_tried_less_and_less(clocks: Clocks, home: Path, copy: Path) -> None:
    with opened(home, copy) as asking:
        tries = []

        def hangs(name: str) -> bytes:
            tries.append(clocks.wall)
            clocks.pass_by(30)
            raise OSError(name)

        with away(asking.house.files.copy):
            asking.create(AMINA)
        with mock.patch.object(asking.house.files.copy, "read", hangs):
            for _ in range(3_600):
                clocks.pass_by(1)
                asking.keeper.tend()
        assert len(tries) < 20
        assert tries[-1] - tries[-2] > RETRY_AT_MOST
        clocks.pass_by(RETRY_AT_MOST + 1)
        asking.keeper.tend()
        assert asking.check()["copy"]["state"] == "ok"


def test_the_root_is_not_replaced_while_the_copy_is_left_alone(
    home: Path, copy: Path, tmp_path: Path
) -> None:
    old, _ = apart(home, copy, tmp_path)
    (old / "root.key").write_bytes(bytes(range(32)))
    (old / "root.key").chmod(0o600)
    with opened(old) as asking:
        asking.rotate()
    before = files_of(old, copy)
    options = Namespace(home=old, copy=str(copy), root="file", to="", split="", certificates=None)
    with pytest.raises(CannotStart, match=r"^The second copy must follow"):
        rotate_root(options)
    assert files_of(old, copy) == before
