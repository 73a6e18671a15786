"""Budgets: each bucket is a bound of its own, a refusal takes nothing, time gives back."""

import os
from collections.abc import Callable

import pytest

from havre.keeper import budgets
from havre.keeper.budgets import ACTORS, CLASSES, HOUSE, Asked, Budgets, OverBudget, Rate
from havre.keeper.protocol import ACTOR_KINDS, Refusal
from tests.keeper.houses import (
    AMINA,
    BRUNO,
    CLAIRE,
    Asking,
    actor,
    answer,
    refusal,
)

pytestmark = pytest.mark.usefixtures("unsynced")


class Time:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Time:
    return Time()


def given(some: Budgets, asked: Callable[[int], Asked], most: int = 10**6) -> int:
    """How often it may be asked for one before it is refused."""
    for number in range(most):
        try:
            some.take(asked(number))
        except OverBudget:
            return number
    return most


def over(some: Budgets, asked: Asked) -> str:
    """The budget that refuses."""
    with pytest.raises(OverBudget) as refused:
        some.take(asked)
    return str(refused.value)


def who(number: int) -> bytes:
    return number.to_bytes(16)


def always(asked: Asked) -> Callable[[int], Asked]:
    """The same each time."""
    return lambda _: asked


def by_many(what: str, kind: str) -> Callable[[int], Asked]:
    """One, by another actor each time."""
    return lambda number: Asked(what, 1, kind, who(number))


@pytest.mark.parametrize(("what", "kind"), sorted(ACTORS))
def test_each_actor_has_its_own(what: str, kind: str, seconds: Time) -> None:
    some = Budgets(scale=1_000, clock=seconds)
    for one in (AMINA, BRUNO):
        assert given(some, always(Asked(what, 1, kind, one))) == ACTORS[what, kind].burst
        assert over(some, Asked(what, 1, kind, one)) == f"{what} of one {kind}"


@pytest.mark.parametrize(("what", "kind"), sorted(CLASSES))
def test_each_class_of_actors_has_its_own(what: str, kind: str, seconds: Time) -> None:
    some = Budgets(clock=seconds)
    assert given(some, by_many(what, kind)) == CLASSES[what, kind].burst
    assert over(some, Asked(what, 1, kind, who(10**9))) == f"{what} of all {kind}"
    other = next(name for name in sorted(ACTOR_KINDS) if name != kind)
    some.take(Asked(what, 1, other, who(1)))


@pytest.mark.parametrize("what", sorted(HOUSE))
def test_the_house_has_its_own(what: str, seconds: Time) -> None:
    some = Budgets(clock=seconds)
    share = HOUSE[what].burst / len(CLASSES)
    kinds = [kind for name, kind in CLASSES if name == what] or [""]
    assert all(CLASSES[what, kind].burst <= HOUSE[what].burst for kind in kinds if kind)
    some._buckets[what, "the house"] = budgets._Bucket(HOUSE[what], seconds.now)
    some._buckets[what, "the house"].left = int(share)
    assert given(some, by_many(what, kinds[0])) == int(share)
    for kind in kinds:
        assert over(some, Asked(what, 1, kind, who(7))) == f"{what} of the house"


def test_every_class_of_actors_is_bounded_in_papers_and_in_names() -> None:
    for what in ("papers", "names"):
        assert {kind for name, kind in CLASSES if name == what} == set(ACTOR_KINDS)
        assert {kind for name, kind in ACTORS if name == what} == {"person", "professional"}


def test_all_the_classes_together_meet_the_budget_of_the_house(seconds: Time) -> None:
    some = Budgets(clock=seconds)
    total = sum(given(some, by_many("papers", kind)) for kind in ACTOR_KINDS)
    assert (
        total
        == HOUSE["papers"].burst
        < sum(rate.burst for (what, _), rate in CLASSES.items() if what == "papers")
    )


def test_a_refusal_takes_nothing_from_any_bucket(seconds: Time) -> None:
    some = Budgets(clock=seconds)
    some.take(Asked("papers", 299, "person", AMINA))
    for _ in range(5_000):
        over(some, Asked("papers", 2, "person", AMINA))
    some.take(Asked("papers", 1, "person", AMINA))
    left = {name[1]: bucket.left for name, bucket in some._buckets.items()}
    assert left == {"one person": 0, "all person": 1_700, "the house": 4_700}


def test_more_than_a_bucket_holds_is_never_given(seconds: Time) -> None:
    some = Budgets(clock=seconds)
    over(some, Asked("papers", 301, "person", AMINA))
    seconds.now += 86_400
    over(some, Asked("papers", 301, "person", AMINA))


def test_time_gives_back_at_its_rate_and_no_more_than_the_burst(seconds: Time) -> None:
    some = Budgets(clock=seconds)
    rate = ACTORS["papers", "professional"]
    asked = Asked("papers", 1, "professional", CLAIRE)
    assert given(some, always(asked)) == rate.burst
    seconds.now += 30
    assert given(some, always(asked)) == rate.per_minute / 2
    seconds.now += 86_400
    assert given(some, always(asked)) == rate.burst


def test_a_clock_that_stands_still_gives_nothing_back(seconds: Time) -> None:
    some = Budgets(clock=seconds)
    given(some, always(Asked("erasures", 1)))
    assert given(some, always(Asked("erasures", 1))) == 0


@pytest.mark.parametrize("scale", [0.5, 3])
def test_the_scale_is_for_classes_and_for_the_house_and_not_for_one_actor(
    scale: float, seconds: Time
) -> None:
    some = Budgets(scale, clock=seconds)
    assert given(some, always(Asked("erasures", 1))) == HOUSE["erasures"].burst * scale
    assert given(some, always(Asked("papers", 1, "person", AMINA))) == ACTORS["papers", "person"].burst
    assert (
        given(some, always(Asked("papers", 1, "worker", AMINA))) == CLASSES["papers", "worker"].burst * scale
    )
    seconds.now += 120
    assert given(some, always(Asked("erasures", 1))) == 2 * HOUSE["erasures"].per_minute * scale


def test_what_is_remembered_is_bounded_and_nothing_spent_is_forgotten(
    seconds: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "MANY", 50)
    some = Budgets(scale=1_000, clock=seconds)
    some.take(Asked("papers", 300, "person", AMINA))
    for number in range(2_000):
        seconds.now += 0.125
        some.take(Asked("papers", 1, "person", who(number)))
        assert len(some._buckets) <= 60
    assert given(some, always(Asked("papers", 1, "person", AMINA))) == 250  # seconds, at one each


def test_no_bucket_is_forgotten_while_something_is_taken_from_it(
    seconds: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "MANY", 0)
    some = Budgets(clock=seconds)
    for what, kind in CLASSES:
        some.take(Asked(what, 10, kind, AMINA))
    for (what, kind), rate in CLASSES.items():
        assert some._buckets[what, f"all {kind}"].left == rate.burst - 10
    assert some._buckets["papers", "the house"].left == HOUSE["papers"].burst - 40


# --- in the calls ---


@pytest.fixture
def poor(house: Asking, monkeypatch: pytest.MonkeyPatch) -> Asking:
    """A house that gives two of each, and nothing back."""
    for name in ("ACTORS", "CLASSES", "HOUSE"):
        monkeypatch.setattr(budgets, name, dict.fromkeys(getattr(budgets, name), Rate(2, 0)))
    monkeypatch.setitem(budgets.HOUSE, "calls", Rate(1_000, 0))
    house.create(AMINA, BRUNO)
    house.keeper._budgets = Budgets()
    return house


CALLS: dict[str, Callable[[Asking], object]] = {
    "create": lambda asking: asking.create(CLAIRE),
    "open_key": lambda asking: asking.open(AMINA, bytes(44)),
    "fields": lambda asking: asking.fields(AMINA, BRUNO),
    "tokens": lambda asking: asking.tokens(b"", b"a", b"b"),
    "pepper": lambda asking: asking.pepper(b"1234"),
    "ratchet": lambda asking: asking.done(AMINA, asking.ratchet(AMINA)[0]),
    "erase": lambda asking: asking.erase(os.urandom(16)),
    "rotate": lambda asking: asking.rotate(),
}


@pytest.mark.parametrize("call", sorted(CALLS))
def test_beyond_its_budget_a_call_is_refused_with_an_alarm_and_does_nothing(poor: Asking, call: str) -> None:
    for _ in range(3):
        before, refused = poor.check(), answer(CALLS[call], poor)
    assert refused == Refusal.BUDGET
    after = poor.check()
    alarm = after["alarms"][-1]
    assert (alarm["what"], alarm["detail"].partition(":")[0]) == ("budget", call)
    same = ("subjects", "erased", "day", "store_bytes", "ledger", "generation")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_the_alarm_says_who(poor: Asking) -> None:
    professional = actor("professional", CLAIRE)
    for _ in range(2):
        poor.fields(AMINA, by=professional)
    assert refusal(poor.fields, AMINA, by=professional) == Refusal.BUDGET
    (alarm,) = poor.check()["alarms"]
    assert alarm["actor"] == "professional:00000000-0000-0003-0000-000000000000"
    assert alarm["detail"] == "fields: names of one professional"


def test_a_page_of_subjects_costs_as_many_names(house: Asking) -> None:
    house.create(AMINA)
    house.keeper._budgets = Budgets(clock=lambda: 0.0)
    person = actor("person", AMINA)
    for _ in range(10):
        house.fields(*[AMINA] * 100, by=person)
    assert refusal(house.fields, AMINA, by=person) == Refusal.BUDGET


def test_an_erasure_that_is_repeated_costs_nothing(poor: Asking) -> None:
    for _ in range(5):
        assert poor.erase(AMINA) == 1
    assert poor.erase(BRUNO) == 1
    assert refusal(poor.erase, CLAIRE) == Refusal.BUDGET
