"""The disk is full, or breaks, at each step in turn: the call is refused, and all is right once there is room."""

from collections.abc import Callable
from pathlib import Path

import pytest

from havre.keeper.journal import verify
from havre.keeper.keys import ShredKeys
from havre.keeper.places import Folder, Place
from havre.keeper.protocol import Refusal, Refused
from tests.keeper.fates import Fate, Fated, small_files
from tests.keeper.houses import (
    AMINA,
    BRUNO,
    STRANGER,
    Asking,
    answer,
    clone,
    found_keys,
    opened,
    payloads,
    refusal,
    stored,
    wrapped_at,
)

pytestmark = pytest.mark.usefixtures("unsynced")
SUBJECTS = (AMINA, BRUNO, STRANGER)

type Act = Callable[[Asking], object]


def bring_forward(asking: Asking) -> None:
    """A paper of Bruno's second epoch; made anew each time, from the keys that are there."""
    own = asking.house.store.keys(BRUNO)
    asking.open(BRUNO, wrapped_at(own, 2)[1])


ACTS: dict[str, Act] = {
    "create": lambda asking: asking.create(STRANGER),
    "ratchet": lambda asking: asking.ratchet(BRUNO),
    "done": lambda asking: asking.done(AMINA, 1),
    "erase": lambda asking: asking.erase(AMINA),
    "rotate": lambda asking: asking.rotate(),
    "bring-forward": bring_forward,
}


def prepared(home: Path, copy: Path) -> bytes:
    """Amina in the middle of a ratchet, Bruno; Amina's key of the epoch before."""
    with opened(home, copy) as asking:
        asking.create(AMINA, BRUNO)
        asking.rotate(13)
        before = asking.house.store.keys(AMINA).papers
        asking.ratchet(AMINA)
    with opened(home, copy):  # which overwrites what is dead
        return before


def known(asking: Asking) -> dict[bytes, ShredKeys | Refusal]:
    return {subject: found_keys(asking.house.store, subject) for subject in SUBJECTS}


def done_well(act: str, asking: Asking) -> bool:
    """Whether the act is done."""
    found, report = known(asking), asking.check()
    amina, bruno = found[AMINA], found[BRUNO]
    done: dict[str, bool] = {
        "create": isinstance(found[STRANGER], ShredKeys),
        "ratchet": isinstance(bruno, ShredKeys) and bruno.epoch == 1 and bool(bruno.previous),
        "done": isinstance(amina, ShredKeys) and not amina.previous,
        "erase": amina == Refusal.ERASED,
        "rotate": report["day"]["number"] == asking.house.store.stamp.day in (15, 16),  # asked again
        "bring-forward": isinstance(bruno, ShredKeys) and bruno.epoch == 2,
    }
    return done[act]


@pytest.mark.parametrize("which", ["home", "copy"])
@pytest.mark.parametrize("act", ACTS)
def test_each_step_refused_by_the_disk(home: Path, copy: Path, tmp_path: Path, act: str, which: str) -> None:
    before = prepared(home, copy)
    tried = 0
    for part, lasts in ((0, True), (0.5, False), (1, False)):
        for step in range(1, 99):
            fate = Fate(step, part, dies=False, lasts=lasts)
            places = [clone(place, tmp_path / "now" / place.name) for place in (home, copy)]
            if not one_refusal(places, fate, act, which, before):
                break
            tried += 1
    assert tried >= 3


def one_refusal(places: list[Path], fate: Fate, act: str, which: str, before: bytes) -> bool:
    """Ask while one place fails at a step; false when it takes fewer steps."""

    def around(place: Place) -> Place:
        assert isinstance(place, Folder)
        return Fated(place, fate if place.path.name == which else Fate())

    with opened(*places, around=around) as asking:
        told = answer(ACTS[act], asking)
        failed = fate.steps >= fate.at
        assert (told == Refusal.STORE) == (failed and which == "home")
        assert (asking.check()["copy"]["state"] == "behind") == (failed and which == "copy")
        if told == Refusal.STORE and act != "rotate":
            assert known(asking)[BRUNO] != Refusal.UNKNOWN
        fate.heal()
        asking.tend()
        assert asking.check()["copy"]["state"] == "ok"
        if told == Refusal.STORE:
            ACTS[act](asking)
        assert done_well(act, asking)
        if act in ("done", "erase"):
            assert not [one for place in places for one in payloads(place) if before in one]
        now, number = known(asking), asking.check()["oldest_day"]
    for place in places:
        with opened(clone(place, place.with_name("alone"))) as asking:
            assert known(asking) == now
            assert asking.check()["oldest_day"] == number
            assert asking.check()["damaged"] == 0
    return failed


# --- refusals of the system itself ---


@pytest.mark.parametrize("act", ["create", "erase", "ratchet"])
def test_a_file_that_the_system_lets_grow_no_more(home: Path, copy: Path, act: str) -> None:
    prepared(home, copy)
    with opened(home, copy) as asking:
        size, now = (home / "store.log").stat().st_size, known(asking)
        with small_files(size + 40):
            assert refusal(ACTS[act], asking) == Refusal.STORE
            assert known(asking) == now
        ACTS[act](asking)
        now = known(asking)
        asking.tend()
    for place in (home, copy):
        with opened(place) as asking:
            assert known(asking) == now
            assert asking.check()["damaged"] == 0
    assert verify(home)


def test_a_compaction_that_the_system_cuts_leaves_the_store_and_its_day(home: Path, copy: Path) -> None:
    with stored(home, copy) as store:
        for number in range(1, 40):
            store.create(bytes([number]) * 16)
        store.create(AMINA)
    with opened(home, copy) as asking:
        now = known(asking)
        assert (home / "store.log").stat().st_size > 6_000
        with small_files(6_000):
            for _ in range(20):
                assert refusal(asking.rotate) == Refusal.STORE
        assert (asking.house.store.stamp.day, asking.check()["day"]["number"]) == (1, 2)
        crashed = [clone(place, place.with_name(f"crashed-{place.name}")) for place in (home, copy)]
        asking.rotate()
        assert asking.house.store.stamp.day == 2
    for places in ([home], [copy], crashed):
        with opened(*places) as asking:
            assert known(asking) == now
    assert [path.name for path in home.iterdir() if path.suffix == ".new"] == []


def test_a_start_on_a_full_disk_is_one_sentence_and_changes_nothing(home: Path, copy: Path) -> None:
    prepared(home, copy)
    (copy / "store.log").unlink()
    before = (home / "store.log").read_bytes()
    with small_files(300), pytest.raises((OSError, Refused), match="File too large"), opened(copy, home):
        pass
    assert (home / "store.log").read_bytes() == before
    with opened(copy, home) as asking:
        assert isinstance(known(asking)[BRUNO], ShredKeys)
