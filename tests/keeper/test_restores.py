"""Files put back from an older day: what the copy or the ledger knows is repaired, the rest is refused as unknown."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from havre.keeper.days import KEPT
from havre.keeper.places import CannotStart
from havre.keeper.protocol import Refusal
from tests.keeper.houses import (
    AMINA,
    BRUNO,
    CLAIRE,
    STRANGER,
    Asking,
    answer,
    clone,
    files_of,
    opened,
    payloads,
    refusal,
)

pytestmark = pytest.mark.usefixtures("unsynced")
STORE, DAYS, LEDGER = "store.log", "days.keys", "erased.ledger"
RESTORED = {"store": (STORE,), "days": (DAYS,), "store-and-days": (STORE, DAYS)}
ALL = (STORE, DAYS, LEDGER)


@dataclass
class Since:
    """What happened since the older day: Claire was erased, one paper of Amina was, a stranger came."""

    old: Path
    names: dict[bytes, bytes]
    amina: tuple[bytes, bytes]
    left: bytes
    stranger: tuple[bytes, bytes]
    gone: list[bytes]

    def is_today(self, asking: Asking) -> bool:
        """Whether nothing of it was lost."""
        assert asking.names(STRANGER) == self.names[STRANGER]
        assert asking.open(STRANGER, self.stranger[1]) == self.stranger[0]
        return self.is_safe(asking)

    def is_safe(self, asking: Asking) -> bool:
        """Whether what was there before is, and nothing that went is."""
        assert [asking.names(subject) for subject in (AMINA, BRUNO)] == [self.names[AMINA], self.names[BRUNO]]
        assert asking.open(AMINA, self.amina[1]) == self.amina[0]
        assert refusal(asking.open, AMINA, self.left) == Refusal.WRONG_KEY
        assert answer(asking.names, CLAIRE) == Refusal.ERASED
        assert refusal(asking.create, CLAIRE) == Refusal.ERASED
        assert asking.check()["damaged"] == 0
        return True

    def nothing_gone_lies_in(self, *places: Path) -> bool:
        return not [key for place in places for one in payloads(place) for key in self.gone if key in one]

    def put_back(self, place: Path, *names: str) -> None:
        for name in names:
            (place / name).unlink(missing_ok=True)
            if (self.old / name).exists():
                (place / name).write_bytes((self.old / name).read_bytes())


def lived(home: Path, copy: Path, days: int, before: int = 2) -> Since:
    with opened(home, copy) as asking:
        asking.create(AMINA, BRUNO, CLAIRE)
        asking.rotate(before)
        amina, left = asking.seal(AMINA), asking.seal(AMINA)[1]
        old = clone(home, home.with_name("old"))
        gone = [key for subject in (AMINA, CLAIRE) for key in [asking.house.store.keys(subject).papers]]
        (moved,) = asking.move_on(AMINA, amina[1])
        asking.erase(CLAIRE)
        asking.rotate(days - 1)
        asking.create(STRANGER)
        asking.rotate()
        names = {subject: asking.names(subject) for subject in (AMINA, BRUNO, STRANGER)}
        return Since(old, names, (amina[0], moved), left, asking.seal(STRANGER), gone)


@pytest.mark.parametrize("names", RESTORED.values(), ids=RESTORED)
@pytest.mark.parametrize("days", [3, 13, 16])
@pytest.mark.parametrize("place", ["home", "copy"])
def test_files_put_back_in_one_place_are_repaired_from_the_other(
    home: Path, copy: Path, names: tuple[str, ...], days: int, place: str
) -> None:
    since = lived(home, copy, days)
    since.put_back({"home": home, "copy": copy}[place], *names)
    for _ in range(2):
        with opened(home, copy) as asking:
            assert since.is_today(asking)
            assert (asking.alarms() == ["repaired"]) == (place == "home" and STORE in names)
    assert since.nothing_gone_lies_in(home, copy)
    for alone in (home, copy):
        with opened(alone) as asking:
            assert since.is_today(asking)


@pytest.mark.parametrize("places", [("home",), ("home", "copy")])
@pytest.mark.parametrize("names", [(STORE,), (STORE, DAYS)], ids=["store", "store-and-days"])
@pytest.mark.parametrize("days", [1, 13])
def test_an_older_store_under_todays_ledger_brings_nothing_back_and_what_is_lost_is_unknown(
    home: Path, copy: Path, names: tuple[str, ...], places: tuple[str, ...], days: int
) -> None:
    since = lived(home, copy, days)
    both = [{"home": home, "copy": copy}[place] for place in places]
    for place in both:
        since.put_back(place, *names)
    for _ in range(2):
        with opened(*both) as asking:
            assert since.is_safe(asking)
            assert answer(asking.names, STRANGER) == Refusal.UNKNOWN
            assert refusal(asking.open, STRANGER, since.stranger[1]) == Refusal.UNKNOWN
    assert since.nothing_gone_lies_in(*both)


def test_older_day_keys_alone_do_not_start_and_nothing_changes(home: Path, copy: Path) -> None:
    since = lived(home, copy, 3)
    since.put_back(home, DAYS)
    before = files_of(home)
    with pytest.raises(CannotStart, match=r"^No living day key opens store\.log, .*\.$"), opened(home):
        pass
    assert files_of(home) == before
    with opened(home, copy) as asking:
        assert since.is_today(asking)


def test_a_store_older_than_fourteen_re_keyings_opens_nothing_and_the_copy_repairs_it(
    home: Path, copy: Path
) -> None:
    since = lived(home, copy, KEPT)
    since.put_back(home, STORE)
    before = files_of(home)
    with pytest.raises(CannotStart, match=r"^No living day key opens store\.log"), opened(home):
        pass
    assert files_of(home) == before
    with opened(home, copy) as asking:
        assert since.is_today(asking)


@pytest.mark.parametrize("days", [3, 13])
def test_with_an_older_ledger_too_what_was_copied_off_site_repairs_it(
    home: Path, copy: Path, days: int
) -> None:
    since = lived(home, copy, days)
    off_site = (home / LEDGER).read_bytes()
    since.put_back(home, *ALL)
    with opened(home) as asking:
        assert asking.names(CLAIRE)  # why the ledger is copied off site
        assert asking.house.ledger.merge(off_site) == 2
        asking.house.replay()
        assert since.is_safe(asking)
    assert since.nothing_gone_lies_in(home)


def test_with_an_older_ledger_a_good_key_of_today_brings_its_subject_forward(home: Path, copy: Path) -> None:
    since = lived(home, copy, 3)
    since.put_back(home, *ALL)
    with opened(home) as asking:
        assert asking.open(AMINA, since.amina[1]) == since.amina[0]
        assert refusal(asking.open, AMINA, since.left) == Refusal.WRONG_KEY
        assert asking.house.ledger.epoch(AMINA) == 1


def test_a_ledger_that_is_older_in_one_place_is_repaired_from_the_other(home: Path, copy: Path) -> None:
    since = lived(home, copy, 3)
    whole = (home / LEDGER).read_bytes()
    since.put_back(home, LEDGER)
    assert not (home / LEDGER).exists()
    since.put_back(home, STORE)
    since.put_back(copy, STORE)
    with opened(home, copy) as asking:
        assert since.is_safe(asking)
    assert (home / LEDGER).read_bytes() == (copy / LEDGER).read_bytes() == whole


def test_an_older_house_put_back_whole_goes_on_under_its_own_days(home: Path, copy: Path) -> None:
    """A day number is made again, with another key: neither store opens with the other's."""
    since = lived(home, copy, 3)
    today = clone(home, home.with_name("today"))
    since.put_back(home, STORE, DAYS)
    with opened(home) as asking:
        asking.rotate(3)
        assert since.is_safe(asking)
        assert asking.check()["day"]["number"] == 6
    (today / DAYS).write_bytes((home / DAYS).read_bytes())
    with pytest.raises(CannotStart, match=r"^No living day key opens"), opened(today):
        pass


def test_a_subject_created_again_after_its_creation_was_lost_opens_nothing_of_before(
    home: Path, copy: Path
) -> None:
    with opened(home, copy):
        old = (home / STORE).read_bytes()
    since = lived(home, copy, 1)
    (home / STORE).write_bytes(old)
    with opened(home) as asking:
        assert answer(asking.names, AMINA) == Refusal.UNKNOWN
        asking.create(AMINA)
        dek, wrapped = asking.seal(AMINA)
        for gone in (since.left, since.amina[1]):
            assert refusal(asking.open, AMINA, gone) == Refusal.WRONG_KEY
    with opened(home) as asking:
        assert asking.open(AMINA, wrapped) == dek
