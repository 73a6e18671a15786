"""A paper's pages: made once whatever is killed, shown to those who may, and never as garbage."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from havre.core import sealing
from havre.core.container import ContainerDamaged
from havre.core.keeper_client import KeeperRefused
from havre.inbox.models import WorkItem
from havre.people.models import Person
from havre.reading.readings import ReadingAbsent
from havre.vault import actions, files, kinds, tasks
from havre.vault.models import Document, Pages, Part, Version
from tests import cast as stage
from tests.accounts.stagehands import keeper_absent
from tests.cast import Cast
from tests.reading import samples
from tests.vault.papers import cut, flip, folder, version_of

pytestmark = pytest.mark.django_db

PDF = samples.pdf_of_pages(3)


def make_pages(document: Document) -> str:
    return str(tasks.make_pages.call(str(version_of(document).pk)))


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


@pytest.mark.usefixtures("reader")
def test_pages_are_made_once(cast: Cast, bruno: Person) -> None:
    document = cast.paper(bruno, PDF)
    assert make_pages(document) == "ready"
    before = {path.name: path.read_bytes() for path in folder(document).iterdir()}
    assert set(before) == {"original", *(f"{kind}-{n}" for kind in ("page", "thumb") for n in (1, 2, 3))}
    version = version_of(document)
    assert (version.page_count, version.shown_pages, version.problem) == (3, 3, "")
    assert version.claimed_at is None
    assert make_pages(document) == "not mine"
    assert {path.name: path.read_bytes() for path in folder(document).iterdir()} == before


@pytest.mark.usefixtures("reader")
def test_two_workers_do_not_make_the_same_pages(cast: Cast, bruno: Person) -> None:
    document = cast.paper(bruno)
    Version.objects.update(claimed_at=timezone.now())
    assert make_pages(document) == "not mine"
    Version.objects.update(claimed_at=timezone.now() - tasks.CLAIM - timedelta(seconds=1))
    assert make_pages(document) == "ready"


@pytest.mark.usefixtures("reader")
def test_a_worker_killed_between_two_pages_is_followed_by_another(
    cast: Cast, bruno: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = cast.paper(bruno, PDF)
    write = files.write
    written: list[str] = []

    def killed(version: Version, name: str, *rest: Any) -> None:
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(name)
        write(version, name, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            make_pages(document)
    assert version_of(document).pages == Pages.WAITING
    asked: list[str] = []
    monkeypatch.setattr(tasks, "enqueue", asked.append)
    assert tasks.resume_forgotten() == 0, "its claim still holds"
    Version.objects.update(claimed_at=timezone.now() - tasks.CLAIM - timedelta(seconds=1))
    assert tasks.resume_forgotten() == 1
    assert asked == [str(version_of(document).pk)]
    assert make_pages(document) == "ready"
    assert version_of(document).shown_pages == 3


def test_a_paper_that_no_worker_ever_heard_of_is_asked_again(
    cast: Cast, bruno: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.paper(bruno)
    asked: list[str] = []
    monkeypatch.setattr(tasks, "enqueue", asked.append)
    assert tasks.resume_forgotten() == 0, "it has just been brought"
    Version.objects.update(created_at=timezone.now() - tasks.CLAIM - timedelta(seconds=1))
    assert tasks.resume_forgotten() == 1
    Version.objects.update(pages=Pages.READY)
    assert tasks.resume_forgotten() == 0


def test_without_the_reading_server_a_paper_waits_and_says_so(
    cast: Cast, bruno: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    document = cast.paper(bruno)
    monkeypatch.setattr(settings, "READING_SOCKET", tmp_path / "none.sock")
    with pytest.raises(ReadingAbsent):
        make_pages(document)
    page = cast.client("claire").get(reverse("document", args=[document.pk])).content.decode()
    assert "Les pages arrivent dans un instant. Vous pouvez continuer\u202f: le document est gardé." in page
    assert f'<a href="{reverse("person", args=[bruno.pk])}">Retour au dossier</a>' in page


def test_a_paper_whose_original_is_damaged_does_not_wait_for_ever(cast: Cast, bruno: Person) -> None:
    document = cast.paper(bruno)
    flip(folder(document) / "original", 100)
    make_pages(document)
    assert version_of(document).pages == Pages.NONE


def test_while_pages_are_made_the_page_looks_again_by_itself(cast: Cast, bruno: Person) -> None:
    document = cast.paper(bruno)
    claire, address = cast.client("claire"), reverse("document", args=[document.pk])
    whole = claire.get(address).content.decode()
    assert '<meta http-equiv="refresh"' in whole
    assert 'hx-trigger="every 1s"' in whole
    assert f'hx-get="{address}"' in whole
    nothing_new = claire.get(address, headers={"HX-Request": "true"})
    assert (nothing_new.status_code, nothing_new.content) == (204, b""), "the page stays, and asks again"
    Version.objects.update(pages=Pages.READY, shown_pages=1, page_count=1)
    arrived = claire.get(address, headers={"HX-Request": "true"})
    part = arrived.content.decode()
    assert arrived.status_code == 200
    assert "data-announce>Les pages sont là.</p>" in part
    assert "hx-trigger" not in part
    assert "<html" not in part
    assert "Les pages sont là." not in claire.get(address).content.decode(), "only when they have just come"


# --- reading them ---


def test_the_pages_and_the_small_ones_are_pictures(cast: Cast, drawn: Document) -> None:
    for route, name in (("document-page", "page-1"), ("document-thumb", "thumb-1")):
        for reader in ("claire", "lena", "driss"):
            answer = cast.client(reader).get(reverse(route, args=[drawn.pk, 1]))
            assert answer["Content-Type"] == "image/jpeg"
            assert body(answer) == stage.photo(name)
            assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("number", [0, 2, 999, 10**30])
def test_a_page_that_is_not_there_is_nowhere(cast: Cast, drawn: Document, number: int) -> None:
    for route in ("document-page", "document-thumb"):
        assert cast.client("claire").get(reverse(route, args=[drawn.pk, number])).status_code == 404


def test_the_original_is_given_to_keep_and_never_run_here(cast: Cast, bruno: Person) -> None:
    document = cast.paper(bruno, PDF)
    answer = cast.client("claire").get(reverse("document-original", args=[document.pk]))
    assert body(answer) == PDF
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"].startswith('attachment; filename="document-')
    assert answer["Content-Disposition"].endswith('.pdf"')
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "Bruno" not in answer["Content-Disposition"], "a shared computer keeps no name"


@pytest.mark.parametrize("route", ["document", "document-print", "document-original", "document-page"])
def test_without_the_keeper_a_paper_stays_shut(cast: Cast, drawn: Document, route: str) -> None:
    claire, more = cast.client("claire"), [1] if route == "document-page" else []
    address = reverse(route, args=[drawn.pk, *more])
    with keeper_absent():
        assert claire.get(address).status_code == 503
    assert claire.get(address).status_code == 200


def test_printing_a_paper_that_waits_goes_back_to_it(cast: Cast, bruno: Person) -> None:
    document = cast.paper(bruno)
    answer = cast.client("claire").get(reverse("document-print", args=[document.pk]))
    assert answer["Location"] == reverse("document", args=[document.pk])


# --- the private part ---


def test_the_private_part_is_shown_to_no_professional(cast: Cast, drawn: Document) -> None:
    Document.objects.for_system("a test").update(part=Part.PRIVATE)
    for name, user in cast.users.items():
        assert not Document.objects.visible_to(user).exists()
        browser = cast.client(name)
        for route, more in (("document", []), ("document-original", []), ("document-page", [1])):
            assert browser.get(reverse(route, args=[drawn.pk, *more])).status_code == 404
    assert (
        "Carte de Bruno"
        not in cast.client("claire").get(reverse("person", args=[drawn.person_id])).content.decode()
    )


def test_the_keeper_opens_no_private_key_for_a_professional(cast: Cast, bruno: Person) -> None:
    _dek, wrapped = sealing.keeper().seal_key(bruno.pk, Part.PRIVATE)
    for part in (Part.PRIVATE, Part.SHARED):
        with pytest.raises(KeeperRefused):
            sealing.keeper().open_key(bruno.pk, part, wrapped, cast.claire.actor, "see")


# --- what somebody altered ---


@pytest.mark.parametrize("alter", [flip, cut])
@pytest.mark.parametrize("at", [0, 30, 57, -1])
def test_an_altered_paper_gives_a_fault_and_no_byte(
    cast: Cast, drawn: Document, alter: Callable[[Path, int], None], at: int
) -> None:
    browser = cast.client("claire")
    browser.raise_request_exception = False
    for route, name, more in (("document-page", "page-1", [1]), ("document-original", "original", [])):
        alter(folder(drawn) / name, at)
        answer = browser.get(reverse(route, args=[drawn.pk, *more]))
        assert answer.status_code == 410
        assert b"\xff\xd8\xff" not in answer.content


@pytest.mark.parametrize(
    ("first", "second"), [("original", "original"), ("page-1", "page-1"), ("page-1", "thumb-1")]
)
def test_papers_that_changed_places_are_detected(
    cast: Cast, bruno: Person, drawn: Document, first: str, second: str
) -> None:
    other = drawn if first != second else cast.paper(bruno)
    source, target = folder(drawn) / first, folder(other) / second
    target.write_bytes(source.read_bytes())
    version = version_of(other)
    dek = files.open_key(version, by=cast.claire.actor, purpose="see")
    with pytest.raises(ContainerDamaged):
        files.read(version, second, dek)


def test_keys_that_changed_places_open_nothing(cast: Cast, bruno: Person, drawn: Document) -> None:
    other = version_of(cast.paper(bruno))
    Version.objects.filter(pk=other.pk).update(wrapped_key=bytes(version_of(drawn).wrapped_key))
    stolen = version_of(other.document)
    dek = files.open_key(stolen, by=cast.claire.actor, purpose="see")
    with pytest.raises(ContainerDamaged):
        files.read(stolen, "original", dek)


def test_a_paper_moved_to_another_person_opens_nothing(cast: Cast, drawn: Document) -> None:
    other = cast.bruno()
    cast.agreed(other, cast.halte)
    Document.objects.for_system("a test").filter(pk=drawn.pk).update(person=other)
    with pytest.raises(KeeperRefused):
        files.open_key(version_of(drawn), by=cast.claire.actor, purpose="see")


# --- words ---


def test_a_paper_that_cannot_be_shown_is_asked_again_of_those_who_brought_it(
    cast: Cast, bruno: Person
) -> None:
    document = cast.paper(bruno)
    WorkItem.objects.all().delete()
    tasks._finish(version_of(document), 0, 0, "broken")
    item = WorkItem.objects.get()
    assert (item.kind, item.structure, item.object_id) == (
        "vault.document.unreadable",
        cast.halte.pk,
        document.pk,
    )


def test_a_discreet_kind_is_not_named_in_lists(cast: Cast, bruno: Person) -> None:
    actions.add_document(
        bruno,
        stage.arrived(stage.photo(), cast.claire),
        by=cast.claire,
        kind="health-paper",
        title="Ordonnance de mars",
    )
    page = cast.client("claire").get(reverse("person", args=[bruno.pk])).content.decode()
    assert "Ordonnance" not in page
    assert "Autre document" in page


def test_a_kind_from_a_newer_house_is_another_document() -> None:
    assert kinds.get("from-the-future").code == "other"
    unknown, *families = kinds.choices()
    assert (unknown[0], str(unknown[1])) == ("", "Je ne sais pas")
    assert len(kinds.BY_CODE) == len(kinds.KINDS) == sum(len(some) for _family, some in families)
