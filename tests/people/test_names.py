"""People found by the sound and the beginnings of their names, through tokens that say nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from havre.core import opening, sealing, sounds
from havre.core.ids import uuid7
from havre.core.keeper_client import KeeperAbsent, KeeperClient
from havre.organisations.models import Structure
from havre.people import actions, names, queries, tasks
from havre.people.models import Accompaniment, NameToken, Person
from tests.accounts.stagehands import keeper_absent
from tests.cast import Cast

pytestmark = pytest.mark.django_db

NOW = "2026-03-16T09:00:00Z"


def met(cast: Cast, *written: str) -> list[Person]:
    """Records opened by Claire."""
    return [actions.open_record(by=cast.claire, structure=cast.halte.pk, name=name) for name in written]


def found(cast: Cast, typed: str, by: str = "claire") -> list[str]:
    return [str(person.name) for person in queries.search(cast.users[by], typed).people]


def tokens(structure: Structure, person: Person) -> set[bytes]:
    rows = NameToken.objects.filter(structure=structure, person=person)
    return {bytes(token) for token in rows.values_list("token", flat=True)}


# --- who is found ---


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("filip", ["Philippe Moreau"]),
        ("moro", ["Philippe Moreau"]),
        ("muhammad", ["Mohamed Traoré"]),
        ("محمد", ["Mohamed Traoré"]),
        ("traore moh", ["Mohamed Traoré"]),
        ("ndiaye", ["Awa N’Diaye"]),
        ("n diaye awa", ["Awa N’Diaye"]),
        ("hawa", ["Awa N’Diaye"]),
        ("abdul qadir", ["Abd el Kader"]),
        ("abdelk", ["Abd el Kader"]),
        ("Олександр", ["Oleksandr Koval"]),
        ("gare 2", ["Monsieur de la gare 2"]),
        ("gare", ["Monsieur de la gare 2"]),
        ("gar", ["Monsieur de la gare 2"]),
        ("monsieur", ["Monsieur de la gare 2"]),
        ("oreau", []),
        ("philippe traore", []),
        ("mamadou", []),
    ],
)
def test_a_name_is_found_by_its_beginning_or_its_sound(cast: Cast, typed: str, expected: list[str]) -> None:
    met(cast, "Philippe Moreau", "Mohamed Traoré", "Awa N’Diaye", "Abd el Kader", "Oleksandr Koval")
    met(cast, "Monsieur de la gare 2")
    assert found(cast, typed) == expected


def test_who_is_written_so_comes_before_who_begins_so_then_who_sounds_so(cast: Cast) -> None:
    met(cast, "Sarra", "Sara", "Sarah-Lou", "Sahra Nour", "Sara Nour")
    assert found(cast, "sara") == ["Sara Nour", "Sara", "Sarah-Lou", "Sarra"]
    assert found(cast, "nour sara") == ["Sara Nour"]


def test_the_surest_are_opened_first_however_old(cast: Cast) -> None:
    met(cast, "Sara", "Sara-Lou", "Sarra", "Saara", "Sarah-Lou")
    with patch.object(queries, "SEARCHED", 3):
        assert found(cast, "sara") == ["Sara-Lou", "Sara", "Sarah-Lou"]


def test_a_long_word_is_checked_beyond_its_sixth_letter(cast: Cast) -> None:
    met(cast, "Alexandrine", "Alexandra", "Alexandre")
    assert found(cast, "alexandri") == ["Alexandrine"]
    assert found(cast, "alexan") == ["Alexandre", "Alexandra", "Alexandrine"]


def test_a_letter_alone_narrows_and_finds_itself(cast: Cast) -> None:
    met(cast, "Jean Paul", "Jean Marie", "X")
    assert found(cast, "jean p") == found(cast, "p jean") == ["Jean Paul"]
    assert found(cast, "x") == ["X"]
    met(cast, "Jean P", "Jean Pierre")
    assert found(cast, "jean p")[0] == "Jean P"
    assert not queries.search(cast.claire, "jean z").short
    short = queries.search(cast.claire, "j")
    assert (short.people, short.short) == ([], True)
    page = cast.client("claire").get(reverse("people"), {"q": "j"}).content.decode()
    assert "Écrivez au moins deux lettres." in page
    assert "Aucune personne de ce nom ici" not in page


def test_a_name_that_only_sounds_so_is_shown_and_never_opened_at_once(cast: Cast) -> None:
    (paule,) = met(cast, "Paule")
    claire, address = cast.client("claire"), reverse("people")
    alike = claire.get(address, {"q": "Pol"})
    assert alike.status_code == 200
    assert "Aucun nom ne s’écrit ainsi. Ces noms se ressemblent." in alike.content.decode()
    assert "Noms qui se ressemblent" not in alike.content.decode(), "it is said already"
    assert claire.get(address, {"q": "Paul"})["Location"] == reverse("person", args=[paule.pk]), (
        "it begins so"
    )
    met(cast, "Pol")
    both = claire.get(address, {"q": "Pol"})
    assert "Ces noms se ressemblent." not in both.content.decode()
    written, sounding = both.content.decode().split("<h2>Noms qui se ressemblent</h2>")
    assert "<bdi>Pol</bdi>" in written
    assert "<bdi>Paule</bdi>" in sounding
    assert found(cast, "Pol") == ["Pol", "Paule"]
    met(cast, "Polina")
    with patch.object(queries, "SEARCHED", 1):
        assert claire.get(address, {"q": "Pol"}).status_code == 200, "there are more: one chooses"


def test_each_word_as_written_comes_before_one_that_only_sounds_so(cast: Cast) -> None:
    met(cast, "Sarah-Lou Nourdine", "Sara Noor")
    assert found(cast, "sara nour") == ["Sarah-Lou Nourdine", "Sara Noor"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("awa", "2 personnes"),
        ("hawa", "2 personnes. Aucun nom ne s’écrit ainsi. Ces noms se ressemblent."),
        ("zzz", "Aucune personne trouvée"),
        ("z", "Écrivez au moins deux lettres."),
    ],
)
def test_a_search_is_announced_once_and_whole(cast: Cast, typed: str, said: str) -> None:
    met(cast, "Awa Diallo", "Awa Traoré")
    answer = cast.client("claire").get(reverse("people"), {"q": typed}, headers={"HX-Request": "true"})
    told = re.findall(r"<(p|div)[^>]*data-announce>(.*?)</\1>", answer.content.decode(), re.DOTALL)
    assert [" ".join(re.sub(r"<[^>]+>", " ", text).split()) for _tag, text in told] == [said]


# --- what a search opens and asks ---


@contextmanager
def asked_of_the_keeper() -> Iterator[list[tuple[str, int]]]:
    """Meanwhile, each call of the keeper that opens or blinds: its name, and of how many people or facts."""
    calls: list[tuple[str, int]] = []
    fields, blinded = KeeperClient.fields, KeeperClient.tokens

    def counted_fields(self: KeeperClient, subjects: Any, *more: Any) -> Any:
        calls.append(("fields", len(subjects)))
        return fields(self, subjects, *more)

    def counted_tokens(self: KeeperClient, scope: Any, kind: str, facts: Any) -> Any:
        calls.append(("tokens", len(facts)))
        return blinded(self, scope, kind, facts)

    with (
        patch.object(KeeperClient, "fields", counted_fields),
        patch.object(KeeperClient, "tokens", counted_tokens),
    ):
        yield calls


FIRST = [
    "Mohamed",
    "Amina",
    "Karim",
    "Philippe",
    "Fatoumata",
    "Oleksandr",
    "Rahmatullah",
    "Marie",
    "Youssef",
    "Ibrahima",
]
LAST = [
    "Moreau",
    "Diallo",
    "Traoré",
    "Lefèvre",
    "Coulibaly",
    "Benali",
    "Haddad",
    "Nowak",
    "Ndiaye",
    "Petit",
    "Tesfaye",
    "Durand",
]


def crowd(cast: Cast, count: int) -> None:
    """People whom the day centre accompanies, with their names alone sealed, and findable."""
    people = []
    for number in range(count):
        person = Person(id=uuid7())
        sealing.keeper().create(person.id)
        name = f"{FIRST[number % 10]} {LAST[number // 10 % 10]} {number}"
        sealing.seal(person, by=cast.claire.actor, name=name)
        people.append(person)
    Person.objects.bulk_create(people)
    Accompaniment.objects.bulk_create(Accompaniment(person=person, structure=cast.halte) for person in people)
    names.renew()


def test_among_two_thousand_people_a_search_opens_twenty_names(cast: Cast) -> None:
    crowd(cast, 2_000)
    (someone,) = met(cast, "Zélie Moro")
    queries.search(cast.claire, "x")  # what is prepared once
    for typed, shown, more in (
        ("mohamed", 20, True),
        ("muhammad", 20, True),
        ("mo", 20, True),
        ("moreau zelie", 1, False),
        ("mohamed traore", 20, False),
        ("inconnu", 0, False),
    ):
        with asked_of_the_keeper() as calls, CaptureQueriesContext(connection) as made:
            answer = queries.search(cast.claire, typed)
        opened = [count for call, count in calls if call == "fields"]
        assert (len(answer.people), answer.more) == (shown, more), typed
        assert max(opened, default=0) <= 20
        assert len(opened) <= 2, "names, then births"
        assert len([call for call, _ in calls if call == "tokens"]) == 2, "this year's and last year's"
        assert len(made) <= 5, "the user's seats thrice, the people, their accords"
    assert found(cast, "moro zelie") == ["Zélie Moro"] == [someone.name]
    assert found(cast, "mohamed traore 20") == ["Mohamed Traoré 20"], "a number is a word"


def test_a_page_says_that_there_are_more_and_not_how_many(cast: Cast) -> None:
    crowd(cast, 25)
    with patch.object(queries, "SEARCHED", 2):
        page = cast.client("claire").get(reverse("people"), {"q": "mohamed"}).content.decode()
        assert page.count('<li class="list-row">') == 2
        assert "Il y en a d’autres. Écrivez plus de lettres." in page
        beyond = cast.client("claire").get(reverse("people"), {"q": "mohamedine"}).content.decode()
    assert "Il y en a d’autres. Écrivez plus de lettres." in beyond, (
        "those opened do not answer; others might"
    )
    assert "Aucune personne de ce nom ici" not in beyond


def test_without_the_keeper_a_search_says_so_and_a_record_is_not_half_opened(cast: Cast) -> None:
    met(cast, "Awa")
    with keeper_absent():
        with pytest.raises(KeeperAbsent):
            queries.search(cast.claire, "awa")
        answer = cast.client("claire").get(reverse("people"), {"q": "awa"})
        assert answer.status_code == 503
        with pytest.raises(KeeperAbsent):
            met(cast, "Otto")
    assert Person.objects.for_system("a test").count() == 1


# --- what lies in the table ---


def test_two_structures_have_no_token_in_common(cast: Cast) -> None:
    (awa,) = met(cast, "Awa Diallo")
    cast.agreed(awa, cast.halte, cast.tilleuls)
    here, there = tokens(cast.halte, awa), tokens(cast.tilleuls, awa)
    assert here
    assert there
    assert not here & there
    assert found(cast, "awa", by="driss") == ["Awa Diallo"]


@pytest.mark.parametrize(
    ("name", "rows"),
    [("Li", 32), ("Bruno Lefèvre", 32), ("Mohamed Amine Ben Abdallah", 64), ("12", 32), ("—", 32)],
)
def test_the_number_of_rows_does_not_tell_a_short_name_from_a_usual_one(
    cast: Cast, name: str, rows: int
) -> None:
    (person,) = met(cast, name)
    kept = tokens(cast.halte, person)
    assert len(kept) == rows
    assert {len(token) for token in kept} == {16}


def test_what_fills_the_rows_differs_from_one_to_another(cast: Cast) -> None:
    one, other = met(cast, "Awa Diallo", "Awa Diallo")
    shared = tokens(cast.halte, one) & tokens(cast.halte, other)
    assert len(shared) == len(sounds.facts("Awa Diallo"))


def test_writing_again_changes_nothing(cast: Cast) -> None:
    (awa,) = met(cast, "Awa Diallo")
    before = tokens(cast.halte, awa)
    names.write([awa], cast.halte.pk, by=cast.claire.actor)
    assert tokens(cast.halte, awa) == before


def test_a_name_that_does_not_open_has_rows_and_hides_no_other(cast: Cast) -> None:
    damaged, _whole = met(cast, "Awa Diallo", "Awa Traoré")
    Person.objects.for_system("a test").filter(pk=damaged.pk).update(sealed_name=b"x" * 60)
    names.make_all_again()
    assert names.renew() == 2
    assert len(tokens(cast.halte, damaged)) == 32
    assert found(cast, "awa") == ["Awa Traoré"]
    assert found(cast, "illisible") == []


# --- as sight comes and goes ---


def test_an_accord_lets_those_it_names_find_and_its_end_takes_it_away(cast: Cast) -> None:
    (awa,) = met(cast, "Awa Diallo")
    assert found(cast, "awa", by="driss") == []
    consent = cast.agreed(awa, cast.halte, cast.tilleuls)
    assert found(cast, "hawa", by="driss") == ["Awa Diallo"]
    assert names.clean() == 0
    actions.withdraw(consent, by=cast.claire)
    assert found(cast, "awa", by="driss") == []
    assert names.clean() == 32
    assert tokens(cast.tilleuls, awa) == set()
    assert found(cast, "awa") == ["Awa Diallo"], "who accompanies still finds"


def test_an_accord_may_be_given_by_somebody_whose_name_was_not_opened(cast: Cast) -> None:
    met(cast, "Awa Diallo")
    cast.agreed(Person.objects.visible_to(cast.claire).get(), cast.halte, cast.tilleuls)
    assert found(cast, "diallo", by="driss") == ["Awa Diallo"]


def test_the_clock_finds_again_whoever_lost_their_tokens_and_forgets_the_closed(cast: Cast) -> None:
    awa, otto = met(cast, "Awa Diallo", "Otto Straße")
    Accompaniment.objects.create(person=awa, structure=cast.tilleuls)  # by a way that writes no token
    assert found(cast, "awa", by="driss") == []
    assert tasks.renew_names() == 1
    assert found(cast, "awa", by="driss") == ["Awa Diallo"]
    cast.agreed(otto, cast.tilleuls)
    NameToken.objects.filter(structure=cast.tilleuls).delete()
    assert tasks.renew_names() == 2
    assert found(cast, "otto", by="driss") == ["Otto Straße"]
    Person.objects.for_system("a test").filter(pk=otto.pk).update(closed_at=timezone.now())
    assert names.clean() == 64
    assert tasks.renew_names() == 0, "nobody sees a closed record"
    actions.erase(awa.pk)
    assert not NameToken.objects.exists()


def test_an_accompaniment_that_ended_leaves_no_token(cast: Cast) -> None:
    met(cast, "Awa Diallo")
    Accompaniment.objects.update(until=timezone.now())
    assert names.clean() == 32


def test_an_accord_that_is_over_leaves_no_token(clock: time_machine.Traveller, cast: Cast) -> None:
    (awa,) = met(cast, "Awa Diallo")
    cast.agreed(awa, cast.tilleuls)
    clock.shift(timedelta(days=366))
    assert names.clean() == 32
    assert tokens(cast.tilleuls, awa) == set()


# --- renewed each year, after an upgrade, in pieces ---


def test_at_the_turn_of_the_year_everybody_is_found_and_the_tokens_are_renewed(
    clock: time_machine.Traveller, cast: Cast
) -> None:
    clock.move_to("2026-12-31T22:00:00Z")
    (awa,) = met(cast, "Awa Diallo")
    before = tokens(cast.halte, awa)
    clock.move_to("2027-01-01T08:00:00Z")
    assert found(cast, "hawa") == ["Awa Diallo"]
    assert names.renew(lost_only=True) == 0
    assert tasks.renew_names() == 1
    after = tokens(cast.halte, awa)
    assert len(after) == 32
    assert not before & after
    assert set(NameToken.objects.values_list("year", flat=True)) == {2027}
    assert found(cast, "hawa") == ["Awa Diallo"]
    clock.move_to("2029-01-01T08:00:00Z")
    assert found(cast, "awa") == [], "a house that slept for a year and more"
    call_command("reindex_names", "--lost", verbosity=0)
    assert found(cast, "awa") == ["Awa Diallo"]


def test_other_rules_make_the_tokens_again(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    met(cast, "Awa Diallo")
    monkeypatch.setattr(sounds, "RULES", sounds.RULES + 1)
    assert found(cast, "awa") == ["Awa Diallo"]
    assert names.renew(lost_only=True) == 0
    assert names.renew() == 1
    assert names.renew() == 0


def test_after_an_upgrade_everybody_is_found_before_the_first_page(cast: Cast) -> None:
    met(cast, "Awa Diallo", "Otto Straße")
    NameToken.objects.all().delete()
    assert found(cast, "awa") == []
    assert tasks.find_everybody() == "Names made findable: 2."
    assert found(cast, "hawa") == ["Awa Diallo"]
    assert tasks.find_everybody() == "", "quick and silent when nothing is missing"
    assert tasks.find_everybody in opening.steps()


def test_a_house_whose_keeper_refuses_starts_all_the_same(cast: Cast) -> None:
    met(cast, "Awa Diallo")
    NameToken.objects.all().delete()
    with keeper_absent():
        assert "Some people are not found by their names yet" in tasks.find_everybody()


def test_a_renewal_that_was_stopped_takes_up_where_it_was(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    met(cast, *(f"Personne {number}" for number in range(5)))
    NameToken.objects.all().delete()
    monkeypatch.setattr(sealing, "BATCH", 2)
    write, written = names.write, list[UUID]()

    def stopped(people: list[Person], *structures: UUID, **more: Any) -> None:
        if len(written) >= 4:
            raise KeeperAbsent("gone")
        write(people, *structures, **more)
        written.extend(person.pk for person in people)

    with patch.object(names, "write", stopped), pytest.raises(KeeperAbsent):
        names.renew()
    assert NameToken.objects.values("person").distinct().count() == 4
    assert names.renew() == 1
    assert names.renew(most=1) == 0


def test_a_renewal_does_a_part_at_a_time_when_asked(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    met(cast, *(f"Personne {number}" for number in range(5)))
    monkeypatch.setattr(sealing, "BATCH", 2)
    names.make_all_again()
    assert [names.renew(most=2) for _ in range(4)] == [2, 2, 1, 0]


def test_every_token_is_written_again_at_the_operators_word(
    cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    met(cast, "Awa Diallo", "Otto Straße")
    call_command("reindex_names")
    call_command("reindex_names", "--all")
    assert re.findall(r"findable: (\d)", capsys.readouterr().out) == ["0", "2"]
