"""Either place fails, at random, for a while, in the middle of anything: the two never end up apart."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from havre.keeper.keys import ShredKeys
from havre.keeper.places import Folder, Place
from havre.keeper.protocol import Refusal, Refused
from tests.keeper.fates import Fate, Fated
from tests.keeper.houses import Asking, clone, found_keys, opened

pytestmark = pytest.mark.usefixtures("unsynced")
SUBJECTS = [bytes([number]) * 16 for number in range(1, 6)]
NAMES = ("store.log", "days.keys", "erased.ledger")


class Pairing:
    """A house on two folders that may fail, and what it acknowledged."""

    def __init__(self, folder: Path, *, strict: bool) -> None:
        self.places = [folder / "home", folder / "copy"]
        self.fates = [Fate(dies=False, lasts=True) for _ in self.places]
        self.strict, self.stack = strict, ExitStack()
        self.told: dict[bytes, ShredKeys | Refusal] = {}
        self.asking = self.open()

    def open(self) -> Asking:
        def around(place: Place) -> Place:
            assert isinstance(place, Folder)
            return Fated(place, self.fates[self.places.index(place.path)])

        return self.stack.enter_context(opened(*self.places, around=around, strict=self.strict))

    def restart(self) -> None:
        self.stack.close()
        self.fates[0].heal()
        if self.strict:
            self.fates[1].heal()
        self.asking = self.open()
        if self.strict:
            self.told = {subject: found_keys(self.asking.house.store, subject) for subject in self.told}

    def fail(self, place: int, after: int, part: float) -> None:
        fate = self.fates[place]
        fate.at, fate.part = fate.steps + 1 + after, part

    def heal(self) -> None:
        for fate in self.fates:
            fate.heal()

    def do(self, act: Callable[[Asking, bytes], object], subject: bytes) -> None:
        """Ask, and remember what was acknowledged; what was refused may be done or not."""
        store = self.asking.house.store
        try:
            act(self.asking, subject)
        except Refused as refused:
            if refused.code == Refusal.STORE:
                self.told.pop(subject, None)
            return
        if act not in (rotate, tend):
            self.told[subject] = found_keys(store, subject)

    def kept(self, *places: Path) -> None:
        """All that was acknowledged is in these places."""
        with opened(*places) as asking:
            store = asking.house.store
            assert {subject: found_keys(store, subject) for subject in self.told} == self.told


def create(asking: Asking, subject: bytes) -> None:
    asking.create(subject)


def ratchet(asking: Asking, subject: bytes) -> None:
    asking.ratchet(subject)


def done(asking: Asking, subject: bytes) -> None:
    keys = found_keys(asking.house.store, subject)
    asking.done(subject, keys.epoch if isinstance(keys, ShredKeys) else 0)


def erase(asking: Asking, subject: bytes) -> None:
    asking.erase(subject)


def rotate(asking: Asking, _: bytes) -> None:
    asking.rotate()


def tend(asking: Asking, _: bytes) -> None:
    asking.tend()


ACTS = st.tuples(
    st.sampled_from([create, create, create, ratchet, done, erase, rotate, tend]), st.sampled_from(SUBJECTS)
)
FAILURES = st.tuples(st.just("fail"), st.integers(0, 1), st.integers(0, 5), st.sampled_from([0, 0.5, 1]))
STEPS = st.lists(
    st.one_of(ACTS, ACTS, ACTS, FAILURES, st.just(("heal",)), st.just(("restart",))), max_size=25
)


def same(places: list[Path]) -> bool:
    held = [
        [(place / name).read_bytes() if (place / name).exists() else b"" for name in NAMES]
        for place in places
    ]
    return held[0] == held[1]


def lived(folder: Path, steps: list[tuple], *, strict: bool) -> None:
    pairing = Pairing(folder, strict=strict)
    with pairing.stack:
        for step in steps:
            if step[0] == "fail":
                pairing.fail(*step[1:])
            elif step[0] == "heal":
                pairing.heal()
            elif step[0] == "restart":
                pairing.restart()
            else:
                pairing.do(*step)
        for places in (pairing.places, pairing.places[:1]):
            pairing.kept(*[clone(place, folder / "crashed" / place.name) for place in places])
        pairing.heal()
        pairing.asking.tend()
        assert pairing.asking.house.files.confirmed
        pairing.asking.rotate()
        store = pairing.asking.house.store
        known = {subject: found_keys(store, subject) for subject in SUBJECTS}
        assert known.items() >= pairing.told.items()
    for place in pairing.places:
        with opened(clone(place, folder / "alone")) as asking:
            assert {subject: found_keys(asking.house.store, subject) for subject in SUBJECTS} == known


def two_folders_stay_one(steps: list[tuple], strict: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "crashed").mkdir()
        lived(Path(folder), steps, strict=strict)


QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=40, derandomize=True, **QUIET)  # type: ignore[arg-type]
@given(STEPS, st.booleans())
@example([("fail", 1, 1, 1), (rotate, SUBJECTS[0]), ("heal",), (create, SUBJECTS[0]), ("restart",)], True)
def test_the_two_places_never_end_up_apart(steps: list[tuple], strict: bool) -> None:
    two_folders_stay_one(steps, strict)


@pytest.mark.slow
def test_the_two_places_never_end_up_apart_however_long_it_is_tried(campaign: bool) -> None:
    search = settings(max_examples=1_500 if campaign else 5, **QUIET)  # type: ignore[arg-type]
    search(given(STEPS, st.booleans())(two_folders_stay_one))()


@pytest.mark.parametrize("act", [create, erase, rotate, ratchet])
def test_after_a_catch_up_both_places_are_equal_byte_for_byte(
    home: Path, copy: Path, act: Callable[[Asking, bytes], None]
) -> None:
    fate = Fate(dies=False, lasts=True)

    def around(place: Place) -> Place:
        assert isinstance(place, Folder)
        return Fated(place, fate if place.path == copy else Fate())

    with opened(home, copy, around=around) as asking:
        asking.create(SUBJECTS[0])
        fate.at, fate.part = fate.steps + 1, 0.5
        act(asking, SUBJECTS[0] if act != create else SUBJECTS[1])
        create(asking, SUBJECTS[2])
        assert asking.check()["copy"]["state"] == "behind"
        assert not same([home, copy])
        fate.heal()
        asking.tend()
        assert asking.check()["copy"]["state"] == "ok"
        assert same([home, copy])
        erase(asking, SUBJECTS[2])
        asking.rotate()
        assert same([home, copy])
