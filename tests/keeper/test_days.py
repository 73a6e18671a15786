"""The day keys: fourteen are kept, an older copy of the store is dead, and no failure loses the living one."""

import os
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from havre.keeper.days import HALF_BYTES, KEPT, SLOTS, Days
from havre.keeper.places import CannotStart
from havre.keeper.protocol import Refusal
from tests.keeper.fates import away, broken
from tests.keeper.houses import (
    AMINA,
    BRUNO,
    ROOT,
    Asking,
    clone,
    day_keys,
    files_of,
    flip,
    opened,
    pair,
    refusal,
)

pytestmark = pytest.mark.usefixtures("unsynced")
OTHER_ROOT = bytes(reversed(range(32)))


def numbers(folder: Path, root: bytes = ROOT) -> list[int]:
    """The day keys that a folder's file holds."""
    return sorted(day_keys(folder, root))


def opens_today(old: Path, living: Path, target: Path) -> bool:
    """Whether an old copy of the store opens with the day keys of today and the root."""
    target.mkdir(mode=0o700)
    (target / "store.log").write_bytes((old / "store.log").read_bytes())
    (target / "days.keys").write_bytes((living / "days.keys").read_bytes())
    try:
        with opened(target) as asking:
            return len(asking.house.store.subjects()) > 0
    except CannotStart:
        return False


# --- what is kept ---


def test_the_first_store_has_a_day_and_each_re_keying_adds_one(house: Asking, home: Path, copy: Path) -> None:
    assert house.check()["day"]["number"] == house.check()["oldest_day"] == 1
    house.rotate(2)
    assert house.check()["day"]["number"] == house.house.store.stamp.day == 3
    assert numbers(home) == numbers(copy) == [1, 2, 3]
    assert (home / "days.keys").stat().st_mode & 0o777 == 0o600


def test_fourteen_are_kept_by_count(house: Asking, home: Path, copy: Path) -> None:
    house.rotate(KEPT - 1)
    assert numbers(home) == list(range(1, KEPT + 1))
    for newest in range(KEPT + 1, 3 * SLOTS):
        house.rotate()
        assert numbers(home) == numbers(copy) == list(range(newest - KEPT + 1, newest + 1))
    assert house.check()["oldest_day"] == 3 * SLOTS - KEPT
    assert (home / "days.keys").stat().st_size == 2 * HALF_BYTES


def test_a_key_that_went_is_overwritten_in_place_wherever_it_lay(
    house: Asking, home: Path, copy: Path
) -> None:
    first = files_of(home, copy)
    inodes = [(place / "days.keys").stat().st_ino for place in (home, copy)]
    slot = first[home / "days.keys"][72:144]
    assert any(slot)
    house.rotate(KEPT)
    assert [(place / "days.keys").stat().st_ino for place in (home, copy)] == inodes
    for content in files_of(home, copy).values():
        assert slot[16:] not in content


def test_after_fourteen_re_keyings_an_old_store_and_the_root_open_nothing(
    house: Asking, home: Path, copy: Path, tmp_path: Path
) -> None:
    house.create(AMINA)
    before = clone(home, tmp_path / "before")
    house.rotate(KEPT - 1)
    assert opens_today(before, home, tmp_path / "thirteen")
    house.rotate()
    for living in (home, copy):
        assert not opens_today(before, living, tmp_path / f"fourteen-{living.name}")


def test_an_old_store_with_its_own_day_keys_says_what_the_receipt_waits_for(
    house: Asking, home: Path, tmp_path: Path
) -> None:
    house.create(AMINA, BRUNO)
    before = clone(home, tmp_path / "before")
    day = house.erase(AMINA)
    assert day == house.check()["day"]["number"]
    house.rotate(KEPT - 1)
    assert day >= house.check()["oldest_day"]
    assert opens_today(before, home, tmp_path / "alive")
    house.rotate()
    assert day < house.check()["oldest_day"]
    assert not opens_today(before, home, tmp_path / "dead")


# --- both places ---


def test_no_key_goes_before_both_places_have_the_newer_store(house: Asking, home: Path, copy: Path) -> None:
    house.create(AMINA)
    house.rotate(KEPT - 1)
    with away(house.house.files.copy):
        house.rotate()
        assert numbers(home)[0] == 1
        assert numbers(copy) == list(range(1, KEPT + 1))
    house.tend()
    assert numbers(home) == numbers(copy) == list(range(2, KEPT + 2))


@pytest.mark.parametrize("times", [1, 2, 3, SLOTS, SLOTS + 3])
def test_a_copy_that_was_away_for_long_costs_no_living_key(home: Path, copy: Path, times: int) -> None:
    with opened(home, copy) as asking:
        asking.create(AMINA)
        asking.rotate(KEPT)
        with away(asking.house.files.copy):
            asking.rotate(times)
        asking.tend()
        newest = KEPT + 1 + times
        assert numbers(home) == numbers(copy) == list(range(newest - KEPT + 1, newest + 1))
        name = asking.names(AMINA)
    for place in (home, copy):
        with opened(place) as asking:
            assert asking.names(AMINA) == name


@pytest.mark.parametrize("behind", range(1, SLOTS + 2))
def test_old_day_keys_in_one_place_bring_nothing_back_and_take_nothing_away(
    home: Path, copy: Path, tmp_path: Path, behind: int
) -> None:
    with opened(home, copy) as asking:
        asking.create(AMINA)
        asking.rotate(KEPT)
        old = (copy / "days.keys").read_bytes()
        asking.rotate(behind)
        name = asking.names(AMINA)
    wanted = numbers(home)
    for place in (home, copy):
        both = [clone(one, tmp_path / "old" / one.name) for one in (home, copy)]
        (tmp_path / "old" / place.name / "days.keys").write_bytes(old)
        for _ in range(2):
            with opened(*both) as asking:
                assert asking.names(AMINA) == name
                assert asking.check()["day"]["number"] == KEPT + 1 + behind
        assert numbers(both[0]) == numbers(both[1]) == wanted


def test_a_damaged_slot_is_read_from_the_three_others(home: Path, copy: Path) -> None:
    with opened(home, copy) as asking:
        asking.create(AMINA)
        asking.rotate(2)
        name = asking.names(AMINA)
    whole = files_of(home, copy)
    spots = [(place / "days.keys", half + 3 * 72 + 20) for place in (home, copy) for half in (0, HALF_BYTES)]
    for _ in range(len(spots)):
        for path, at in spots[:-1]:
            flip(path, at)
        with opened(home, copy) as asking:
            assert asking.names(AMINA) == name
            assert asking.alarms()[-1:] == ["damaged"]
        assert numbers(home) == numbers(copy) == [1, 2, 3]
        spots = spots[1:] + spots[:1]
        for path, content in whole.items():
            path.write_bytes(content)


def test_the_newest_key_damaged_everywhere_does_not_start_in_one_sentence(home: Path) -> None:
    with opened(home) as asking:
        asking.rotate()
    for half in (0, HALF_BYTES):
        flip(home / "days.keys", half + 2 * 72 + 20)
    with pytest.raises(CannotStart, match=r"^No living day key opens store.log, .*\.$"), opened(home):
        pass


# --- failures ---


def test_a_re_keying_that_fails_again_and_again_uses_one_day_key(home: Path) -> None:
    with opened(home) as asking:
        asking.create(AMINA)
        name = asking.names(AMINA)
        with mock.patch.object(asking.house.files.own, "replace", broken):
            for _ in range(2 * SLOTS):
                assert refusal(asking.rotate) == Refusal.STORE
        stopped = clone(home, home.with_name("stopped"))
        asking.rotate()
        assert numbers(home) == [1, 2]
        assert asking.house.store.stamp.day == 2
    for place in (stopped, home):
        with opened(place) as asking:
            assert asking.names(AMINA) == name


# --- the root ---


def test_every_key_is_wrapped_under_the_new_root_and_no_longer_under_the_old_one(
    home: Path, copy: Path
) -> None:
    with opened(home, copy) as asking:
        asking.create(AMINA)
        asking.rotate(4)
        name = asking.names(AMINA)
    with closing(pair(home, copy)) as files:
        assert Days.opens(files, ROOT)
        assert not Days.opens(files, OTHER_ROOT)
        Days(files, ROOT).rewrap(OTHER_ROOT)
        assert Days.opens(files, OTHER_ROOT)
        assert not Days.opens(files, ROOT)
    assert (home / "days.keys").read_bytes() == (copy / "days.keys").read_bytes()
    assert numbers(home, OTHER_ROOT) == [1, 2, 3, 4, 5]
    assert numbers(home) == []
    with opened(home, copy, root=OTHER_ROOT) as asking:
        assert asking.names(AMINA) == name
    with pytest.raises(CannotStart, match="opens none of the day keys"), opened(home, copy):
        pass


def test_a_root_opens_what_does_not_exist_yet(home: Path) -> None:
    with closing(pair(home)) as files:
        assert Days.opens(files, os.urandom(32))
