"""The database and the keeper agree on who exists: erasures are finished, losses are named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from havre.accounts.models import User
from havre.audit.models import Entry
from havre.core import opening, shredding
from havre.core.ids import spelled, uuid7
from havre.core.keeper_client import KeeperAbsent, KeeperRefused
from havre.operations import actions, queries, reconciliation, tasks
from havre.operations.models import Alarm, KeeperSeen, Loss
from havre.organisations.models import Structure
from havre.people import actions as people
from havre.people.models import Accompaniment, Erasure, Person
from havre.vault.models import Document
from tests import journey
from tests.cast import Cast
from tests.operations.keepers import ABSENT, SPENT, Keeper
from tests.operations.test_watch import waiting

pytestmark = pytest.mark.django_db


def everybody() -> set[UUID]:
    return set(Person.objects.for_system("a test").values_list("pk", flat=True))


# --- lost ---


def test_a_store_of_three_days_ago_under_todays_database_is_said_by_name(
    cast: Cast, watched: Keeper, clock: time_machine.Traveller
) -> None:
    bruno = cast.bruno()
    cast.agreed(bruno, cast.halte, cast.tilleuls)
    cast.paper(bruno)
    cast.paper(bruno)
    Accompaniment.objects.create(person=bruno, structure=cast.escale, until=timezone.now())
    watched.report.update(generation=38, subjects=9)
    watched.lost = dict.fromkeys((bruno.pk, cast.lena.pk, cast.tilleuls.pk), "unknown")
    tasks.watch()
    assert waiting() == ["store-older"]
    lost, in_all = queries.losses()
    assert in_all == 3
    structure, user, person = lost
    assert (structure.kind, structure.name) == ("Structure", "CHRS Les Tilleuls")
    assert (user.loss.subject, user.structures, user.name) == (cast.lena.pk, ["Halte Exemple"], "")
    assert (person.loss.subject, person.structures) == (bruno.pk, ["Halte Exemple"])
    assert (person.papers, person.since, person.name) == (2, bruno.created_at, "")
    assert {one.loss.why for one in lost} == {"unknown"}
    assert everybody() == {bruno.pk}, "what is lost may be found again"


def test_damaged_keys_are_named_as_soon_as_the_keeper_counts_them(watched: Keeper, cast: Cast) -> None:
    bruno = cast.bruno()
    watched.lost[bruno.pk] = "damaged"
    watched.report["damaged"] = 1
    tasks.watch()
    (lost,), _in_all = queries.losses()
    assert (lost.loss.subject, str(lost.why)) == (bruno.pk, "Ses clés sont abîmées")
    assert waiting() == []


def test_who_is_found_again_leaves_the_list_and_who_stays_keeps_the_date(
    cast: Cast, watched: Keeper, clock: time_machine.Traveller
) -> None:
    bruno, zoe = cast.bruno(), cast.bruno()
    watched.lost = dict.fromkeys((bruno.pk, zoe.pk), "damaged")
    watched.report["damaged"] = 2
    tasks.watch()
    began = timezone.now()
    clock.shift(timedelta(hours=1))
    del watched.lost[bruno.pk]
    watched.report["damaged"] = 1
    tasks.watch()
    assert list(Loss.objects.values_list("subject", "found_at")) == [(zoe.pk, began)]
    watched.lost.clear()
    watched.report["damaged"] = 0
    tasks.watch()
    assert not Loss.objects.exists()


def test_everybody_is_asked_about_a_hundred_at_a_time(cast: Cast, watched: Keeper) -> None:
    Person.objects.bulk_create(Person(id=uuid7()) for _one in range(230))
    reconciliation.reconcile()
    whole = Structure.objects.count() + User.objects.count() + 230
    assert sum(watched.asked) == whole
    assert max(watched.asked) == 100
    assert set(Loss.objects.values_list("kind", "why")) == {("person", "unknown")}
    assert Loss.objects.count() == 230
    assert len(queries.losses()[0]) == queries.SHOWN


def test_a_structure_whose_keys_were_erased_is_named_and_stays(cast: Cast, watched: Keeper) -> None:
    watched.lost[cast.escale.pk] = "erased"
    reconciliation.reconcile()
    (lost,), _in_all = queries.losses()
    assert (lost.name, lost.loss.why) == ("SIAO-115 Escale", "erased")
    assert Structure.objects.filter(pk=cast.escale.pk).exists()


# --- erasures finished ---


def test_a_database_put_back_before_an_erasure_erases_again_before_the_house_opens(
    cast: Cast, watched: Keeper
) -> None:
    bruno, zoe = cast.bruno(), cast.bruno()
    cast.agreed(bruno, cast.halte)
    cast.paper(bruno)
    with journey.undone():
        people.erase(bruno.pk)
    assert everybody() == {bruno.pk, zoe.pk}
    assert list(opening.run()) == []
    assert everybody() == {zoe.pk}
    assert not Document.objects.for_system("a test").exists()
    assert Entry.objects.filter(act="people.erased", person=bruno.pk, by=None).count() == 1
    number = Erasure.objects.get().number
    alarm = Alarm.objects.get()
    assert (alarm.what, alarm.detail) == ("erased-anew", f"1 · {spelled(number)}")
    assert not Loss.objects.exists()
    watched.asked.clear()
    for _again in range(2):
        tasks.watch()
    assert watched.asked == [], "it is done"
    assert Erasure.objects.count() == 1


def test_an_erasure_that_a_crash_cut_is_finished_by_the_next_watch(
    cast: Cast, watched: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    bruno = cast.bruno()
    with monkeypatch.context() as moment:
        moment.setattr(shredding, "erase_all", _crash)
        with pytest.raises(MemoryError):
            people.erase(bruno.pk)
    assert everybody() == {bruno.pk}
    assert not Erasure.objects.exists()
    tasks.watch()
    assert everybody() == set()
    assert Erasure.objects.count() == 1
    assert waiting() == ["erased-anew"]


def _crash(subject: UUID) -> dict[str, int]:
    raise MemoryError


def test_an_account_whose_keys_were_erased_is_erased_here_too(cast: Cast, watched: Keeper) -> None:
    lena = cast.lena.pk
    watched.erase(lena)
    tasks.watch()
    assert not User.objects.filter(pk=lena).exists()
    assert Erasure.objects.count() == 1


def test_an_erasure_in_order_asks_about_nobody(cast: Cast, watched: Keeper) -> None:
    people.erase(cast.bruno().pk)
    tasks.watch()
    assert watched.asked == []
    assert waiting() == []


def test_an_erasure_of_somebody_unknown_here_is_asked_about_once(cast: Cast, watched: Keeper) -> None:
    """Who came and was erased after the backup that this database was put back from."""
    gone = uuid7()
    watched.create(gone)
    watched.erase(gone)
    for _again in range(3):
        tasks.watch()
    assert len(watched.asked) == 1
    assert KeeperSeen.objects.get().unmatched == 1
    people.erase(cast.bruno().pk)
    tasks.watch()
    assert len(watched.asked) == 1


def test_many_erasures_are_one_alarm_that_names_ten(cast: Cast, watched: Keeper) -> None:
    for _one in range(12):
        watched.erase(cast.bruno().pk)
    tasks.watch()
    alarm = Alarm.objects.get()
    assert alarm.detail.startswith("12 · ")
    assert alarm.detail.count("·") == 10


# --- what goes wrong meanwhile ---


def test_a_reconciliation_that_was_cut_is_done_by_the_next_watch(cast: Cast, watched: Keeper) -> None:
    bruno = cast.bruno()
    watched.lost[bruno.pk] = "unknown"
    watched.report["generation"] = 1
    watched.refuse = [ABSENT]
    with pytest.raises(KeeperAbsent):
        tasks.watch()
    assert not Loss.objects.exists()
    assert KeeperSeen.objects.get().unmatched is None
    tasks.watch()
    assert Loss.objects.get().subject == bruno.pk
    assert waiting() == ["store-older"]


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    naps: list[float] = []
    monkeypatch.setattr("time.sleep", naps.append)
    return naps


def test_a_spent_budget_is_waited_for(cast: Cast, watched: Keeper, slept: list[float]) -> None:
    watched.lost[cast.bruno().pk] = "unknown"
    watched.refuse = [SPENT, SPENT]
    reconciliation.reconcile()
    assert slept == [5, 5]
    assert Loss.objects.count() == 1


def test_a_budget_that_stays_spent_is_not_waited_for_for_ever(
    cast: Cast, watched: Keeper, slept: list[float]
) -> None:
    watched.refuse = [SPENT] * 100
    with pytest.raises(KeeperRefused, match="300 s"):
        reconciliation.reconcile()
    assert sum(slept) == 300


def test_another_refusal_is_not_waited_for(cast: Cast, watched: Keeper, slept: list[float]) -> None:
    watched.refuse = [KeeperRefused("standby", "I am the standby.")]
    with pytest.raises(KeeperRefused, match="standby"):
        reconciliation.reconcile()
    assert slept == []


# --- the command ---


def test_the_command_names_who_is_lost(
    cast: Cast, keeper_told: Keeper, capsys: pytest.CaptureFixture[str]
) -> None:
    bruno = cast.bruno()
    cast.agreed(bruno, cast.halte)
    cast.paper(bruno)
    keeper_told.lost = {bruno.pk: "damaged", cast.halte.pk: "unknown"}
    call_command("keeper_losses")
    first, second, last = capsys.readouterr().out.splitlines()
    assert first == f"structure  {cast.halte.pk}  unknown  Halte Exemple  since 2026-03-16"
    assert second == f"person  {bruno.pk}  damaged  since 2026-03-16  Halte Exemple  1 papers"
    assert last == "2 lost."
    assert waiting() == []


def test_the_command_says_when_nobody_is_lost(
    cast: Cast, keeper_told: Keeper, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("keeper_losses")
    assert capsys.readouterr().out == "Nobody is lost.\n"


def test_who_was_erased_meanwhile_hides_nobody_who_is_lost(cast: Cast, watched: Keeper) -> None:
    """The list is read by ids: a row that has gone since is left out, and the others stand."""
    facts: dict[str, Any] = {"why": "unknown"}
    for kind in ("structure", "user", "person"):
        Loss.objects.create(subject=uuid7(), kind=kind, **facts)
    Loss.objects.create(subject=cast.halte.pk, kind="structure", **facts)
    lost, in_all = queries.losses()
    assert [one.name for one in lost] == ["Halte Exemple"]
    assert in_all == 4


def test_an_alarm_of_ours_is_an_item_too(cast: Cast) -> None:
    actions.raise_alarm("store-older")
    assert waiting() == ["store-older"]
