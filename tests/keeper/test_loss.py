"""What a lost folder, a second copy that was away or an older store must never cost."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from havre.keeper.days import KEPT, SLOTS
from havre.keeper.house import House
from havre.keeper.places import CannotStart, Folder, Pair
from tests.keeper.houses import AMINA, DAYS, ROOT, STORE, Asking, opened


class Removable(Folder):
    """A second copy on a disk that can be taken away."""

    away = False

    def read(self, name: str) -> bytes | None:
        self._reach()
        return super().read(name)

    def write(self, name: str, at: int, data: bytes) -> None:
        self._reach()
        super().write(name, at, data)

    def replace(self, name: str, data: bytes) -> None:
        self._reach()
        super().replace(name, data)

    def _reach(self) -> None:
        if self.away:
            raise OSError("No such device")


def with_removable(home: Path, copy: Removable) -> Asking:
    return Asking(House(home, Pair(Folder(home), copy), ROOT))


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("days_alone", [1, SLOTS - KEPT + 1, SLOTS, 2 * SLOTS])
def test_a_copy_that_was_away_for_many_days_costs_no_key(
    home: Path, copy: Path, days_alone: int, restarted: bool
) -> None:
    away = Removable(copy)
    house = with_removable(home, away)
    with closing(house.house):
        house.create(AMINA)
        names = house.names(AMINA)
        house.rotate(KEPT)
        away.away = True
        house.rotate(days_alone)
        away.away = False
        if not restarted:
            house.tend()
            assert house.house.files.confirmed
    for _ in range(2):  # the first start writes what the second one reads
        with opened(home, copy) as house:
            assert house.names(AMINA) == names
            assert house.house.days.newest - house.house.days.oldest < KEPT


def test_a_keeper_without_a_store_begins_none_while_its_copy_is_silent(home: Path, copy: Path) -> None:
    with opened(home, copy) as house:
        house.create(AMINA)
    shutil.rmtree(home)
    away = Removable(copy)
    away.away = True
    with closing(away), pytest.raises(CannotStart):
        with_removable(home, away)
    shutil.rmtree(home)
    with opened(home, copy) as house:
        house.names(AMINA)


def test_a_subject_created_again_after_its_store_was_put_back_keeps_its_papers(home: Path) -> None:
    with opened(home):
        older = {name: (home / name).read_bytes() for name in (STORE, DAYS)}
    with opened(home) as house:
        house.create(AMINA)
        house.move_on(AMINA)
    for name, content in older.items():
        (home / name).write_bytes(content)
    with opened(home) as house:
        house.create(AMINA)
        dek, wrapped = house.seal(AMINA)
    with opened(home) as house:
        assert house.open(AMINA, wrapped) == dek
