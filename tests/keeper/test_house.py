"""The house's upkeep: a re-keying each day whatever the clocks say, the second copy followed, and all of it told."""

import json
import threading
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from havre.keeper.house import DAY_SECONDS, NEWER, RETRY_SECONDS
from havre.keeper.journal import verify
from havre.keeper.places import CannotStart
from havre.keeper.protocol import Refusal
from havre.keeper.store import START, Stamp
from tests.keeper.clocks import Clocks
from tests.keeper.fates import away, away_if, broken
from tests.keeper.houses import (
    AMINA,
    BRUNO,
    CLAIRE,
    ROOT,
    Asking,
    answer,
    clone,
    files_of,
    flip,
    opened,
    refusal,
)

pytestmark = pytest.mark.usefixtures("unsynced")
HOUR = 3_600


def day(asking: Asking) -> int:
    number: int = asking.check()["day"]["number"]
    return number


def told(home: Path, what: str) -> list[dict[str, Any]]:
    """The journal's lines of one kind."""
    content = b"".join(path.read_bytes() for path in sorted((home / "journal").iterdir()))
    lines = [json.loads(line.partition(b"\t")[0]) for line in content.splitlines()]
    return [line for line in lines if line["what"] == what]


# --- the day ---


def test_the_store_is_re_keyed_once_a_day(clocks: Clocks, house: Asking) -> None:
    for _ in range(23):
        clocks.pass_by(HOUR)
        house.tend()
    assert day(house) == 1
    for wanted in (2, 2, 3):
        clocks.pass_by(12 * HOUR)
        house.tend()
        house.tend()
        assert day(house) == wanted
    assert house.check()["generation"] == 3


def test_a_clock_one_day_back_is_one_alarm_and_the_machines_clock_re_keys(
    clocks: Clocks, house: Asking
) -> None:
    clocks.wall -= DAY_SECONDS
    house.create(AMINA)
    for _ in range(24):
        assert day(house) == 1
        clocks.pass_by(HOUR)
        house.tend()
    assert day(house) == 2
    assert house.alarms() == ["clock-back"]
    for _ in range(24):
        clocks.pass_by(HOUR)
        house.tend()
    assert day(house) == 3
    assert house.alarms() == ["clock-back"]


def test_a_clock_that_jumps_ahead_re_keys_once(clocks: Clocks, house: Asking) -> None:
    clocks.wall += 30 * DAY_SECONDS
    for _ in range(5):
        house.tend()
    assert day(house) == 2


def test_a_keeper_that_was_away_for_a_day_re_keys_when_it_is_back(clocks: Clocks, home: Path) -> None:
    with opened(home):
        pass
    clocks.wall += DAY_SECONDS + 1
    with opened(home) as asking:
        asking.tend()
        assert day(asking) == 2


def test_a_re_keying_by_hand_puts_off_the_next_one(clocks: Clocks, house: Asking) -> None:
    clocks.pass_by(20 * HOUR)
    house.rotate()
    clocks.pass_by(20 * HOUR)
    house.tend()
    assert day(house) == 2
    clocks.pass_by(4 * HOUR)
    house.tend()
    assert day(house) == 3


def test_a_re_keying_that_fails_is_tried_again_and_costs_no_key(clocks: Clocks, home: Path) -> None:
    with opened(home) as asking:
        asking.create(AMINA)
        name = asking.names(AMINA)
        clocks.pass_by(DAY_SECONDS)
        with mock.patch.object(asking.house.files.own, "replace", broken):
            for _ in range(40):
                clocks.pass_by(1)
                asking.tend()
        crashed = clone(home, home.with_name("crashed"))
        assert asking.house.store.stamp.day == 1
        clocks.pass_by(1)
        asking.tend()
        assert asking.house.store.stamp.day == day(asking) == 2
    with opened(crashed) as asking:
        assert asking.names(AMINA) == name


def test_a_failure_of_the_upkeep_is_told_once(clocks: Clocks, home: Path) -> None:
    with opened(home) as asking:
        clocks.pass_by(DAY_SECONDS)
        with mock.patch.object(asking.house.files.own, "replace", broken):
            for _ in range(200):
                clocks.pass_by(1)
                asking.tend()
        assert asking.alarms() == ["upkeep"]


def test_the_journal_goes_on_through_re_keyings_and_new_files(
    house: Asking, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("havre.keeper.journal.SEGMENT_BYTES", 100)
    house.rotate(2)
    assert len(list((home / "journal").iterdir())) >= 3
    assert verify(home) == (1, 3)


# --- the second copy ---


def test_a_copy_that_fails_is_told_once_and_told_again_when_it_is_back(
    clocks: Clocks, house: Asking, home: Path, copy: Path
) -> None:
    with away(house.house.files.copy):
        for subject in (AMINA, BRUNO):
            house.create(subject)
            house.tend()
            clocks.pass_by(60)
        found = house.check()
        assert found["copy"] == {
            "state": "behind",
            "same_disk": True,
            "why": "Input/output error",
            "since": found["copy"]["since"],
        }
        assert found["copy"]["since"]
        assert house.alarms() == ["copy-behind"]
    house.tend()
    house.tend()
    assert house.alarms() == ["copy-behind", "copy-back"]
    assert house.check()["copy"]["state"] == "ok"
    both = [(place / name).read_bytes() for name in ("store.log", "days.keys") for place in (home, copy)]
    assert both[::2] == both[1::2]


def test_a_copy_that_is_behind_is_tried_again_every_ten_seconds(clocks: Clocks, house: Asking) -> None:
    clocks.pass_by(RETRY_SECONDS)
    with away(house.house.files.copy):
        house.create(AMINA)
        house.keeper.tend()
    clocks.pass_by(RETRY_SECONDS - 1)
    house.keeper.tend()
    assert house.check()["copy"]["state"] == "behind"
    clocks.pass_by(2)
    house.keeper.tend()
    assert house.check()["copy"]["state"] == "ok"


def test_a_copy_that_was_away_at_the_start_is_brought_up_to_date(home: Path, copy: Path) -> None:
    with opened(home, copy) as asking:
        asking.create(AMINA)
    with opened(home) as asking:
        asking.create(BRUNO)
        asking.rotate()
        name = asking.names(BRUNO)
    with opened(home, copy, around=away_if(copy)) as asking:
        assert asking.alarms() == ["copy-behind"]
        asking.create(CLAIRE)
        asking.house.files.copy.fate.heal()  # type: ignore[union-attr]
        asking.tend()
        assert asking.alarms() == ["copy-behind", "copy-back"]
    with opened(copy) as asking:
        assert asking.names(BRUNO) == name


def test_a_copy_that_holds_what_was_never_read_here_is_never_overwritten(
    home: Path, copy: Path, tmp_path: Path
) -> None:
    """Our folder was put back from an older day while the copy, which is newer, did not answer at the start."""
    with opened(home, copy) as asking:
        asking.create(AMINA)
        old = clone(home, tmp_path / "old")
        asking.create(BRUNO)
        asking.rotate()
        name = asking.names(BRUNO)
    before = files_of(copy)
    with opened(old, copy, around=away_if(copy)) as asking:
        assert answer(asking.names, BRUNO) == Refusal.UNKNOWN
        asking.house.files.copy.fate.heal()  # type: ignore[union-attr]
        for _ in range(3):
            asking.tend()
        found = asking.check()
        assert (found["copy"]["state"], found["copy"]["why"]) == ("behind", NEWER)
        assert [alarm["what"] for alarm in found["alarms"]] == ["copy-behind", "copy-behind"]
        assert found["alarms"][-1]["detail"] == NEWER
    assert files_of(copy) == before
    with opened(old, copy) as asking:
        assert asking.names(BRUNO) == name


@pytest.mark.parametrize("late", [False, True])
def test_when_two_keepers_went_on_apart_the_one_that_took_over_wins(
    home: Path, copy: Path, late: bool
) -> None:
    """The first re-keyed alone before the second did: their day keys bear the same number."""
    with opened(home, copy) as asking:
        asking.create(AMINA)
    with opened(home) as asking:
        asking.rotate(2)
    with opened(copy, take_over=True) as asking:
        asking.create(BRUNO)
        asking.rotate(2)
        name = asking.names(BRUNO)
    if late:
        with opened(home) as asking:
            asking.rotate(2)
    for own, second in ((home, copy), (copy, home)):
        both = [clone(place, place.with_name(f"{place.name}-of-{own.name}")) for place in (own, second)]
        for _ in range(2):
            with opened(*both) as asking:
                assert asking.names(BRUNO) == name


def test_no_copy_is_said(home: Path) -> None:
    with opened(home) as asking:
        assert asking.check()["copy"] == {"state": "none", "same_disk": False, "why": "", "since": None}


def test_a_copy_on_another_disk_is_said(house: Asking) -> None:
    assert house.check()["copy"]["same_disk"] is True
    with mock.patch.object(
        house.house.files.copy, "path", Path("/proc")
    ):  # another file system, always there
        assert house.check()["copy"]["same_disk"] is False


def test_a_strict_keeper_refuses_to_write_and_still_opens(home: Path, copy: Path) -> None:
    with opened(home, copy, strict=True) as asking:
        asking.create(AMINA)
        dek, wrapped = asking.seal(AMINA)
        with away(asking.house.files.copy):
            for subject in (BRUNO, b"b" * 16):
                assert refusal(asking.create, subject) == Refusal.STORE
            for ask in (lambda: asking.erase(AMINA), asking.rotate, lambda: asking.ratchet(AMINA)):
                assert refusal(ask) == Refusal.STORE
            assert asking.open(AMINA, wrapped) == dek
        asking.tend()
        asking.create(BRUNO)
        name = asking.names(BRUNO)
    with opened(copy) as asking:
        assert asking.open(AMINA, wrapped) == dek
        assert asking.names(BRUNO) == name


# --- starting ---


def test_the_start_is_told(home: Path) -> None:
    with opened(home) as asking:
        asking.rotate()
    with opened(home):
        pass
    assert [(line["term"], line["generation"], line["day"]) for line in told(home, "start")] == [
        (1, 1, 1),
        (1, 2, 2),
    ]


def test_taking_over_is_told_and_begins_a_term(home: Path, copy: Path) -> None:
    with opened(home, copy) as asking:
        asking.create(AMINA)
        name = asking.names(AMINA)
    with opened(copy, take_over=True) as asking:
        assert asking.house.store.stamp == Stamp(2, 2, 1)
        (alarm,) = asking.check()["alarms"]
        assert (alarm["what"], alarm["detail"]) == ("take-over", "term 2")
        assert asking.names(AMINA) == name


def test_what_was_repaired_or_is_damaged_is_told_at_the_start(home: Path, copy: Path) -> None:
    with opened(home, copy) as asking:
        asking.create(AMINA)
    at = START + 2 * 145 + 50
    flip(home / "store.log", at)
    with opened(home, copy) as asking:
        assert asking.alarms() == ["repaired"]
    flip(home / "store.log", at)
    with opened(home) as asking:
        assert asking.alarms() == ["repaired", "damaged"]
        assert asking.check()["damaged_subjects"] == [AMINA.hex()]


def test_a_house_that_cannot_start_leaves_no_file_open(home: Path) -> None:
    with opened(home):
        pass
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(CannotStart), opened(home, root=bytes(32)):
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    with opened(home, root=ROOT):
        pass


def test_checks_and_re_keyings_go_on_together(house: Asking) -> None:
    stop, wrong = threading.Event(), []

    def check() -> None:
        while not stop.wait(0.0005):
            try:
                found = house.check()
                assert found["oldest_day"] <= found["day"]["number"]
            except Exception as error:  # noqa: BLE001 - any at all
                wrong.append(error)

    threads = [threading.Thread(target=check) for _ in range(3)]
    for thread in threads:
        thread.start()
    house.rotate(40)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
