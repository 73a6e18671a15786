"""A caller that asks without end: what it can destroy, hide or fill is bounded, and told."""

import os
from pathlib import Path

import pytest

from havre.keeper import journal
from havre.keeper.budgets import HOUSE, Budgets
from havre.keeper.calls import Keeper
from havre.keeper.journal import Journal
from havre.keeper.protocol import Call, Refusal, Refused
from tests.keeper.clocks import Clocks
from tests.keeper.houses import AMINA, BRUNO, Asking, actor, answer

pytestmark = pytest.mark.usefixtures("unsynced")


@pytest.fixture
def bound(house: Asking) -> Keeper:
    """The same house, with the budgets of a day centre."""
    house.create(AMINA, BRUNO)
    return Keeper(house.house, Budgets())


def alarms(house: Asking) -> list[str]:
    return [alarm["what"] for alarm in house.check()["alarms"]]


def many() -> list[bytes]:
    return [number.to_bytes(16) for number in range(1000, 1000 + 2 * int(HOUSE["ratchets"].burst))]


def test_nobody_destroys_the_papers_of_many(house: Asking, bound: Keeper) -> None:
    people = many()
    house.create(*people)
    destroyed = 0
    for subject in people:
        if answer(lambda subject=subject: bound.answer(Call.RATCHET, [subject])) is Refusal.BUDGET:
            break
        bound.answer(Call.RATCHET_DONE, [subject, (1).to_bytes(4)])
        destroyed += 1
    assert destroyed == HOUSE["ratchets"].burst
    assert alarms(house) == ["erase-burst", "budget"]


def test_many_erasures_are_told_before_they_are_refused(house: Asking, bound: Keeper) -> None:
    people = many()[: int(HOUSE["erasures"].burst)]
    house.create(*people)
    for subject in people:
        bound.answer(Call.ERASE, [subject])
    assert alarms(house) == ["erase-burst"]
    bound.answer(Call.ERASE, [people[0]])  # what is erased already costs nothing
    with pytest.raises(Refused, match="erasures"):
        bound.answer(Call.ERASE, [AMINA])


def test_a_flood_of_refusals_is_two_lines_and_hides_no_other_alarm(house: Asking, bound: Keeper) -> None:
    private = [b"private", actor("professional"), b"test", AMINA]
    before = house.house.journal.head[0]
    for _ in range(3):
        bound.answer(Call.ROTATE, [])
    for _ in range(500):
        assert answer(lambda: bound.answer(Call.ROTATE, [])) is Refusal.BUDGET
    for _ in range(500):
        assert answer(lambda: bound.answer(Call.FIELDS, private)) is Refusal.FORBIDDEN
    assert alarms(house) == ["budget", "forbidden"]
    assert house.house.journal.head[0] - before < 10


def test_the_alarm_of_the_next_minute_says_how_many_were_kept_back(home: Path, clocks: Clocks) -> None:
    kept = Journal(home)
    for _ in range(3):
        kept.alarm_seldom("budget", "papers", {})
    clocks.pass_by(61)
    kept.alarm_seldom("budget", "papers", {})
    assert [line["detail"] for line in kept.alarms(0)] == ["papers", "papers (+2)"]
    kept.close()


def test_every_call_counts(house: Asking, bound: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HOUSE, "calls", HOUSE["calls"]._replace(burst=5, per_minute=0))
    for _ in range(5):
        bound.answer(Call.SEAL_KEY, [AMINA, b"shared"])
    for call in set(Call) - {Call.CHECK}:
        assert answer(lambda call=call: bound.answer(call, [])) is Refusal.BUDGET


def test_the_journal_goes_on_in_a_new_file_while_it_is_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 1_000)
    kept = Journal(home)
    for _ in range(100):
        kept.write("open_key", {"subject": "0" * 32})
    kept.close()
    files = sorted((home / "journal").iterdir())
    assert len(files) > 10
    assert max(path.stat().st_size for path in files) < 1_400
    assert journal.verify(home) == (1, 100)


def test_a_clock_that_jumped_ahead_erases_one_file_at_most(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 200)
    kept = Journal(home)
    for _ in range(20):
        kept.write("create", {})
    files = sorted((home / "journal").iterdir())
    for path in files:
        os.utime(path, (0, 0))
    kept.rotate()
    assert len(sorted((home / "journal").iterdir())) in (len(files) - 1, len(files))
    assert files[1].exists()
    kept.close()


def test_a_destruction_has_its_line_before_it_is_done(house: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    house.create(AMINA)
    monkeypatch.setattr(house.house.store, "erase", lambda subject: (_ for _ in ()).throw(OSError("cut")))
    assert answer(lambda: house.keeper.answer(Call.ERASE, [AMINA])) is Refusal.STORE
    (lines,) = (house.house.journal._folder).iterdir()
    assert b'"what":"erase","outcome":"asked"' in lines.read_bytes()


def test_a_ratchet_that_the_store_forgot_is_ended_by_its_number(house: Asking) -> None:
    house.create(AMINA)
    _, old = house.seal(AMINA)
    house.done(AMINA, 1)  # the database committed it; the store was put back to before
    assert answer(lambda: house.open(AMINA, old)) is Refusal.WRONG_KEY
    assert answer(lambda: house.done(AMINA, 18)) is Refusal.WRONG_KEY


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
def test_the_factor_of_the_budgets_is_a_number(scale: float) -> None:
    with pytest.raises(ValueError):
        Budgets(scale)
