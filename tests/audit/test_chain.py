"""The journal's chain: nothing is altered, removed or put in unseen, and it has one end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from hypothesis import given, settings
from hypothesis import strategies as st

from havre.audit import acts, chain
from havre.audit.actions import record
from havre.audit.models import Entry
from havre.core.ids import uuid7
from tests.conftest import NOW

ACT = "people.person.seen"
BY = UUID(int=7)


def chained(count: int) -> list[Entry]:
    """A chain in memory, as `extend` makes it."""
    entries, previous = [], chain.START
    for position in range(1, count + 1):
        entry = Entry(id=uuid7(), at=NOW, act=ACT, by=BY, person=UUID(int=position), facts={"n": position})
        entry.position = position
        entry.digest = previous = chain.digest(previous, entry)
        entries.append(entry)
    return entries


def _otherwise(value: Any) -> Any:
    match value:
        case None:
            return UUID(int=99)
        case UUID():
            return None
        case str():
            return value + "."
        case dict():
            return value | {"n": -1}
        case int():
            return value + 1
        case _:
            return value + timedelta(microseconds=1)


FIELDS = [field.name for field in Entry._meta.get_fields()]


@settings(deadline=None)
@given(st.integers(1, 12), st.data())
def test_any_altered_field_of_any_line_is_seen_there(count: int, data: st.DataObject) -> None:
    entries = chained(count)
    assert chain.first_fault(entries) is None
    at, field = data.draw(st.integers(0, count - 1)), data.draw(st.sampled_from(FIELDS))
    setattr(entries[at], field, _otherwise(getattr(entries[at], field)))
    assert chain.first_fault(entries) == at + 1


@settings(deadline=None)
@given(st.integers(2, 12), st.data())
def test_any_line_removed_or_put_in_or_moved_is_seen_there(count: int, data: st.DataObject) -> None:
    entries = chained(count)
    at = data.draw(st.integers(0, count - 2))
    match data.draw(st.sampled_from(["removed", "put in", "moved"])):
        case "removed":
            del entries[at]
        case "put in":
            entries.insert(at, chained(1)[0])
            entries[at].position = at + 1
        case "moved":
            entries[at], entries[at + 1] = entries[at + 1], entries[at]
    assert chain.first_fault(entries) in (at + 1, at + 2)
    assert chain.first_fault(entries) is not None


@settings(deadline=None)
@given(st.integers(1, 8), st.data())
def test_a_line_rewritten_with_its_own_digest_breaks_the_next_one(count: int, data: st.DataObject) -> None:
    entries = chained(count + 1)
    at = data.draw(st.integers(0, count - 1))
    entries[at].act = "another.act"
    entries[at].digest = chain.digest(entries[at - 1].digest if at else chain.START, entries[at])
    assert chain.first_fault(entries) == at + 2


@pytest.mark.django_db
def test_lines_are_chained_in_the_order_of_their_birth() -> None:
    for _line in range(5):
        record(ACT, by=BY)
    assert chain.extend() == 5
    assert chain.extend() == 0
    record(ACT, by=BY, facts_may_be="short", n=3)
    assert chain.extend() == 1
    rows = list(Entry.objects.order_by("position"))
    assert [row.position for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[-1].facts == {"facts_may_be": "short", "n": 3}
    assert chain.first_fault() is None


@pytest.mark.django_db
def test_many_lines_are_chained_by_lots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "AT_ONCE", 3)
    for _line in range(7):
        record(ACT, by=BY)
    assert [chain.extend() for _time in range(4)] == [3, 3, 1, 0]
    assert chain.first_fault() is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("edit", "position"),
    [
        (lambda rows: rows.filter(position=3).update(by=UUID(int=8)), 3),
        (lambda rows: rows.filter(position=2).delete(), 2),
        (lambda rows: rows.filter(position=1).delete(), 1),
        (lambda rows: rows.filter(position=4).update(facts={"n": -1}), 4),
        (lambda rows: rows.filter(position=5).update(digest="0" * 64), 5),
    ],
    ids=["altered", "removed", "the first removed", "facts altered", "digest altered"],
)
def test_an_edit_in_the_database_is_seen(edit: Callable[[QuerySet[Entry]], int], position: int) -> None:
    for line in range(5):
        record(ACT, by=BY, n=line)
    chain.extend()
    edit(Entry.objects.all())
    assert chain.first_fault() == position


@pytest.mark.django_db(transaction=True)
def test_two_sequencers_make_one_chain() -> None:
    for _line in range(3):
        record(ACT, by=BY)
    other = threading.Thread(target=_sequencer)
    with _after_the_first_reading(other.start, lambda: other.join(0.3)):  # it ends now, or waits for us
        chain.extend()
    other.join(10)
    record(ACT, by=BY)
    chain.extend()
    assert list(Entry.objects.order_by("position").values_list("position", flat=True)) == [1, 2, 3, 4]
    assert chain.first_fault() is None


def _sequencer() -> None:
    with contextlib.closing(connection):
        chain.extend()


@contextlib.contextmanager
def _after_the_first_reading(*calls: Callable[[], object]) -> Iterator[None]:
    """Calls made once, after the first look at the lines that wait and before the second."""
    left = list(calls)

    def wrapper(execute: Any, sql: str, *rest: Any) -> Any:
        answer = execute(sql, *rest)
        while left and sql.startswith("SELECT"):
            left.pop(0)()
        return answer

    with connection.execute_wrapper(wrapper):
        yield


@pytest.mark.django_db
def test_an_act_that_nobody_registered_is_refused() -> None:
    with pytest.raises(acts.UnknownAct):
        record("people.person.invented", by=BY)
    assert not Entry.objects.exists()


@pytest.mark.django_db
def test_a_line_goes_with_the_act_that_failed() -> None:
    with transaction.atomic():
        record(ACT, by=BY)
        transaction.set_rollback(True)
    assert not Entry.objects.exists()


def test_every_act_of_the_house_has_its_words() -> None:
    for act in ("accounts.signed-in", "people.consent.given", "vault.document.seen"):
        assert acts.sentence(act).startswith("a ")
    assert acts.sentence("gone.app.act") == "gone.app.act", "a line of an app that left is still shown"
