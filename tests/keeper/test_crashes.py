"""The power goes at each step in turn: nothing acknowledged is lost, nothing erased comes back."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from havre.keeper.days import KEPT, Days
from havre.keeper.places import CannotStart, Place
from havre.keeper.protocol import Refusal
from tests.keeper.fates import Died, Fate, away
from tests.keeper.houses import (
    AMINA,
    BRUNO,
    CLAIRE,
    ROOT,
    STRANGER,
    Asking,
    answer,
    clone,
    day_keys,
    opened,
    pair,
    payloads,
    wrapped_at,
)

pytestmark = pytest.mark.usefixtures("unsynced")
OTHER_ROOT = bytes(reversed(range(32)))
PARTS = (0, 0.5, 1)
ANY = b"any key"

type Around = Callable[[Place], Place]
type Answers = frozenset[bytes | Refusal]


@dataclass
class Told:
    """What each question may be answered from now on, and the keys that may lie in no file."""

    papers: dict[tuple[bytes, bytes], Answers] = field(default_factory=dict)
    names: dict[bytes, Answers] = field(default_factory=dict)
    gone: list[bytes] = field(default_factory=list)
    roots: tuple[bytes, ...] = (ROOT,)

    def paper(self, subject: bytes, wrapped: bytes, *answers: bytes | Refusal) -> None:
        self.papers[subject, wrapped] = frozenset(answers)

    def name(self, subject: bytes, *answers: bytes | Refusal) -> None:
        self.names[subject] = frozenset(answers)

    def settled(self) -> list[tuple[bytes, bytes, bytes]]:
        """The papers that surely open: subject, wrapped key, DEK."""
        return [
            (subject, wrapped, dek)
            for (subject, wrapped), answers in self.papers.items()
            for dek in answers
            if len(answers) == 1 and isinstance(dek, bytes)
        ]

    def check(self, asking: Asking) -> None:
        for (subject, wrapped), answers in self.papers.items():
            assert answer(asking.open, subject, wrapped) in answers
        for subject, answers in self.names.items():
            found = answer(asking.names, subject)
            assert found in answers or (ANY in answers and isinstance(found, bytes))
        assert asking.check()["damaged"] == 0


# --- what is being done when the power goes ---


def known(home: Path, copy: Path, told: Told) -> None:
    """Amina and Bruno with their papers; Claire, erased. A second re-keying has been."""
    with opened(home, copy) as asking:
        for subject in (AMINA, BRUNO, CLAIRE):
            asking.create(subject)
            told.name(subject, asking.names(subject))
            for _ in range(2):
                dek, wrapped = asking.seal(subject)
                told.paper(subject, wrapped, dek)
        asking.rotate()
        claire = asking.house.store.keys(CLAIRE)
        _erase(asking, CLAIRE, told)
        told.gone.append(claire.papers)


def _erase(asking: Asking, subject: bytes, told: Told) -> None:
    for place, answers in list(told.papers.items()):
        if place[0] == subject:
            told.papers[place] = answers | {Refusal.ERASED}
    told.names[subject] = told.names[subject] | {Refusal.ERASED}
    asking.erase(subject)
    for place in list(told.papers):
        if place[0] == subject:
            told.paper(*place, Refusal.ERASED)
    told.name(subject, Refusal.ERASED)


def creates(asking: Asking, told: Told) -> None:
    told.name(STRANGER, Refusal.UNKNOWN, ANY)
    asking.create(STRANGER)
    told.name(STRANGER, asking.names(STRANGER))
    dek, wrapped = asking.seal(STRANGER)
    told.paper(STRANGER, wrapped, dek)


def erases(asking: Asking, told: Told) -> None:
    own = asking.house.store.keys(AMINA)
    _erase(asking, AMINA, told)
    told.gone += [own.papers, own.fields]


def ratchets(asking: Asking, told: Told) -> None:
    (_, kept, dek), (_, left, _) = [paper for paper in told.settled() if paper[0] == AMINA]
    own = asking.house.store.keys(AMINA)
    epoch, (moved,) = asking.ratchet(AMINA, kept)
    told.paper(AMINA, moved, dek)
    for wrapped in (kept, left):
        told.papers[AMINA, wrapped] |= {Refusal.WRONG_KEY}
    asking.done(AMINA, epoch)
    for wrapped in (kept, left):
        told.paper(AMINA, wrapped, Refusal.WRONG_KEY)
    told.gone.append(own.papers)


def brings_forward(asking: Asking, told: Told) -> None:
    own = asking.house.store.keys(BRUNO)
    dek, wrapped = wrapped_at(own, 3)
    told.paper(BRUNO, wrapped, dek)
    for place in told.papers:
        if place[0] == BRUNO and place[1] != wrapped:
            told.papers[place] |= {Refusal.WRONG_KEY}
    assert asking.open(BRUNO, wrapped) == dek
    for place in told.papers:
        if place[0] == BRUNO and place[1] != wrapped:
            told.paper(*place, Refusal.WRONG_KEY)
    told.gone.append(own.papers)


def re_keys(asking: Asking, told: Told) -> None:
    asking.rotate()
    creates(asking, told)


def in_house(act: Callable[[Asking, Told], None]) -> "Scenario":
    """Something that a running house does."""

    def run(home: Path, copy: Path, told: Told, around: Around) -> None:
        with opened(home, copy, around=around) as asking:
            act(asking, told)

    return Scenario(known, run)


def nothing(home: Path, copy: Path, told: Told) -> None:
    """Two empty folders."""


def fourteen_days(home: Path, copy: Path, told: Told) -> None:
    known(home, copy, told)
    with opened(home, copy) as asking:
        asking.rotate(KEPT - 2)


def old_home(home: Path, copy: Path, told: Told) -> None:
    """Our own folder is of three days ago."""
    old = home.with_name("three-days-ago")
    with opened(home, copy):
        clone(home, old)
    known(home, copy, told)
    with opened(home, copy) as asking:
        asking.rotate(2)
    for name in ("store.log", "days.keys"):
        (home / name).write_bytes((old / name).read_bytes())


def old_store(home: Path, copy: Path, told: Told) -> None:
    """The stores of both places are older than an erasure and a ratchet; the ledger is of today."""
    with opened(home, copy) as asking:
        asking.create(AMINA, BRUNO)
        store = (home / "store.log").read_bytes()
        dek, wrapped = asking.seal(AMINA)
        _, left = asking.seal(AMINA)
        (moved,) = asking.move_on(AMINA, wrapped)
        asking.erase(BRUNO)
        told.name(AMINA, asking.names(AMINA))
    told.paper(AMINA, moved, dek)
    told.paper(AMINA, left, Refusal.WRONG_KEY)
    told.name(BRUNO, Refusal.ERASED)
    for place in (home, copy):
        (place / "store.log").write_bytes(store)


def starts(home: Path, copy: Path, told: Told, around: Around) -> None:
    with opened(home, copy, around=around) as asking:
        creates(asking, told)


def takes_over(home: Path, copy: Path, told: Told, around: Around) -> None:
    with opened(home, copy, around=around, take_over=True) as asking:
        creates(asking, told)


def changes_its_root(home: Path, copy: Path, told: Told, around: Around) -> None:
    told.roots = (ROOT, OTHER_ROOT)
    with closing(pair(home, copy, around=around)) as files:
        Days(files, ROOT).rewrap(OTHER_ROOT)
    told.roots = (OTHER_ROOT,)


def catches_up(home: Path, copy: Path, told: Told, around: Around) -> None:
    with opened(home, copy, around=around) as asking:
        with away(asking.house.files.copy):
            creates(asking, told)
            asking.rotate()
        asking.tend()
        assert asking.check()["copy"]["state"] == "ok"


@dataclass
class Scenario:
    """What is there before, what is done, and whether either place alone keeps every promise."""

    prepare: Callable[[Path, Path, Told], None]
    run: Callable[[Path, Path, Told, Around], None]
    either: bool = True
    swaps: bool = True  # whether the copy's folder may be the keeper's own afterwards


SCENARIOS = {
    "create": in_house(creates),
    "erase": in_house(erases),
    "ratchet": in_house(ratchets),
    "bring-forward": in_house(brings_forward),
    "re-key": in_house(re_keys),
    "re-key-the-fifteenth": Scenario(fourteen_days, in_house(re_keys).run),
    "first-start": Scenario(nothing, starts),
    "start-over-an-old-home": Scenario(old_home, starts, either=False, swaps=False),
    "start-over-an-old-store": Scenario(old_store, starts, either=False),
    "take-over": Scenario(known, takes_over),
    "another-root": Scenario(known, changes_its_root),
    "catch-up": Scenario(fourteen_days, catches_up, either=False),
}


# --- what is there afterwards ---


def kept(told: Told, *places: Path) -> bytes:
    """Every promise is kept by what lies in these places, with one of the roots: which."""
    for root in told.roots:
        try:
            with opened(*places, root=root) as asking:
                told.check(asking)
                left = [one for place in places for one in payloads(place, root)]
                assert not [key for key in told.gone for one in left if key in one]
                return root
        except CannotStart:
            continue
    raise AssertionError("no root opens it")


def until_the_power_goes(scenario: Scenario, fate: Fate, told: Told, home: Path, copy: Path) -> bool:
    try:
        scenario.run(home, copy, told, fate.around)
    except Died:
        return True
    return False


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("part", PARTS)
def test_the_power_goes_at_each_step(home: Path, copy: Path, tmp_path: Path, name: str, part: float) -> None:
    scenario, steps = SCENARIOS[name], 0
    start = Told()
    scenario.prepare(home, copy, start)
    died = True
    while died:
        steps += 1
        told = Told(dict(start.papers), dict(start.names), list(start.gone))
        places = [clone(place, tmp_path / "now" / place.name) for place in (home, copy)]
        died = until_the_power_goes(scenario, Fate(steps, part), told, *places)
        for place in places if scenario.either else []:
            kept(told, clone(place, tmp_path / "alone"))
        root = kept(told, *places[:: 1 if steps % 2 or not scenario.swaps else -1])
        assert the_same(root, *places)
    assert steps > 2


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_power_goes_again_at_each_step_of_the_restart(
    home: Path, copy: Path, tmp_path: Path, name: str, campaign: bool
) -> None:
    scenario, steps = SCENARIOS[name], 0
    start = Told()
    scenario.prepare(home, copy, start)
    died = True
    while died:
        steps += 1 if campaign else 7
        told = Told(dict(start.papers), dict(start.names), list(start.gone))
        places = [clone(place, tmp_path / "now" / place.name) for place in (home, copy)]
        died = until_the_power_goes(scenario, Fate(steps, 0.5), told, *places)
        for again in range(1, 100):
            later = [clone(place, tmp_path / "later" / place.name) for place in places]
            if not dies_at_the_start(Fate(again, 0.5), told, *later):
                break
            kept(told, *later)


def dies_at_the_start(fate: Fate, told: Told, *places: Path) -> bool:
    for root in told.roots:
        try:
            with opened(*places, root=root, around=fate.around):
                return False
        except Died:
            return True
        except CannotStart:
            continue
    return False


def the_same(root: bytes, *places: Path) -> bool:
    """Whether both places hold the same store, ledger and day keys (each wrapped apart, perhaps)."""
    held = [
        (
            [
                (place / name).read_bytes() if (place / name).exists() else b""
                for name in ("store.log", "erased.ledger")
            ],
            day_keys(place, root),
        )
        for place in places
    ]
    return held[0] == held[1]


def test_an_act_that_was_cut_may_be_asked_again(home: Path, copy: Path, tmp_path: Path) -> None:
    """The client repeats what was not acknowledged: a ratchet is finished, whatever step the power went at."""
    start = Told()
    known(home, copy, start)
    (_, first, dek), (_, left, _) = [paper for paper in start.settled() if paper[0] == AMINA]
    for part in PARTS:
        for step in range(1, 14):
            places = [clone(place, tmp_path / "now" / place.name) for place in (home, copy)]
            until_the_power_goes(in_house(ratchets), Fate(step, part), Told(dict(start.papers)), *places)
            with opened(*places) as asking:
                epoch, (moved, again) = asking.ratchet(AMINA, first, left)
                if not moved:  # it was done already
                    assert again == b""
                    continue
                asking.done(AMINA, epoch)
                assert asking.open(AMINA, moved) == dek
                assert answer(asking.open, AMINA, left) == Refusal.WRONG_KEY
