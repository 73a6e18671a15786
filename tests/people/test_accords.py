"""An accord from its preparation to its receipt, through the pages."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pypdfium2
import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from havre.audit.models import Entry
from havre.core import sealing
from havre.inbox import actions as inbox
from havre.inbox import queries as todo
from havre.inbox.models import WorkItem
from havre.organisations import actions as organisations
from havre.organisations.models import Structure
from havre.people import actions, tasks, terms
from havre.people.models import Consent, Means, Person
from tests import cast as stage
from tests.accounts.stagehands import keeper_absent, stolen
from tests.cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def bruno(cast: Cast) -> Person:
    return cast.bruno()


def ask(cast: Cast, *structures: Structure, language: str = "fr", **more: Any) -> dict[str, Any]:
    chosen = [str(structure.pk) for structure in structures]
    return {"structures": chosen, "duration": "365", "language": language} | more


def sign_page(person: Person, query: dict[str, Any]) -> str:
    return reverse("consent-sign", args=[person.pk], query=query)


def test_an_accord_is_prepared_read_in_its_language_and_signed(cast: Cast, bruno: Person) -> None:
    claire = cast.client("claire")
    form = claire.get(reverse("consent-new", args=[bruno.pk])).content.decode()
    assert re.search(rf'value="{cast.halte.pk}"[^>]*checked', form), "one's own structure is ticked"
    prepared = claire.post(
        reverse("consent-new", args=[bruno.pk]),
        ask(cast, cast.halte, cast.tilleuls, language="ar", with_interpreter="on"),
    )
    page = claire.get(prepared["Location"]).content.decode()
    assert '<html lang="ar" dir="rtl">' in page
    assert "CHRS Les Tilleuls" in page
    signed = claire.post(prepared["Location"], {"strokes": stage.SIGNATURE})
    consent = Consent.objects.get()
    assert signed["Location"] == reverse("consent-thanks", args=[consent.pk])
    assert (consent.means, consent.with_interpreter) == (Means.SIGNATURE, True)
    thanks = claire.get(signed["Location"]).content.decode()
    assert '<html lang="ar" dir="rtl">' in thanks, "the person still holds the screen"
    onward = reverse("consent", args=[consent.pk])
    assert leads(thanks) == {onward}
    kept = claire.get(onward).content.decode()
    assert '<html lang="fr" dir="ltr">' in kept
    assert "M100 500 L300 300" in kept
    assert consent.receipt[:16] not in kept, "its hash is for the receipt alone"
    assert WorkItem.objects.get().structure == cast.tilleuls.pk


def leads(page: str) -> set[str]:
    """Where the links of a page lead, but for its own parts and the files of the house."""
    found = re.findall(r'<a\b[^>]*href="([^"#]+)"', page)
    return set(found)


@pytest.mark.parametrize("name", ["claire", "driss", "rachid", "lena"])
def test_after_yes_the_screen_is_given_back(cast: Cast, bruno: Person, name: str) -> None:
    consent = cast.agreed(bruno, cast.halte, cast.tilleuls)
    page = cast.client(name).get(reverse("consent-thanks", args=[consent.pk])).content.decode()
    assert '<html lang="fr" dir="ltr">' in page
    assert "<h1>Merci</h1>" in page
    assert "Votre accord est enregistré. Vous pouvez l’arrêter quand vous voulez." in page
    assert f"Rendez l’écran à <bdi>{cast.users[name].name}</bdi>." in page
    assert "Bruno" not in page
    assert leads(page) == {reverse("consent", args=[consent.pk])}, "nothing else leads to the Espace pro"


def test_thanks_for_an_accord_whose_words_do_not_open_are_said_in_french(cast: Cast, bruno: Person) -> None:
    consent = cast.agreed(bruno, cast.halte)
    Consent.objects.filter(pk=consent.pk).update(sealed_terms=b"x" * 80)
    answer = cast.client("claire").get(reverse("consent-thanks", args=[consent.pk]))
    assert answer.status_code == 200
    assert '<html lang="fr" dir="ltr">' in answer.content.decode()


@pytest.mark.parametrize(
    ("language", "shown"), [("ar", "ar"), ("en", "en"), ("fr", "fr"), ("xx", "fr"), ("", "fr"), ("<b>", "fr")]
)
def test_after_no_the_screen_is_given_back_and_nothing_is_written(
    cast: Cast, bruno: Person, language: str, shown: str
) -> None:
    before = Entry.objects.count()
    address = reverse("consent-declined", args=[bruno.pk], query={"language": language})
    page = cast.client("claire").get(address).content.decode()
    assert f'<html lang="{shown}"' in page
    assert leads(page) == {reverse("person", args=[bruno.pk])}
    assert "Bruno" not in page
    if shown == "fr":
        assert "<h1>C’est noté</h1>" in page
        assert "Rien n’est ouvert. On vous accueille de la même façon." in page
    assert Entry.objects.count() == before
    assert not Consent.objects.exists()


def test_nothing_about_an_accord_is_chosen_beforehand(cast: Cast) -> None:
    nobody_knows = actions.open_record(by=cast.claire, structure=cast.halte.pk, name="Zoé")
    claire, address = cast.client("claire"), reverse("consent-new", args=[nobody_knows.pk])
    page = claire.get(address).content.decode()
    assert re.findall(r'value="([^"]*)"[^>]*checked', page) == [str(cast.halte.pk)]
    answer = claire.post(address, {"structures": [cast.halte.pk]})
    assert answer.status_code == 422
    assert answer.context["form"].errors == {
        "duration": ["Choisissez une durée avec la personne."],
        "language": ["Choisissez la langue que la personne lit."],
    }
    assert re.findall(r'name="language"[^>]*value="(\w+)"[^>]*checked', page) == []


def test_the_language_that_a_person_speaks_is_proposed_and_no_duration(cast: Cast, bruno: Person) -> None:
    page = cast.client("claire").get(reverse("consent-new", args=[bruno.pk])).content.decode()
    assert re.findall(r'value="([^"]*)"[^>]*checked', page) == [str(cast.halte.pk), "fr"]


def test_an_accord_lies_sealed(cast: Cast, bruno: Person) -> None:
    given = actions.Given([cast.halte], terms.ends("365"), "fr", Means.WRITTEN_NAME, "Bruno le Grand")
    actions.give_consent(bruno, given, by=cast.claire)
    taken = stolen()
    for word in ("Bruno", "Lefèvre", "le Grand", "1974-03-27", "Êtes-vous d’accord"):
        assert word.encode() not in taken


def test_a_name_written_or_a_cross_is_a_signature(cast: Cast, bruno: Person) -> None:
    claire = cast.client("claire")
    for written in ("Bruno", "X", "برونو"):
        signed = claire.post(sign_page(bruno, ask(cast, cast.halte)), {"strokes": "", "written": written})
        (onward,) = leads(claire.get(signed["Location"]).content.decode())
        assert written in claire.get(onward).content.decode()
    assert set(Consent.objects.values_list("means", flat=True)) == {"written-name"}


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"strokes": ""}, "Signez dans le cadre, ou écrivez votre nom."),
        ({"strokes": "", "written": "   "}, "Signez dans le cadre, ou écrivez votre nom."),
        ({"strokes": "[[[1,1]]]"}, "La signature est trop courte. Signez encore une fois."),
        ({"strokes": "<svg onload=x>"}, "La signature est trop courte. Signez encore une fois."),
    ],
)
def test_without_a_signature_nothing_is_recorded(
    cast: Cast, bruno: Person, sent: dict[str, str], sentence: str
) -> None:
    answer = cast.client("claire").post(sign_page(bruno, ask(cast, cast.halte)), sent)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Consent.objects.exists()


def test_no_thanks_records_nothing(cast: Cast, bruno: Person) -> None:
    claire = cast.client("claire")
    page = claire.get(sign_page(bruno, ask(cast, cast.halte, cast.tilleuls))).content.decode()
    (refuse,) = re.findall(r'<a class="button" href="([^"]+)">(?:(?!</a>).)*Non merci', page)
    assert refuse == reverse("consent-declined", args=[bruno.pk], query={"language": "fr"})
    before = Entry.objects.count()
    (onward,) = leads(claire.get(refuse).content.decode())
    assert Entry.objects.count() == before
    assert claire.get(onward).status_code == 200
    assert not Consent.objects.exists()
    assert not WorkItem.objects.exists()
    assert list(Entry.objects.values_list("act", flat=True).order_by("id"))[before:] == ["people.person.seen"]


def test_what_is_missing_is_said_and_what_was_chosen_stays(cast: Cast, bruno: Person) -> None:
    sent = {"duration": "31", "language": "ar"}
    answer = cast.client("claire").post(reverse("consent-new", args=[bruno.pk]), sent)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Choisissez au moins une structure." in page
    assert re.search(r'value="31"[^>]*checked', page)
    assert re.search(r'value="ar"[^>]*checked', page)


@pytest.mark.parametrize(
    "query",
    [
        {"duration": "9999"},
        {"structures": ["x"]},
        {"structures": ["00000000-0000-7000-8000-000000000000"]},
        {"language": "xx"},
        {"structures": []},
    ],
)
def test_an_address_made_up_goes_back_to_the_preparation(
    cast: Cast, bruno: Person, query: dict[str, Any]
) -> None:
    made_up = sign_page(bruno, ask(cast, cast.halte) | query)
    for answer in (cast.client("claire").get(made_up), cast.client("claire").post(made_up, {"written": "X"})):
        assert answer["Location"] == reverse("consent-new", args=[bruno.pk])
    assert not Consent.objects.exists()


def test_among_many_structures_one_searches_and_keeps_what_was_chosen(cast: Cast, bruno: Person) -> None:
    for number in range(25):
        organisations.create_structure(f"Foyer numéro {number:02}", "Roubaix" if number % 2 else "Arras")
    claire, address = cast.client("claire"), reverse("consent-new", args=[bruno.pk])
    first = claire.get(address).content.decode()
    assert "Halte Exemple" in first
    assert "Tilleuls" not in first, "not a list of all"
    found = claire.post(
        address,
        ask(cast, cast.tilleuls, language="en") | {"duration": "31", "q": "roubaix", "find": "1"},
    )
    page = found.content.decode()
    assert found.status_code == 200
    assert page.count("Foyer numéro") == 12
    for kept in (str(cast.tilleuls.pk), "31", "en"):
        assert re.search(rf'value="{kept}"[^>]*checked', page)
    roubaix = Structure.objects.get(name="Foyer numéro 01")
    prepared = claire.post(address, ask(cast, cast.tilleuls, roubaix, q="roubaix"))
    assert prepared.status_code == 302
    claire.post(prepared["Location"], {"written": "Bruno"})
    assert {party.structure for party in Consent.objects.get().named.all()} == {cast.tilleuls, roubaix}


def test_a_search_for_a_structure_may_find_nothing_or_be_made_up(cast: Cast, bruno: Person) -> None:
    for number in range(25):
        organisations.create_structure(f"Foyer numéro {number:02}", "Arras")
    claire, address = cast.client("claire"), reverse("consent-new", args=[bruno.pk])
    for sent in ({"q": "zzz"}, {"q": "%"}, {"structures": ["x"]}, {"q": "x" * 101}):
        assert claire.post(address, {"find": "1", "duration": "365"} | sent).status_code == 200


@pytest.mark.parametrize("language", ["fr", "en", "ar"])
def test_the_receipt_holds_the_words_and_the_names(cast: Cast, bruno: Person, language: str) -> None:
    given = actions.Given(
        [cast.halte, cast.tilleuls],
        terms.ends("365"),
        language,
        Means.SIGNATURE,
        stage.SIGNATURE,
        with_interpreter=True,
    )
    consent = actions.give_consent(bruno, given, by=cast.claire)
    answer = cast.client("claire").get(reverse("consent-receipt", args=[consent.pk]))
    assert answer["Content-Type"] == "application/pdf"
    assert b"/MarkInfo" in answer.content or b"/StructTreeRoot" in answer.content, "it is tagged"
    text = text_of(answer.content)
    for word in ("Bruno Lefèvre", "Halte Exemple", "CHRS Les Tilleuls", consent.receipt[:16], "interprète"):
        assert word in text
    for word in ("Personne", "Signé le", "Lieu", "Comment", "Pour arrêter, dites-le à Halte Exemple."):
        assert text.count(word) == 1, "once, in French"
    assert "Dire non ou arrêter ne change rien à votre accueil." in text
    assert text.count("Bruno Lefèvre") == (1 if language == "fr" else 2), "the facts stand in each language"
    assert "Arrêté le" not in text
    actions.withdraw(consent, by=cast.claire)
    again = cast.client("claire").get(reverse("consent-receipt", args=[consent.pk]))
    assert "Arrêté le" in text_of(again.content)


@pytest.mark.parametrize("language", ["fr", "en", "ar"])
def test_the_proof_beside_the_words_is_in_one_language(cast: Cast, bruno: Person, language: str) -> None:
    given = actions.Given(
        [cast.halte], terms.ends("365"), language, Means.SIGNATURE, stage.SIGNATURE, with_interpreter=True
    )
    consent = actions.give_consent(bruno, given, by=cast.claire)
    sealing.unseal([consent.person], "name", by=cast.claire.actor, purpose="test")
    proof = terms.proof(consent, language)
    assert proof["facts"][0][1] == "Bruno Lefèvre"
    assert len(proof["facts"]) == 4
    assert cast.halte.name in proof["stop"]
    assert bool(proof["drafted"]) == (language in ("en", "ar"))
    said = [name for name, _value in proof["facts"]] + [proof["stop"], proof["welcome"]]
    french = terms.proof(consent, "fr")
    spoken = [name for name, _value in french["facts"]] + [french["stop"], french["welcome"]]
    if language != "fr":
        assert not set(said) & set(spoken)
    actions.withdraw(consent, by=cast.claire)
    ended = Consent.objects.select_related("person", "withdrawal").get()
    sealing.unseal([ended.person], "name", by=cast.claire.actor, purpose="test")
    assert len(terms.proof(ended, language)["facts"]) == 5


def text_of(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    assert len(document) == 1
    text: str = document[0].get_textpage().get_text_range()
    return " ".join(text.split())


def test_a_name_written_like_a_program_is_only_text_in_the_receipt(cast: Cast) -> None:
    name = '#read("/etc/passwd") *gras* $x$ \\ "q" <b> </svg>'
    person = actions.open_record(by=cast.claire, structure=cast.halte.pk, name=name)
    given = actions.Given(
        [cast.halte], terms.ends("365"), "fr", Means.WRITTEN_NAME, '#panic("x")\' /> <script>'
    )
    consent = actions.give_consent(person, given, by=cast.claire)
    answer = cast.client("claire").get(reverse("consent-receipt", args=[consent.pk]))
    text = text_of(answer.content)
    assert '#read("/etc/passwd") *gras* $x$' in text
    assert '#panic("x")' in text


# --- an accord that ends soon ---


@pytest.fixture
def ending(cast: Cast) -> Consent:
    """An accord of a year, three weeks before its end."""
    consent = cast.agreed(cast.bruno(), cast.halte, cast.tilleuls)
    inbox.done("people.consent.named", object_id=consent.pk, by=None)
    consent.given_at -= timedelta(days=344)
    consent.until -= timedelta(days=344)
    consent.save()
    return consent


def test_an_accord_that_ends_soon_is_asked_about_once(cast: Cast, ending: Consent) -> None:
    for _hour in range(3):
        tasks.announce_ending_consents()
    items = list(todo.to_do([cast.halte.pk, cast.tilleuls.pk]))
    assert {item.structure for item in items} == {cast.halte.pk, cast.tilleuls.pk}
    assert len(items) == 2
    assert {(item.kind, item.due) for item in items} == {
        ("people.consent.ending", ending.until - timedelta(days=7))
    }


def test_an_item_about_an_end_that_was_done_does_not_come_back(cast: Cast, ending: Consent) -> None:
    tasks.announce_ending_consents()
    item = WorkItem.objects.get(structure=cast.halte.pk, done_at=None)
    inbox.close(item, by=cast.claire.pk)
    tasks.announce_ending_consents()
    assert not todo.to_do([cast.halte.pk]).exists()


def test_an_accord_that_was_renewed_is_not_asked_about(cast: Cast, ending: Consent) -> None:
    cast.agreed(ending.person, cast.halte)
    tasks.announce_ending_consents()
    assert not todo.to_do([cast.halte.pk]).exists()
    assert todo.to_do([cast.tilleuls.pk]).exists(), "the other structure has not renewed its own"


def test_an_accord_for_a_month_or_withdrawn_is_not_asked_about(
    clock: time_machine.Traveller, cast: Cast
) -> None:
    bruno = cast.bruno()
    given = actions.Given([cast.halte], terms.ends("31"), "fr", Means.WRITTEN_NAME, "Bruno")
    actions.give_consent(bruno, given, by=cast.claire)
    clock.shift(timedelta(days=5))
    assert tasks.announce_ending_consents() == 1, "31 days is long enough to ask"
    given = actions.Given([cast.halte], terms.ends("1"), "fr", Means.WRITTEN_NAME, "Bruno")
    short = actions.give_consent(bruno, given, by=cast.claire)
    tasks.announce_ending_consents()
    assert not WorkItem.objects.filter(object_id=short.pk).exists()


def test_what_was_asked_goes_with_the_accord(cast: Cast, ending: Consent) -> None:
    tasks.announce_ending_consents()
    actions.withdraw(ending, by=cast.claire)
    assert not todo.to_do([cast.halte.pk, cast.tilleuls.pk]).exists()
    tasks.announce_ending_consents()
    assert not todo.to_do([cast.halte.pk, cast.tilleuls.pk]).exists()


def test_without_the_keeper_a_signature_is_not_lost_in_silence(cast: Cast, bruno: Person) -> None:
    claire = cast.client("claire")
    with keeper_absent():
        answer = claire.post(sign_page(bruno, ask(cast, cast.halte)), {"strokes": stage.SIGNATURE})
    assert answer.status_code == 503
    assert not Consent.objects.exists()


def test_the_end_that_is_kept_is_the_end_that_was_shown(
    clock: time_machine.Traveller, cast: Cast, bruno: Person
) -> None:
    clock.move_to(datetime(2026, 3, 16, 22, 55, tzinfo=UTC))  # 23:55 in Paris
    address = reverse("consent-sign", args=[bruno.pk])
    query = f"?structures={cast.halte.pk}&duration=1&language=fr"
    claire = cast.client("claire")
    page = claire.get(address + query).content.decode()
    assert "17 mars 2026" in page
    until = re.search(r'name="until" value="([^"]+)"', page)
    assert until
    clock.shift(6 * 60)
    claire.post(address + query, {"strokes": stage.SIGNATURE, "until": until[1]})
    assert timezone.localtime(Consent.objects.get().until).day == 17
    claire.post(address + query, {"strokes": stage.SIGNATURE, "until": "2099-01-01T00:00:00+00:00"})
    assert Consent.objects.latest("given_at").until < timezone.now() + timedelta(days=2), (
        "it cannot be made up"
    )
