"""Sealed columns: opened in lots through the keeper, each in its own place, one damage hiding nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from havre.accounts.models import User
from havre.core import fieldseal, sealing
from havre.core.ids import uuid7
from havre.core.keeper_client import FieldKeys, KeeperAbsent, KeeperClient
from havre.core.sealing import NotOpened, Unreadable
from havre.people.models import Person
from tests.accounts.stagehands import keeper_absent

pytestmark = pytest.mark.django_db

BY = sealing.worker()


def person(name: str = "Bruno", **more: str) -> Person:
    row = Person(id=uuid7())
    sealing.keeper().create(row.id)
    sealing.seal(row, by=BY, name=name, **more)
    row.save()
    return row


def fresh(*rows: Person) -> list[Person]:
    """The rows as they lie, unopened, in the order given."""
    found = {row.pk: row for row in Person.objects.for_system("a test").filter(pk__in=[r.pk for r in rows])}
    return [found[row.pk] for row in rows]


def test_a_text_comes_back_and_lies_unreadable() -> None:
    (row,) = fresh(person("Amina <é> محمد", birth="1990"))
    assert b"Amina" not in bytes(row.sealed_name)
    sealing.unseal([row], "name", "birth", by=BY, purpose="test")
    assert (row.name, row.birth) == ("Amina <é> محمد", "1990")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    row = Person(id=uuid7())
    sealing.keeper().create(row.id)
    sealing.seal(row, by=BY, name=text)
    row.__dict__["_clear"].clear()
    sealing.unseal([row], "name", by=BY, purpose="test")
    assert row.name == text
    assert bool(row.sealed_name) == bool(text)


def test_a_column_that_was_not_opened_says_so_even_in_a_template() -> None:
    (row,) = fresh(person())
    with pytest.raises(NotOpened, match="sealed_name has not been opened"):
        _ = row.name
    assert NotOpened.silent_variable_failure is False
    sealing.unseal([row], "birth", by=BY, purpose="test")
    with pytest.raises(NotOpened):
        _ = row.name


def test_many_subjects_are_opened_a_hundred_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    for number in range(230):
        row = Person(id=uuid7())
        sealing.keeper().create(row.id)
        sealing.seal(row, by=BY, name=f"Nom {number}")
        rows.append(row)
    asked: list[int] = []
    fields = KeeperClient.fields

    def counted(self: KeeperClient, subjects: list[UUID], *more: Any) -> FieldKeys:
        asked.append(len(subjects))
        return fields(self, subjects, *more)

    monkeypatch.setattr(KeeperClient, "fields", counted)
    opened = sealing.unseal(rows, "name", by=BY, purpose="list")
    assert asked == [100, 100, 30]
    assert [row.name for row in opened] == [f"Nom {number}" for number in range(230)]


def test_rows_of_one_subject_ask_for_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    row = person()
    asked: list[int] = []
    fields = KeeperClient.fields

    def counted(self: KeeperClient, subjects: list[UUID], *more: Any) -> FieldKeys:
        asked.append(len(subjects))
        return fields(self, subjects, *more)

    monkeypatch.setattr(KeeperClient, "fields", counted)
    sealing.unseal([*fresh(row), *fresh(row)], "name", by=BY, purpose="list")
    assert asked == [1]
    sealing.unseal(fresh(row), "language", by=BY, purpose="list")
    assert sum(asked) == 1, "an empty column needs no key"


def test_nothing_to_open_asks_the_keeper_nothing() -> None:
    with keeper_absent():
        assert sealing.unseal([], "name", by=BY, purpose="list") == []


def test_a_damaged_text_stands_as_unreadable_and_the_others_open() -> None:
    rows = [person("Un"), person("Deux"), person("Trois")]
    damaged = bytearray(rows[1].sealed_name)
    damaged[20] ^= 1
    Person.objects.for_system("a test").filter(pk=rows[1].pk).update(sealed_name=bytes(damaged))
    opened = sealing.unseal(fresh(*rows), "name", by=BY, purpose="list")
    assert [str(row.name) for row in opened] == ["Un", "(illisible)", "Trois"]
    assert [isinstance(row.name, Unreadable) for row in opened] == [False, True, False]


def test_a_subject_erased_stands_as_unreadable_and_the_others_open() -> None:
    rows = [person("Un"), person("Deux")]
    sealing.keeper().erase(rows[0].pk)
    opened = sealing.unseal(fresh(*rows), "name", by=BY, purpose="list")
    assert [str(row.name) for row in opened] == ["(illisible)", "Deux"]


def test_texts_that_changed_places_do_not_open() -> None:
    row = person("Bruno", birth="1974")
    twin = person("Zoé")
    places = [
        (row, {"sealed_name": bytes(row.sealed_birth)}),  # another column of the row
        (twin, {"sealed_name": bytes(row.sealed_name)}),  # another row
    ]
    for target, columns in places:
        Person.objects.for_system("a test").filter(pk=target.pk).update(**columns)
        (moved,) = sealing.unseal(fresh(target), "name", by=BY, purpose="test")
        assert str(moved.name) == "(illisible)"


def test_a_text_of_the_same_subject_in_another_table_does_not_open() -> None:
    row = person("Bruno")
    user = User(id=row.id, space="professional", sealed_name=bytes(row.sealed_name))
    sealing.unseal([user], "name", by=BY, purpose="test")
    assert str(user.name) == "(illisible)"


def test_the_context_binds_table_column_and_row() -> None:
    row = person("Bruno")
    key = sealing.keeper().fields([row.pk], "names", BY, "test")[row.pk]
    place = f"people_person|sealed_name|{row.pk}".encode()
    assert fieldseal.open_text(key, place, bytes(row.sealed_name)) == "Bruno"


def test_an_empty_text_is_nothing_at_all() -> None:
    (row,) = fresh(person("Bruno", birth=""))
    assert bytes(row.sealed_birth) == b""
    sealing.unseal([row], "birth", by=BY, purpose="test")
    assert row.birth == ""


def test_the_same_text_never_lies_twice_in_the_same_bytes() -> None:
    row = person("Bruno")
    first = bytes(row.sealed_name)
    sealing.seal(row, by=BY, name="Bruno")
    assert bytes(row.sealed_name) != first


def test_without_the_keeper_opening_and_sealing_say_so() -> None:
    row = person()
    with keeper_absent():
        with pytest.raises(KeeperAbsent):
            sealing.unseal(fresh(row), "name", by=BY, purpose="test")
        with pytest.raises(KeeperAbsent):
            sealing.seal(row, by=BY, name="Autre")


def test_blind_tokens_are_equal_for_equal_facts_and_in_one_scope_only() -> None:
    here, there = uuid7(), uuid7()
    one = sealing.blind(here, "kind", "a", "b")
    assert one == sealing.blind(here, "kind", "a", "b")
    others = [
        sealing.blind(there, "kind", "a"),
        sealing.blind(None, "kind", "a"),
        sealing.blind(here, "k", "a"),
    ]
    assert len({one[0], one[1], *(tokens[0] for tokens in others)}) == 5
    assert all(len(token) == 64 for token in one)
