"""The worker's watch: what the keeper's journal says becomes the operator's work, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from havre.core import opening, periodic, shredding
from havre.core.keeper_client import KeeperAbsent
from havre.inbox import actions as inbox
from havre.inbox.models import INSTANCE, WorkItem
from havre.operations import actions, tasks, words
from havre.operations.models import Alarm, Condition, KeeperSeen
from tests.accounts.stagehands import keeper_absent
from tests.cast import Cast
from tests.operations.keepers import Keeper

pytestmark = pytest.mark.django_db
DAY = 86_400


def waiting() -> list[str]:
    """The words of the alarms that wait for the operator."""
    items = WorkItem.objects.filter(structure=INSTANCE, kind=actions.ALARM, done_at=None)
    return sorted(Alarm.objects.get(pk=item.object_id).what for item in items)


def standing() -> list[str]:
    """The words of the conditions for which an item waits."""
    items = WorkItem.objects.filter(structure=INSTANCE, kind=actions.CONDITION, done_at=None)
    return sorted(Condition.objects.get(pk=item.object_id).word for item in items)


def test_the_worker_watches_every_thirty_seconds_and_before_the_house_opens() -> None:
    assert periodic.worker.jobs["operations.watch"].every == 30
    assert opening._steps["operations.before_opening"] is tasks.before_opening


def test_a_first_look_takes_note_and_raises_nothing(keeper_told: Keeper, cast: Cast) -> None:
    keeper_told.writes(3)
    tasks.watch()
    seen = KeeperSeen.objects.get()
    assert (seen.position, seen.digest) == (3, keeper_told.journal[2])
    assert (seen.generation, seen.term, seen.ledger, seen.damaged) == (41, 1, 0, 0)
    assert (seen.unmatched, seen.checked_at) == (0, timezone.now())
    assert waiting() == standing() == []


# --- alarms of the keeper ---


def test_an_alarm_becomes_one_work_item_for_the_operator(watched: Keeper) -> None:
    subject, account = uuid4(), uuid4()
    watched.tells("budget", subject=subject.hex, actor=f"professional:{account}", detail="61 of 60")
    tasks.watch()
    alarm = Alarm.objects.get()
    assert (alarm.n, alarm.at, alarm.what) == (1, timezone.now(), "budget")
    assert (alarm.subject, alarm.actor, alarm.detail) == (subject, f"professional:{account}", "61 of 60")
    item = WorkItem.objects.get(kind=actions.ALARM)
    assert (item.structure, item.object_id, item.person, item.done_at) == (INSTANCE, alarm.pk, None, None)


def test_reading_again_writes_nothing_again(watched: Keeper) -> None:
    watched.tells("budget")
    watched.tells("take-over")
    for _again in range(3):
        tasks.watch()
    KeeperSeen.objects.update(position=0, digest="")  # a database put back to an earlier day
    tasks.watch()
    assert waiting() == ["budget", "take-over"]
    assert WorkItem.objects.filter(kind=actions.ALARM).count() == 2


def test_an_alarm_once_seen_does_not_come_back(watched: Keeper, cast: Cast) -> None:
    watched.tells("budget")
    tasks.watch()
    assert actions.mark_seen(Alarm.objects.get(), by=cast.odile)
    KeeperSeen.objects.update(position=0, digest="")
    tasks.watch()
    assert waiting() == []


def test_more_alarms_than_one_answer_holds_are_all_read(watched: Keeper) -> None:
    for _one in range(205):
        watched.tells("forbidden")
    watched.writes(2)
    tasks.watch()
    assert Alarm.objects.count() == 205
    assert KeeperSeen.objects.get().position == 207


def test_a_long_word_and_a_long_detail_are_cut(watched: Keeper) -> None:
    watched.tells("w" * 50, detail="d" * 500)
    tasks.watch()
    alarm = Alarm.objects.get()
    assert (len(alarm.what), len(alarm.detail)) == (20, 200)


def test_a_check_that_another_process_has_overtaken_writes_nothing(
    watched: Keeper, clock: time_machine.Traveller
) -> None:
    stale = KeeperSeen.objects.get()
    clock.shift(30)
    tasks.watch()
    line = watched.tells("budget")
    assert not actions.note(stale, watched.check(0), [line], cut=True)
    assert waiting() == []
    assert KeeperSeen.objects.get().position == 0


# --- alarms of ours ---


def test_a_journal_that_lost_its_end_raises_an_alarm_once(watched: Keeper) -> None:
    watched.writes(5)
    tasks.watch()
    watched.cut_to(4)
    for _again in range(3):
        tasks.watch()
    assert waiting() == ["journal-cut"]
    assert KeeperSeen.objects.get().position == 4


def test_a_journal_written_again_raises_an_alarm_and_its_new_lines_are_read(
    watched: Keeper, clock: time_machine.Traveller
) -> None:
    watched.tells("budget")
    watched.tells("forbidden")
    tasks.watch()
    clock.shift(DAY)
    watched.report["day"]["made"] = timezone.now().isoformat()
    watched.cut_to(1)
    watched.tells("take-over")  # under the number of the line that was cut
    tasks.watch()
    assert waiting() == ["budget", "forbidden", "journal-cut", "take-over"]


def test_a_journal_that_only_grew_raises_nothing(watched: Keeper) -> None:
    for lines in (1, 4, 0):
        watched.writes(lines)
        tasks.watch()
    assert waiting() == []


@pytest.mark.parametrize("number", ["generation", "term", "ledger"])
def test_a_keeper_that_holds_less_than_before_raises_an_alarm_once(watched: Keeper, number: str) -> None:
    watched.report[number] += 5
    tasks.watch()
    assert waiting() == []
    watched.asked.clear()
    watched.report[number] -= 1
    for _again in range(3):
        tasks.watch()
    assert waiting() == ["store-older"]
    assert watched.asked, "who is lost was not asked"


def test_every_alarm_that_we_raise_has_its_words() -> None:
    assert {"journal-cut", "store-older", "erased-anew"} <= set(words.ALARMS)
    assert set(actions.LASTING) == set(words.CONDITIONS)
    assert all(len(word) <= 20 for word in {*words.ALARMS, *words.CONDITIONS})


# --- what lasts ---


def _day_of(hours: float) -> Callable[[Any], None]:
    return lambda report: report["day"].update(made=(timezone.now() - timedelta(hours=hours)).isoformat())


def _behind_for(hours: float) -> Callable[[Any], None]:
    since = timedelta(hours=hours)
    return lambda report: report["copy"].update(
        state="behind", since=(timezone.now() - since).isoformat(), why="No space left on device"
    )


WRONG: list[tuple[str, Callable[[Any], None]]] = [
    ("day-late", _day_of(26.1)),
    ("copy-behind", _behind_for(24.1)),
    ("no-copy", lambda report: report["copy"].update(state="none")),
    ("same-disk", lambda report: report["copy"].update(same_disk=True)),
    ("damaged", lambda report: report.update(damaged=2)),
]


@pytest.mark.parametrize(("word", "change"), WRONG, ids=[word for word, _change in WRONG])
def test_what_lasts_is_one_item_that_closes_by_itself(
    watched: Keeper, word: str, change: Callable[[Any], None]
) -> None:
    well = watched.check()
    change(watched.report)
    for _again in range(3):
        tasks.watch()
    assert standing() == [word]
    assert WorkItem.objects.filter(kind=actions.CONDITION).count() == 1
    watched.report.update(well)
    tasks.watch()
    assert standing() == []
    condition = Condition.objects.get()
    assert condition.until == timezone.now()
    item = WorkItem.objects.get(kind=actions.CONDITION)
    assert item.done_at
    assert item.done_by is None
    change(watched.report)
    tasks.watch()
    assert standing() == [word], "it began again"
    assert Condition.objects.count() == 2


@pytest.mark.parametrize("change", [_day_of(25.9), _behind_for(23.9)])
def test_what_has_just_begun_is_not_yet_an_item(watched: Keeper, change: Callable[[Any], None]) -> None:
    change(watched.report)
    tasks.watch()
    assert standing() == []


def test_a_copy_that_is_behind_since_no_known_moment_is_not_yet_an_item(watched: Keeper) -> None:
    watched.report["copy"].update(state="behind", since=None)
    tasks.watch()
    assert standing() == []


def test_what_the_operator_closed_does_not_come_back_while_it_lasts(watched: Keeper, cast: Cast) -> None:
    watched.report["copy"]["same_disk"] = True
    tasks.watch()
    assert inbox.close(WorkItem.objects.get(kind=actions.CONDITION), by=cast.odile.pk)
    tasks.watch()
    assert standing() == []
    assert Condition.objects.get().until is None


# --- without a keeper; old rows ---


def test_without_a_keeper_the_watch_says_so_and_the_house_still_opens() -> None:
    with keeper_absent():
        with pytest.raises(KeeperAbsent):
            tasks.watch()
        assert tasks.before_opening().startswith("The keeper was not asked who was erased")
    assert KeeperSeen.objects.get().checked_at is None


def test_with_a_keeper_there_is_nothing_to_say_before_opening(watched: Keeper) -> None:
    assert tasks.before_opening() == ""


def test_after_a_year_what_is_over_goes_and_what_waits_stays(
    watched: Keeper, cast: Cast, clock: time_machine.Traveller
) -> None:
    for word in ("budget", "forbidden"):
        watched.tells(word)
    watched.report["copy"]["same_disk"] = True
    tasks.watch()
    actions.mark_seen(Alarm.objects.get(what="budget"), by=cast.odile)
    watched.report["copy"].update(same_disk=False, state="none")
    tasks.watch()
    clock.shift(365 * DAY)
    tasks.purge()
    assert (Alarm.objects.count(), Condition.objects.count()) == (2, 2)
    clock.shift(2 * DAY)
    tasks.purge()
    assert [alarm.what for alarm in Alarm.objects.all()] == ["forbidden"]
    assert [condition.word for condition in Condition.objects.all()] == ["no-copy"]


def test_an_alarm_forgets_who_is_erased(watched: Keeper, cast: Cast) -> None:
    bruno = cast.bruno()
    watched.tells("budget", subject=bruno.pk.hex, actor=f"professional:{cast.lena.pk}")
    tasks.watch()
    assert shredding.export_all(bruno.pk)["operations.alarm"][0]["what"] == "budget"
    assert shredding.export_all(cast.lena.pk)["operations.alarm"][0]["what"] == "budget"
    shredding.erase_all(bruno.pk)
    shredding.erase_all(cast.lena.pk)
    alarm = Alarm.objects.get()
    assert (alarm.what, alarm.subject, alarm.actor) == ("budget", None, "")
