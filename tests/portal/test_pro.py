"""À faire maintenant: what waits for a professional's structures, and the button that says that it is done."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from havre.inbox import actions as inbox
from havre.inbox.models import WorkItem
from havre.people import actions as people
from havre.people import recent
from havre.people.models import Consent, Person
from tests import cast as stage
from tests.accounts.stagehands import keeper_absent
from tests.cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return stage.build()


@pytest.fixture
def bruno(cast: Cast) -> Person:
    """Bruno has just opened his documents to Driss's structure."""
    bruno = cast.bruno()
    cast.agreed(bruno, cast.halte, cast.tilleuls)
    return bruno


def home(cast: Cast, name: str) -> str:
    answer = cast.client(name).get(reverse("pro"))
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_new_accord_stands_on_the_list_of_the_structure_that_it_names(cast: Cast, bruno: Person) -> None:
    page = home(cast, "driss")
    assert "Bruno Lefèvre" in page
    assert "Nouvel accord" in page
    assert 'C’est fait<span class="visually-hidden"> · <bdi>Bruno Lefèvre</bdi> · Nouvel accord' in page
    assert reverse("consent", args=[Consent.objects.get().pk]) in page
    assert "Maintenant" in page
    for name in ("claire", "elise", "gaelle", "rachid", "violette", "lena"):
        assert "Bruno" not in home(cast, name)


def test_who_has_no_seat_has_no_list(cast: Cast) -> None:
    page = home(cast, "norbert")
    assert "<h1>Votre compte n’a pas d’équipe</h1>" in page
    assert "À faire maintenant" not in page
    for way in (reverse("people"), reverse("structure")):
        assert f'="{way}"' not in page
    assert reverse("sign-out") in page


def test_the_operator_has_the_instances_list_and_no_way_to_people(cast: Cast) -> None:
    page = home(cast, "odile")
    assert "Rien à faire pour l’instant" in page
    assert f'="{reverse("instance")}"' in page
    for way in (reverse("people"), reverse("structure")):
        assert f'="{way}"' not in page


def test_a_stranger_at_the_start_page_is_asked_who_they_are(cast: Cast) -> None:
    assert cast.client().get(reverse("pro"))["Location"].startswith(reverse("sign-in"))


def test_what_is_done_leaves_the_list_and_says_so(cast: Cast, bruno: Person) -> None:
    driss, item = cast.client("driss"), WorkItem.objects.get()
    address = reverse("work-item-done", args=[item.pk])
    assert driss.get(address).status_code == 405
    assert driss.post(address)["Location"] == reverse("pro")
    page = driss.get(reverse("pro")).content.decode()
    assert 'class="notice notice-done"' in page
    assert "Bruno" not in page
    item.refresh_from_db()
    assert item.done_by == cast.driss.pk
    assert driss.post(address).status_code == 404, "somebody was faster"


@pytest.mark.parametrize("name", ["claire", "elise", "rachid", "gaelle", "odile"])
def test_nobody_closes_what_another_structure_has_to_do(cast: Cast, bruno: Person, name: str) -> None:
    item = WorkItem.objects.get()
    assert cast.client(name).post(reverse("work-item-done", args=[item.pk])).status_code == 404
    assert WorkItem.objects.get().done_at is None


def test_a_name_that_one_may_no_longer_see_is_not_shown(cast: Cast, bruno: Person) -> None:
    Consent.objects.all().update(until=timezone.now())
    page = home(cast, "driss")
    assert "Nouvel accord" in page
    assert "Bruno" not in page


def test_the_most_overdue_stands_first_and_only_the_late_ones_say_now(cast: Cast) -> None:
    for name, days in (("Après", 9), ("Avant", -9), ("Hier", -1)):
        person = people.open_record(by=cast.claire, structure=cast.halte.pk, name=name)
        due = timezone.now() + timedelta(days=days)
        inbox.ask(
            "people.consent.named", structure=cast.halte.pk, object_id=uuid4(), person=person.pk, due=due
        )
    page = home(cast, "claire")
    assert page.index("Avant") < page.index("Hier") < page.index("Après")
    assert page.count("Maintenant") == 2


def test_a_long_list_says_that_there_is_more(cast: Cast) -> None:
    for _one in range(51):
        inbox.ask("people.consent.named", structure=cast.halte.pk, object_id=uuid4())
    answer = cast.client("claire").get(reverse("pro"))
    assert len(answer.context["rows"]) == 50
    assert answer.context["more"]


def test_an_item_of_an_app_that_left_hides_no_other(cast: Cast, bruno: Person) -> None:
    inbox.ask("gone.kind", structure=cast.tilleuls.pk, object_id=uuid4())
    assert "Bruno Lefèvre" in home(cast, "driss")


def test_without_the_keeper_the_list_says_what_is_missing(cast: Cast, bruno: Person) -> None:
    driss = cast.client("driss")
    with keeper_absent():
        answer = driss.get(reverse("pro"))
    assert answer.status_code == 503
    assert "Les documents sont fermés pour l’instant" in answer.content.decode()
    assert answer["Retry-After"] == "60"


# --- records seen recently ---


def seen_recently(browser: Client) -> list[str]:
    """The names under "Vus récemment", in their order."""
    page = browser.get(reverse("pro")).content.decode()
    _before, heading, after = page.partition("Vus récemment")
    return re.findall(r'class="list-title"><bdi>([^<]+)', after) if heading else []


def test_the_records_just_seen_stand_on_the_start_page_the_last_one_first(cast: Cast) -> None:
    claire = cast.client("claire")
    assert "Vus récemment" not in home(cast, "claire")
    people_seen = [
        people.open_record(by=cast.claire, structure=cast.halte.pk, name=f"Nom {number}")
        for number in range(7)
    ]
    for person in (*people_seen, people_seen[3], people_seen[3]):
        claire.get(reverse("person", args=[person.pk]))
    assert seen_recently(claire) == ["Nom 3", "Nom 6", "Nom 5", "Nom 4", "Nom 2"]
    assert seen_recently(cast.client("claire")) == [], "each session its own"
    assert seen_recently(cast.client("rachid")) == []


def test_a_recent_record_offers_to_add_to_those_who_may(cast: Cast, bruno: Person) -> None:
    for name, offered in (("claire", True), ("driss", True), ("rachid", False), ("lena", False)):
        browser = cast.client(name)
        browser.get(reverse("person", args=[bruno.pk]))
        page = browser.get(reverse("pro")).content.decode()
        assert "année 1974" in page
        assert (reverse("document-new", args=[bruno.pk]) in page) == offered


def test_a_recent_record_that_one_may_no_longer_see_is_gone(cast: Cast, bruno: Person) -> None:
    driss, address = cast.client("driss"), reverse("person", args=[bruno.pk])
    assert driss.get(address).status_code == 200
    assert seen_recently(driss) == ["Bruno Lefèvre"]
    Consent.objects.all().update(until=timezone.now())
    assert driss.get(address).status_code == 404
    assert seen_recently(driss) == []
    claire = cast.client("claire")
    claire.get(address)
    people.erase(bruno.pk)
    assert seen_recently(claire) == []


def test_a_record_that_one_may_not_see_is_not_noted(cast: Cast, bruno: Person) -> None:
    for name in ("elise", "gaelle", "violette"):
        browser = cast.client(name)
        assert browser.get(reverse("person", args=[bruno.pk])).status_code == 404
        assert not browser.session.get(recent.KEY)


def test_the_session_keeps_ids_and_no_name(cast: Cast, bruno: Person) -> None:
    claire = cast.client("claire")
    claire.get(reverse("person", args=[bruno.pk]))
    assert claire.session[recent.KEY] == [str(bruno.pk)]
