"""Work items: one open row for each thing to do, closed once."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from havre.inbox import access, actions, kinds, queries, shredder
from havre.inbox.models import WorkItem

pytestmark = pytest.mark.django_db

KIND = "people.consent.named"
HERE, THERE, THING, CLAIRE, DRISS = (uuid4() for _ in range(5))


def test_asking_twice_for_the_same_thing_makes_one_item() -> None:
    first = actions.ask(KIND, structure=HERE, object_id=THING)
    assert actions.ask(KIND, structure=HERE, object_id=THING) == first
    assert actions.ask(KIND, structure=THERE, object_id=THING) != first
    assert WorkItem.objects.count() == 2


def test_a_second_open_item_for_a_thing_cannot_be_written() -> None:
    item = actions.ask(KIND, structure=HERE, object_id=THING)
    with pytest.raises(IntegrityError), transaction.atomic():
        WorkItem.objects.create(kind=KIND, structure=HERE, object_id=THING, due=item.due)


def test_a_thing_done_may_be_asked_for_again() -> None:
    first = actions.ask(KIND, structure=HERE, object_id=THING)
    assert actions.close(first, by=CLAIRE)
    assert actions.ask(KIND, structure=HERE, object_id=THING) != first


def test_the_second_to_close_an_item_is_told_so_and_changes_nothing() -> None:
    item = actions.ask(KIND, structure=HERE, object_id=THING)
    seen_by_driss = WorkItem.objects.get()
    assert actions.close(item, by=CLAIRE)
    assert not actions.close(seen_by_driss, by=DRISS)
    assert WorkItem.objects.get().done_by == CLAIRE


@pytest.mark.django_db(transaction=True)
def test_of_many_who_close_at_the_same_instant_one_does() -> None:
    item = actions.ask(KIND, structure=HERE, object_id=THING)
    barrier, closed = threading.Barrier(4), []

    def close() -> None:
        try:
            barrier.wait(10)
            closed.append(actions.close(item, by=CLAIRE))
        finally:
            connection.close()

    threads = [threading.Thread(target=close) for _one in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(closed) == [False, False, False, True]


@pytest.mark.django_db(transaction=True)
def test_of_many_who_ask_at_the_same_instant_all_get_the_same_item() -> None:
    barrier, asked = threading.Barrier(3), set()

    def ask() -> None:
        try:
            barrier.wait(10)
            asked.add(actions.ask(KIND, structure=HERE, object_id=THING).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _one in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(asked) == WorkItem.objects.count() == 1


def test_what_is_done_about_a_thing_closes_it_for_one_structure_or_for_all() -> None:
    for structure in (HERE, THERE):
        actions.ask(KIND, structure=structure, object_id=THING)
    assert actions.done(KIND, object_id=THING, by=CLAIRE, structure=HERE) == 1
    assert actions.done("another.kind", object_id=THING, by=CLAIRE) == 0
    assert actions.done(KIND, object_id=THING, by=None) == 1
    assert not queries.to_do([HERE, THERE]).exists()


def test_the_list_shows_the_most_overdue_first_and_nothing_of_others() -> None:
    now = timezone.now()
    for days in (3, -2, 0, -5):
        actions.ask(KIND, structure=HERE, object_id=uuid4(), due=now + timedelta(days=days))
    actions.ask(KIND, structure=THERE, object_id=THING)
    dues = [(item.due - now).days for item in queries.to_do([HERE])]
    assert dues == [-5, -2, 0, 3]
    assert not queries.to_do([]).exists()
    assert {item.structure for item in access.closable([THERE])} == {THERE}


def test_an_item_goes_with_the_act_that_failed() -> None:
    with transaction.atomic():
        actions.ask(KIND, structure=HERE, object_id=THING)
        transaction.set_rollback(True)
    assert not WorkItem.objects.exists()


def test_an_item_done_for_half_a_year_is_removed_and_an_open_one_never() -> None:
    done, fresh, waiting = (actions.ask(KIND, structure=HERE, object_id=uuid4()) for _one in range(3))
    for item, days in ((done, 181), (fresh, 179)):
        WorkItem.objects.filter(pk=item.pk).update(done_at=timezone.now() - timedelta(days=days))
    assert shredder.purge_done() == 1
    assert set(WorkItem.objects.all()) == {fresh, waiting}


def test_an_object_that_has_its_own_reason_says_it_and_one_query_asks_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def told(ids: list[UUID]) -> dict[UUID, str]:
        asked.append(ids)
        return {THING: "Fuite d’eau."}

    monkeypatch.setattr(kinds, "_kinds", {})
    kinds.register("a.kind", "Quelque chose.", str, told=told)
    kinds.register("b.kind", "Autre chose.", str)
    items = [WorkItem(kind=kind, object_id=one) for kind in ("a.kind", "b.kind") for one in (THING, HERE)]
    items.append(WorkItem(kind="gone.kind", object_id=THING))
    assert kinds.reasons(items) == {
        ("a.kind", THING): "Fuite d’eau.",
        ("a.kind", HERE): "Quelque chose.",
        ("b.kind", THING): "Autre chose.",
        ("b.kind", HERE): "Autre chose.",
    }
    assert asked == [[THING, HERE]]


def test_what_closes_elsewhere_is_listed_and_not_closed_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_kinds", {})
    kinds.register("a.kind", "Quelque chose.", str, by_hand=False)
    item = actions.ask("a.kind", structure=HERE, object_id=THING)
    other = actions.ask(KIND, structure=HERE, object_id=THING)
    assert set(queries.to_do([HERE])) == {item, other}
    assert set(access.closable([HERE])) == {other}


def test_every_kind_says_why_and_leads_to_a_page() -> None:
    item = WorkItem(object_id=THING)
    assert kinds.known() >= {"people.consent.named", "people.consent.ending", "vault.document.unreadable"}
    for name in kinds.known():
        item.kind = name
        kind = kinds.of(item)
        assert kind is not None
        assert str(kind.reason).endswith(".")
        assert str(THING) in kind.url(item)
    item.kind = "gone.kind"
    assert kinds.of(item) is None
