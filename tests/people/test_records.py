"""A person's record: opened, looked at, told in the journal, damaged, erased."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from havre.audit import acts
from havre.audit.models import Entry
from havre.core import sealing, shredding
from havre.core.keeper_client import SubjectErased
from havre.inbox.models import WorkItem
from havre.organisations import actions as organisations
from havre.organisations.models import Membership, Role
from havre.people import actions, queries
from havre.people.models import Accompaniment, Consent, Person
from havre.vault.models import Document, Version
from tests.accounts.stagehands import files_at_rest, stolen
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def test_a_record_is_opened_with_a_name_alone(cast: Cast) -> None:
    claire = cast.client("claire")
    opened = claire.post(reverse("person-new"), {"name": "Amina", "birth": "", "language": "ar"})
    page = claire.get(opened["Location"]).content.decode()
    assert "<h1><bdi>Amina</bdi></h1>" in page
    assert "Date inconnue" in page
    assert "D’abord, son accord" in page


def test_a_record_may_say_no_language_and_the_page_proposes_none(cast: Cast) -> None:
    claire = cast.client("claire")
    form = claire.get(reverse("person-new")).content.decode()
    assert re.findall(r'name="language"[^>]*value="([^"]*)"[^>]*checked', form) in ([], [""])
    opened = claire.post(reverse("person-new"), {"name": "Zoé"})
    person = Person.objects.visible_to(cast.claire).get()
    assert opened["Location"] == reverse("person", args=[person.pk])
    assert shredding.export_all(person.pk)["people.person"][0]["language"] == ""
    assert "Langue\u202f:" not in claire.get(opened["Location"]).content.decode()
    claire.post(reverse("person-new"), {"name": "Amina", "language": "ar"})
    amina = Person.objects.visible_to(cast.claire).exclude(pk=person.pk).get()
    page = claire.get(reverse("person", args=[amina.pk])).content.decode()
    assert "Langue\u202f: العربية" in page
    assert '<html lang="fr" dir="ltr">' in page, "the page itself stays in the language of who reads it"


def test_a_record_without_a_name_says_what_to_write(cast: Cast) -> None:
    answer = cast.client("claire").post(reverse("person-new"), {"name": " "})
    assert answer.status_code == 422
    assert answer.context["form"].errors == {"name": ["Écrivez le nom de la personne, ou un surnom."]}


def test_accords_that_are_over_stand_folded_away(cast: Cast) -> None:
    bruno = cast.bruno()
    claire, address = cast.client("claire"), reverse("person", args=[bruno.pk])
    withdrawn, ended = cast.agreed(bruno, cast.halte), cast.agreed(bruno, cast.halte)
    page = claire.get(address).content.decode()
    assert "Accords finis" not in page
    assert page.count("En cours") == 2
    actions.withdraw(withdrawn, by=cast.claire)
    page = claire.get(address).content.decode()
    shown, folded = page.partition("Accords finis")[::2]
    assert reverse("consent", args=[ended.pk]) in shown
    assert reverse("consent", args=[withdrawn.pk]) not in shown
    assert reverse("consent", args=[withdrawn.pk]) in folded
    assert "Arrêté le" in folded
    assert "Aucun accord en cours" not in page
    Consent.objects.filter(pk=ended.pk).update(until=timezone.now())
    page = claire.get(address).content.decode()
    shown, folded = page.partition("Accords finis")[::2]
    assert "Aucun accord en cours" in shown
    assert "D’abord, son accord" not in page
    assert reverse("consent-new", args=[bruno.pk]) in shown
    assert "/accords/" not in shown
    assert "Fini le" in folded
    assert "En cours" not in page


def test_a_wrong_date_keeps_what_was_typed(cast: Cast) -> None:
    sent = {"name": "Amina <Diallo>", "birth": "31/02/1990", "language": "ar"}
    answer = cast.client("claire").post(reverse("person-new"), sent)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Cette date n’existe pas. Écrivez par exemple 27/03/1974, ou 1974." in page
    assert 'value="Amina &lt;Diallo&gt;"' in page
    assert 'value="31/02/1990"' in page
    assert not Person.objects.for_system("a test").exists()


def test_the_journal_says_who_did_what_from_where(cast: Cast) -> None:
    bruno = cast.bruno()
    consent = cast.agreed(bruno, cast.halte, cast.tilleuls)
    document = cast.paper(bruno)
    driss = cast.client("driss")
    driss.get(reverse("person", args=[bruno.pk]))
    driss.get(reverse("document", args=[document.pk]))
    actions.withdraw(consent, by=cast.claire)
    lines = [(line.who, line.where, line.act) for line in queries.journal(bruno, cast.claire)]
    assert lines == [
        ("Claire Martel", "Halte Exemple", acts.sentence("people.consent.withdrawn")),
        ("Driss Benali", "CHRS Les Tilleuls", "a vu un document"),
        ("Driss Benali", "CHRS Les Tilleuls", "a regardé le dossier"),
        ("Claire Martel", "Halte Exemple", "a ajouté un document"),
        ("Claire Martel", "Halte Exemple", "a recueilli un accord"),
        ("Claire Martel", "Halte Exemple", "a ouvert le dossier"),
    ]


def test_the_journal_names_a_paper_to_those_who_see_it_only(cast: Cast) -> None:
    bruno = cast.bruno()
    cast.agreed(bruno, cast.halte)
    cast.paper(bruno)
    labels = {
        name: {line.about.name for line in queries.journal(bruno, cast.users[name]) if line.about}
        for name in ("claire", "lena", "rachid")
    }
    assert labels == {"claire": {"Carte de Bruno"}, "lena": {"Carte de Bruno"}, "rachid": set()}
    assert (
        "Carte de Bruno"
        not in cast.client("rachid").get(reverse("journal", args=[bruno.pk])).content.decode()
    )


def test_the_journal_of_one_person_tells_nothing_of_another(cast: Cast) -> None:
    bruno = cast.bruno()
    other = actions.open_record(by=cast.claire, structure=cast.halte.pk, name="Zoé")
    assert len(queries.journal(bruno, cast.claire)) == 1
    assert cast.client("driss").get(reverse("journal", args=[other.pk])).status_code == 404


def test_each_look_is_written_and_a_stranger_leaves_no_line(cast: Cast) -> None:
    bruno = cast.bruno()
    for name in ("claire", "driss", "elise", "gaelle", "norbert"):
        cast.client(name).get(reverse("person", args=[bruno.pk]))
    assert list(Entry.objects.filter(act="people.person.seen").values_list("by", flat=True)) == [
        cast.claire.pk
    ]


# --- damage: one text that does not open hides nothing else ---


def _spoilt(row: Person | Consent | Document, column: str) -> None:
    sealed = bytearray(getattr(row, column))
    sealed[-1] ^= 1
    type(row)._base_manager.filter(pk=row.pk).update(**{column: bytes(sealed)})


@pytest.mark.parametrize("column", ["sealed_name", "sealed_birth", "sealed_language"])
def test_a_damaged_field_of_a_person_hides_no_other(cast: Cast, column: str) -> None:
    bruno = cast.bruno()
    _spoilt(bruno, column)
    claire = cast.client("claire")
    page = claire.get(reverse("person", args=[bruno.pk]))
    assert page.status_code == 200
    html = page.content.decode()
    assert "(illisible)" in html or column == "sealed_language"
    assert ("Bruno Lefèvre" in html) == (column != "sealed_name")
    for route in ("journal", "consent-new"):
        assert claire.get(reverse(route, args=[bruno.pk])).status_code == 200


@pytest.mark.parametrize("column", ["sealed_terms", "sealed_signature"])
def test_a_damaged_accord_is_still_a_page_and_can_be_ended(cast: Cast, column: str) -> None:
    consent = cast.agreed(cast.bruno(), cast.halte)
    _spoilt(consent, column)
    claire = cast.client("claire")
    assert claire.get(reverse("consent", args=[consent.pk])).status_code == 200
    assert claire.post(reverse("consent-end", args=[consent.pk])).status_code == 302


def test_a_damaged_title_hides_no_other_paper(cast: Cast) -> None:
    bruno = cast.bruno()
    cast.agreed(bruno, cast.halte)
    damaged, _whole = cast.paper(bruno), cast.paper(bruno)
    _spoilt(damaged, "sealed_title")
    page = cast.client("claire").get(reverse("person", args=[bruno.pk])).content.decode()
    assert "(illisible)" in page
    assert "Carte de Bruno" in page
    assert cast.client("claire").get(reverse("document", args=[damaged.pk])).status_code == 200


# --- erasure ---


@pytest.fixture
def erased(cast: Cast) -> tuple[Person, Person, Callable[[], bytes]]:
    """Bruno, erased; Zoé, who has as much; and what lay of Bruno before."""
    bruno = cast.bruno()
    zoe = actions.open_record(by=cast.claire, structure=cast.halte.pk, name="Zoé", birth="1980")
    for person in (bruno, zoe):
        cast.agreed(person, cast.halte, cast.tilleuls)
        cast.paper(person)
    before = {path: path.read_bytes() for path in files_at_rest()}
    done = actions.erase(bruno.pk)
    assert done
    assert (done.counts["people.person"], done.counts["vault.version"]) == (1, 1)
    assert len(before) - len(files_at_rest()) == 1
    return bruno, zoe, stolen


type Erased = tuple[Person, Person, Callable[[], bytes]]


def test_nothing_of_somebody_erased_stays_but_the_journal(cast: Cast, erased: Erased) -> None:
    bruno, _zoe, _stolen = erased
    assert not Person.objects.for_system("a test").filter(pk=bruno.pk).exists()
    for rows in (
        Document.objects.for_system("a test").filter(person=bruno.pk),
        Version.objects.filter(document__person=bruno.pk),
        Consent.objects.filter(person=bruno.pk),
        Accompaniment.objects.filter(person=bruno.pk),
        WorkItem.objects.filter(person=bruno.pk),
    ):
        assert not rows.exists()
    assert Entry.objects.filter(person=bruno.pk).exists()
    assert all(rows == [] for model, rows in shredding.export_all(bruno.pk).items() if model != "audit.entry")


def test_the_other_person_is_intact(cast: Cast, erased: Erased) -> None:
    _bruno, zoe, _stolen = erased
    claire = cast.client("claire")
    page = claire.get(reverse("person", args=[zoe.pk])).content.decode()
    assert "Zoé" in page
    assert "Carte de Bruno" in page
    document = Document.objects.visible_to(cast.claire).get()
    original: Any = claire.get(reverse("document-original", args=[document.pk]))
    assert b"".join(original.streaming_content)[:3] == b"\xff\xd8\xff"
    export = shredding.export_all(zoe.pk)
    assert export["people.person"] == [{"name": "Zoé", "birth": "1980", "language": ""}]
    assert export["vault.document"][0]["title"] == "Carte de Bruno"
    assert len(export["people.consent"]) == 1


def test_the_keys_of_somebody_erased_never_exist_again(cast: Cast, erased: Erased) -> None:
    bruno, _zoe, _stolen = erased
    with pytest.raises(SubjectErased):
        sealing.keeper().create(bruno.pk)
    with pytest.raises(SubjectErased):
        sealing.keeper().seal_key(bruno.pk, "shared")
    with pytest.raises(SubjectErased):
        sealing.seal(bruno, by=cast.claire.actor, name="Bruno")


def test_an_old_row_put_back_opens_nothing(cast: Cast, erased: Erased) -> None:
    bruno, zoe, _stolen = erased
    Person.objects.bulk_create([bruno])
    Accompaniment.objects.create(person=bruno, structure=cast.halte)
    names = {person.pk: str(person.name) for person in queries.search(cast.claire).people}
    assert names == {bruno.pk: "(illisible)", zoe.pk: "Zoé"}


def test_erasing_again_is_no_fault(cast: Cast, erased: Erased) -> None:
    assert actions.erase(erased[0].pk) is None


def test_the_journal_names_the_structure_that_accompanies(cast: Cast) -> None:
    bruno = cast.bruno()
    organisations.join(cast.claire, cast.escale, Role.PROFESSIONAL, by=None)
    Membership.objects.filter(user=cast.claire, structure=cast.escale).update(since="2020-01-01T00:00:00Z")
    cast.client("claire").get(reverse("person", args=[bruno.pk]))
    seen = Entry.objects.get(act="people.person.seen", by=cast.claire.pk)
    assert seen.structure == cast.halte.pk
