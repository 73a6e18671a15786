"""Who sees that a person exists, and who sees their papers: by accompaniment, and by accord."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone

from havre.organisations.models import Structure
from havre.people import access, actions, queries, terms
from havre.people.models import Accompaniment, Consent, Means, Person, Withdrawal
from havre.vault.models import Document
from tests import cast as stage
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def who_sees(cast: Cast, person: Person) -> set[str]:
    return {
        name
        for name, user in cast.users.items()
        if Person.objects.visible_to(user).filter(pk=person.pk).exists()
    }


def who_reads(cast: Cast, document: Document) -> set[str]:
    return {
        name
        for name, user in cast.users.items()
        if Document.objects.visible_to(user).filter(pk=document.pk).exists()
    }


def test_a_record_is_seen_by_those_who_accompany_in_roles_with_records(cast: Cast) -> None:
    assert who_sees(cast, cast.bruno()) == {"claire", "rachid", "lena"}
    assert not Person.objects.visible_to(AnonymousUser()).exists()


def test_an_accord_opens_the_record_and_the_papers_to_those_it_names(cast: Cast) -> None:
    bruno = cast.bruno()
    cast.agreed(bruno, cast.halte, cast.tilleuls)
    document = cast.paper(bruno)
    assert who_sees(cast, bruno) == {"claire", "rachid", "lena", "driss"}
    assert who_reads(cast, document) == {"claire", "lena", "driss"}


def test_accompaniment_alone_opens_no_paper(cast: Cast) -> None:
    bruno = cast.bruno()
    cast.agreed(bruno, cast.halte)
    document = cast.paper(bruno)
    Consent.objects.all().delete()
    assert who_sees(cast, bruno) == {"claire", "rachid", "lena"}
    assert who_reads(cast, document) == set()
    page = cast.client("claire").get(reverse("person", args=[bruno.pk])).content.decode()
    assert "Carte de Bruno" not in page
    assert "Bruno Lefèvre" in page


def test_an_accord_withdrawn_hides_the_papers_at_once(cast: Cast) -> None:
    bruno = cast.bruno()
    consent = cast.agreed(bruno, cast.halte, cast.tilleuls)
    document = cast.paper(bruno)
    driss, address = cast.client("driss"), reverse("document", args=[document.pk])
    assert driss.get(address).status_code == 200
    ended = cast.client("claire").post(reverse("consent-end", args=[consent.pk]))
    assert ended["Location"] == reverse("person", args=[bruno.pk])
    assert who_reads(cast, document) == set()
    for url in (address, address + "original/", address + "pages/1.jpg", address + "impression/"):
        assert driss.get(url).status_code == 404
    assert driss.get(reverse("person", args=[bruno.pk])).status_code == 404
    assert "Carte de Bruno" not in cast.client("claire").get(ended["Location"]).content.decode()


def test_the_structure_that_ends_its_own_accord_leaves_the_record(cast: Cast) -> None:
    bruno = cast.bruno()
    consent = cast.agreed(bruno, cast.tilleuls)
    ended = cast.client("driss").post(reverse("consent-end", args=[consent.pk]))
    assert ended["Location"] == reverse("people")


def test_an_accord_ends_once_and_says_who_noted_it(cast: Cast) -> None:
    consent = cast.agreed(cast.bruno(), cast.halte, cast.tilleuls)
    first = actions.withdraw(consent, by=cast.claire)
    assert actions.withdraw(consent, by=cast.driss) == first
    assert Withdrawal.objects.get().by == cast.claire.pk


@pytest.mark.parametrize("name", ["elise", "rachid", "lena", "gaelle", "violette", "odile"])
def test_an_accord_is_ended_by_a_professional_it_names(cast: Cast, name: str) -> None:
    consent = cast.agreed(cast.bruno(), cast.halte)
    with pytest.raises(PermissionDenied):
        actions.withdraw(consent, by=cast.users[name])
    assert cast.client(name).post(reverse("consent-end", args=[consent.pk])).status_code == 404
    assert not Withdrawal.objects.exists()


@pytest.mark.parametrize(("duration", "days"), [("1", 1), ("31", 31), ("182", 182), ("365", 365)])
def test_an_accord_opens_until_its_date_and_not_after(
    clock: time_machine.Traveller, cast: Cast, duration: str, days: int
) -> None:
    bruno = cast.bruno()
    given = actions.Given(
        [cast.halte, cast.tilleuls], terms.ends(duration), "fr", Means.SIGNATURE, stage.SIGNATURE
    )
    actions.give_consent(bruno, given, by=cast.claire)
    document = cast.paper(bruno)
    clock.shift(timedelta(days=days) - timedelta(seconds=1))
    assert "driss" in who_reads(cast, document)
    clock.shift(1)
    assert who_reads(cast, document) == set()
    assert who_sees(cast, bruno) == {"claire", "rachid", "lena"}


def test_a_newer_accord_keeps_the_papers_open_when_the_older_ends(cast: Cast) -> None:
    bruno = cast.bruno()
    older = cast.agreed(bruno, cast.halte, cast.tilleuls)
    cast.agreed(bruno, cast.halte)
    document = cast.paper(bruno)
    actions.withdraw(older, by=cast.claire)
    assert who_reads(cast, document) == {"claire", "lena"}


def test_an_accord_about_something_else_opens_no_paper(cast: Cast) -> None:
    bruno = cast.bruno()
    consent = cast.agreed(bruno, cast.halte)
    document = cast.paper(bruno)
    Consent.objects.filter(pk=consent.pk).update(things=["appointments"])
    assert who_reads(cast, document) == set()


def test_an_accompaniment_that_ended_shows_nobody(cast: Cast) -> None:
    bruno = cast.bruno()
    Accompaniment.objects.update(until=timezone.now())
    assert who_sees(cast, bruno) == set()


def test_a_closed_record_is_seen_by_nobody(cast: Cast) -> None:
    bruno = cast.bruno()
    consent = cast.agreed(bruno, cast.halte, cast.tilleuls)
    document = cast.paper(bruno)
    Person.objects.for_system("a test").update(closed_at=timezone.now())
    assert who_sees(cast, bruno) == who_reads(cast, document) == set()
    assert cast.client("claire").get(reverse("consent", args=[consent.pk])).status_code == 404


def test_an_accord_itself_is_shown_to_its_parties_only(cast: Cast) -> None:
    consent = cast.agreed(cast.bruno(), cast.tilleuls)
    assert [
        name
        for name, user in cast.users.items()
        if Consent.objects.visible_to(user).filter(pk=consent.pk).exists()
    ] == ["driss"]


def test_a_record_is_opened_by_those_who_write(cast: Cast) -> None:
    for name in ("claire", "rachid"):
        actions.open_record(by=cast.users[name], structure=cast.halte.pk, name="X")
    for name in ("lena", "violette", "gaelle", "driss", "odile"):
        with pytest.raises(PermissionDenied):
            actions.open_record(by=cast.users[name], structure=cast.halte.pk, name="X")
    assert Person.objects.visible_to(cast.claire).count() == 2


# --- who may be named ---


def give(cast: Cast, person: Person, *structures: Structure, by: str = "claire") -> Consent:
    return cast.agreed(person, *structures, by=cast.users[by])


def test_an_empty_vault_may_be_opened_to_any_structure(cast: Cast) -> None:
    bruno = cast.bruno()
    assert access.nameable(cast.claire, bruno) is None
    give(cast, bruno, cast.halte, cast.tilleuls, cast.escale)
    assert access.opened_to(bruno) == {cast.halte.pk, cast.tilleuls.pk, cast.escale.pk}


def test_once_there_are_papers_a_signature_renews_and_names_nobody_new(cast: Cast) -> None:
    bruno = cast.bruno()
    give(cast, bruno, cast.halte)
    cast.paper(bruno)
    for structures in ([cast.tilleuls], [cast.halte, cast.tilleuls]):
        with pytest.raises(actions.CannotName):
            give(cast, bruno, *structures)
    assert give(cast, bruno, cast.halte)
    assert access.opened_to(bruno) == {cast.halte.pk}


def test_a_structure_renews_what_it_had_even_after_the_end(clock: time_machine.Traveller, cast: Cast) -> None:
    bruno = cast.bruno()
    give(cast, bruno, cast.halte)
    cast.paper(bruno)
    clock.shift(timedelta(days=366))
    assert access.opened_to(bruno) == set()
    assert give(cast, bruno, cast.halte)


def test_another_structure_cannot_open_existing_papers_for_itself(cast: Cast) -> None:
    bruno = cast.bruno()
    give(cast, bruno, cast.halte)
    cast.paper(bruno)
    Accompaniment.objects.create(person=bruno, structure=cast.tilleuls)
    with pytest.raises(actions.CannotName):
        give(cast, bruno, cast.tilleuls, by="driss")
    driss = cast.client("driss")
    page = driss.get(reverse("consent-new", args=[bruno.pk]))
    assert page.status_code == 200
    assert "Une signature ne suffit pas ici" in page.content.decode()
    asked = {"structures": [str(cast.tilleuls.pk)], "duration": "365", "language": "fr"}
    signed = driss.post(reverse("consent-sign", args=[bruno.pk], query=asked), {"strokes": stage.SIGNATURE})
    assert signed["Location"] == reverse("consent-new", args=[bruno.pk])
    assert access.opened_to(bruno) == {cast.halte.pk}


def test_a_structure_named_beside_another_renews_for_itself_only(cast: Cast) -> None:
    bruno = cast.bruno()
    give(cast, bruno, cast.halte, cast.tilleuls)
    cast.paper(bruno)
    with pytest.raises(actions.CannotName):
        give(cast, bruno, cast.halte, by="driss")
    assert give(cast, bruno, cast.tilleuls, by="driss").collected_at == cast.tilleuls


def test_a_stranger_collects_no_accord(cast: Cast) -> None:
    bruno = cast.bruno()
    for name in ("driss", "rachid", "lena", "gaelle"):
        with pytest.raises(PermissionDenied):
            give(cast, bruno, cast.halte, by=name)


def test_an_accord_that_names_nobody_is_none(cast: Cast) -> None:
    with pytest.raises(actions.CannotName):
        give(cast, cast.bruno())


# --- search ---


@pytest.fixture
def many(cast: Cast) -> None:
    for name in ("Élodie D’Arc", "MOREAU Jean-Noël", "Zoé Saint-Roch", "محمد عبد الله", "Straße Otto"):
        actions.open_record(by=cast.claire, structure=cast.halte.pk, name=name)
    actions.open_record(by=cast.driss, structure=cast.tilleuls.pk, name="Élodie Cachée")


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("elodie", ["Élodie D’Arc"]),
        ("ÉLO", ["Élodie D’Arc"]),
        ("d'arc", ["Élodie D’Arc"]),
        ("arc elo", ["Élodie D’Arc"]),
        ("jean noel", ["MOREAU Jean-Noël"]),
        ("mor", ["MOREAU Jean-Noël"]),
        ("oreau", []),
        ("zoe saint", ["Zoé Saint-Roch"]),
        ("عبد", ["محمد عبد الله"]),
        ("strasse", ["Straße Otto"]),
        ("cach", []),
        ("elodie zoe", []),
        ("%", None),
        ("_", None),
    ],
)
def test_a_search_finds_beginnings_of_names_however_they_are_typed(
    cast: Cast, typed: str, found: list[str] | None
) -> None:
    names = [person.name for person in queries.search(cast.claire, typed).people]
    assert names == found if found is not None else len(names) == 5


@pytest.mark.usefixtures("many")
def test_a_search_never_shows_somebody_out_of_scope(cast: Cast) -> None:
    for name in cast.users:
        browser = cast.client(name)
        for typed in ("", "elodie", "cachee"):
            for headers in ({}, {"HX-Request": "true"}):
                answer = browser.get(reverse("people"), {"q": typed}, headers=headers, follow=True)
                assert ("Cachée" in answer.content.decode()) == (name == "driss")


@pytest.mark.usefixtures("many")
def test_the_only_answer_to_a_search_opens_its_record(cast: Cast) -> None:
    claire, address = cast.client("claire"), reverse("people")
    (zoe,) = queries.search(cast.claire, "zoe").people
    assert claire.get(address, {"q": "zoe"})["Location"] == reverse("person", args=[zoe.pk])
    while_typing = claire.get(address, {"q": "zoe"}, headers={"HX-Request": "true"})
    assert while_typing.status_code == 200
    assert "Zoé Saint-Roch" in while_typing.content.decode()
    actions.open_record(by=cast.claire, structure=cast.halte.pk, name="Zoé Autre")
    assert claire.get(address, {"q": "zoe"}).status_code == 200, "two of that name: one chooses"
    assert claire.get(address, {"q": "personne"}).status_code == 200


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("typed", ["", " ", "%", "—"])
def test_a_search_for_nothing_opens_no_record(cast: Cast, typed: str) -> None:
    assert queries.search(cast.driss).people[0].name == "Élodie Cachée"
    answer = cast.client("driss").get(reverse("people"), {"q": typed})
    assert answer.status_code == 200
    assert "Élodie Cachée" in answer.content.decode()


# --- what a row of a list says ---


def test_a_row_says_the_year_of_birth_and_a_search_the_day_to_tell_namesakes_apart(cast: Cast) -> None:
    cast.bruno()
    actions.open_record(by=cast.claire, structure=cast.halte.pk, name="Bruno Autre")
    years, days = ["année de naissance inconnue", "année 1974"], ["Date inconnue", "27 mars 1974"]
    for typed, births in (("", years), ("bruno", days)):
        for headers in ({}, {"HX-Request": "true"}):
            answer = cast.client("claire").get(reverse("people"), {"q": typed}, headers=headers)
            told = re.findall(r'<span class="list-text">([^<]*)</span>', answer.content.decode())
            assert told == births


def test_a_row_offers_to_add_to_those_who_may_alone(clock: time_machine.Traveller, cast: Cast) -> None:
    bruno = cast.bruno()
    zoe = actions.open_record(by=cast.claire, structure=cast.halte.pk, name="Zoé")
    other = actions.open_record(by=cast.claire, structure=cast.halte.pk, name="Otto")
    consent = cast.agreed(bruno, cast.halte, cast.tilleuls)
    cast.agreed(zoe, cast.halte)
    about = cast.agreed(other, cast.halte)
    Consent.objects.filter(pk=about.pk).update(things=["appointments"])
    people = [bruno, zoe, other]

    def added() -> dict[str, set[str]]:
        names = {bruno.pk: "bruno", zoe.pk: "zoe", other.pk: "other"}
        who = {}
        for name, user in cast.users.items():
            open_to = access.open_to_add(user, people)
            assert open_to == {person.pk for person in people if access.can_bring_papers(user, person)}
            if open_to:
                who[name] = {names[person] for person in open_to}
        return who

    assert added() == {"claire": {"bruno", "zoe"}, "driss": {"bruno"}}
    page = cast.client("claire").get(reverse("people")).content.decode()
    for person in people:
        assert (reverse("document-new", args=[person.pk]) in page) == (person != other)
    for name in ("rachid", "lena"):
        assert "/documents/ajouter/" not in cast.client(name).get(reverse("people")).content.decode()
    assert access.open_to_add(cast.claire, [zoe]) == {zoe.pk}
    assert access.open_to_add(cast.claire, []) == set()
    actions.withdraw(consent, by=cast.claire)
    assert added() == {"claire": {"zoe"}}
    clock.shift(timedelta(days=366))
    assert added() == {}


def test_a_long_list_is_read_page_by_page(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "SHOWN", 2)
    for number in range(5):
        actions.open_record(by=cast.claire, structure=cast.halte.pk, name=f"Nom {number}")
    pages = [queries.search(cast.claire, page=number) for number in (1, 2, 3, 4)]
    assert [len(found.people) for found in pages] == [2, 2, 1, 0]
    assert [found.more for found in pages] == [True, True, False, False]
    assert len({person.pk for found in pages for person in found.people}) == 5


@pytest.mark.parametrize("page", ["0", "-1", "x", "²", "٣", "1e9", "9" * 5000])
def test_no_page_number_is_a_fault(cast: Cast, page: str) -> None:
    assert cast.client("claire").get(reverse("people"), {"page": page}).status_code == 200


@pytest.mark.parametrize("typed", ["\x00", "'; --", "é" * 5000, "\ud7ff", "<script>", "٪"])
def test_nothing_typed_in_the_search_is_a_fault(cast: Cast, typed: str) -> None:
    answer = cast.client("claire").get(reverse("people"), {"q": typed})
    assert answer.status_code == 200
    assert "<script>" not in answer.content.decode().partition("<main")[2]
