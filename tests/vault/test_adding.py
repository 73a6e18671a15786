"""Bringing a paper through the page: what is refused, what is kept, and that nothing typed or sent is lost."""

from __future__ import annotations

import errno
import io
import os
import re
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError, transaction
from django.test import Client
from django.urls import reverse
from PIL import Image

from havre.accounts.views import keeper_sentence
from havre.audit.models import Entry
from havre.core import arrivals, container, sealing
from havre.people.models import Person
from havre.vault import actions, files, problems, tasks
from havre.vault.forms import _refusal
from havre.vault.models import Document, Version
from tests import cast as stage
from tests.accounts.stagehands import files_at_rest, keeper_absent, stolen
from tests.cast import Cast
from tests.reading import samples

pytestmark = pytest.mark.django_db

NO_FILE = "Prenez une photo, ou choisissez un fichier."
TYPED = {"kind": "payslip", "title": "Bulletin de mai <à relire>"}


def animated(form: str) -> bytes:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, form, save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


def address(person: Person) -> str:
    return reverse("document-new", args=[person.pk])


def send(
    browser: Client, person: Person, data: bytes | None = None, name: str = "x.jpg", **typed: Any
) -> Any:
    paper = {} if data is None else {"paper": stage.upload(data, name)}
    return browser.post(address(person), TYPED | typed | paper)


def kept(answer: Any) -> bool:
    """Whether the page keeps the file that was sent, and does not ask for it again."""
    token, page = answer.context["waiting"], answer.content.decode()
    asked = 'type="file"' in page
    assert bool(token) is not asked
    return bool(token) and f'name="arrival" value="{token}"' in page


def nothing_added() -> bool:
    return not Document.objects.for_system("a test").exists() and not Version.objects.exists()


def debris() -> list[Path]:
    """What lies under the blobs: files, and folders of papers."""
    return [path for path in Path(settings.BLOBS).glob("*/*") if not path.name.startswith(".")]


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "photo.jpg", "empty"),
        (b"Bonjour, je suis un texte.\n" * 40, "lettre.txt", "unknown"),
        (b"MZ\x90\x00" + bytes(4000), "photo.jpg", "unknown"),
        (b"<!doctype html><script>alert(1)</script>" + b" " * 2000, "papier.pdf", "unknown"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>", "papier.png", "unknown"),
        (b"PK\x03\x04" + bytes(500), "papier.docx", "unknown"),
        (b"GIF89a" + bytes(500), "photo.gif", "unknown"),
        (animated("WEBP"), "photo.webp", "unknown"),
        (animated("PNG"), "photo.png", "unknown"),
        (b"\xff", "photo.jpg", "unknown"),
    ],
    ids=[
        "empty",
        "text",
        "program",
        "page",
        "drawing",
        "office",
        "gif",
        "moving webp",
        "moving png",
        "one byte",
    ],
)
def test_a_file_that_is_no_paper_is_refused_in_one_sentence(
    cast: Cast, bruno: Person, data: bytes, name: str, code: str
) -> None:
    answer = send(cast.client("claire"), bruno, data, name)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert _refusal(code) in page
    assert 'value="Bulletin de mai &lt;à relire&gt;"' in page
    assert '<option value="payslip" selected>' in page
    assert not kept(answer)
    assert nothing_added()
    assert files_at_rest() == [], "a refused file does not stay"


def test_a_file_too_big_is_refused_and_does_not_stay(
    cast: Cast, bruno: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "UPLOAD_BYTES", 1_000_000)
    answer = send(cast.client("claire"), bruno, stage.photo() + bytes(1_000_000))
    assert answer.status_code == 422
    assert "1 Mo" in _refusal("too_big")
    assert _refusal("too_big") in answer.content.decode()
    assert files_at_rest() == []
    exactly = stage.photo()
    monkeypatch.setattr(settings, "UPLOAD_BYTES", len(exactly))
    assert send(cast.client("claire"), bruno, exactly).status_code == 302


@pytest.mark.parametrize(
    "typed", [{}, {"arrival": ""}, {"arrival": "x"}, {"arrival": "é" * 150}, {"arrival": "A" * 64}]
)
def test_without_a_file_the_page_asks_for_one(cast: Cast, bruno: Person, typed: dict[str, Any]) -> None:
    answer = send(cast.client("claire"), bruno, **typed)
    assert answer.status_code == 422
    assert NO_FILE in answer.content.decode()
    assert 'value="Bulletin de mai &lt;à relire&gt;"' in answer.content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "made-up"},
        {"title": "x" * 101},
        {"kind": "", "title": "x" * 101},
        {"kind": "made-up", "title": "x" * 101},
    ],
)
def test_a_good_file_beside_a_wrong_field_is_kept_and_not_chosen_again(
    cast: Cast, bruno: Person, wrong: dict[str, str]
) -> None:
    claire = cast.client("claire")
    answer = send(claire, bruno, stage.photo(), **wrong)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert kept(answer)
    assert len(files_at_rest()) == 1
    token = answer.context["waiting"]
    assert f'name="arrival" value="{token}"' in page
    again = send(claire, bruno, arrival=token)
    assert again.status_code == 302
    assert Document.objects.visible_to(cast.claire).count() == 1
    assert not list(Path(settings.ARRIVALS).glob("*")), "the file has left the waiting room"


def test_a_file_that_waits_stays_through_several_mistakes(cast: Cast, bruno: Person) -> None:
    claire = cast.client("claire")
    token = send(claire, bruno, stage.photo(), kind="made-up").context["waiting"]
    for _mistake in range(3):
        answer = send(claire, bruno, arrival=token, kind="made-up")
        assert answer.context["waiting"] == token
    assert len(files_at_rest()) == 1


def test_a_file_that_waits_is_nobody_elses(cast: Cast, bruno: Person) -> None:
    token = send(cast.client("claire"), bruno, stage.photo(), kind="made-up").context["waiting"]
    answer = send(cast.client("driss"), bruno, arrival=token)
    assert answer.status_code == 422
    assert NO_FILE in answer.content.decode()
    assert token not in answer.content.decode()
    assert nothing_added()
    assert send(cast.client("claire"), bruno, arrival=token).status_code == 302


def test_a_token_serves_once(cast: Cast, bruno: Person) -> None:
    claire = cast.client("claire")
    token = send(claire, bruno, stage.photo(), kind="made-up").context["waiting"]
    assert send(claire, bruno, arrival=token).status_code == 302
    assert send(claire, bruno, arrival=token).status_code == 422
    assert Document.objects.visible_to(cast.claire).count() == 1


@pytest.mark.parametrize("typed", [{"kind": ""}, {"kind": None}, {"kind": "other"}])
def test_who_does_not_know_the_kind_chooses_none(
    cast: Cast, bruno: Person, typed: dict[str, str | None]
) -> None:
    sent = {name: value for name, value in (TYPED | typed).items() if value is not None}
    claire = cast.client("claire")
    added = claire.post(address(bruno), sent | {"paper": stage.upload(stage.photo())})
    document = Document.objects.visible_to(cast.claire).get()
    assert added["Location"] == reverse("document", args=[document.pk])
    sealing.unseal([document], "kind", by=cast.claire.actor, purpose="test")
    assert document.kind == "other"


def test_no_kind_is_chosen_beforehand(cast: Cast, bruno: Person) -> None:
    page = cast.client("claire").get(address(bruno)).content.decode()
    first, *_others = re.findall(r'<option value="([^"]*)"( selected)?>\s*([^<]*)', page)
    assert (first[0], first[2].strip()) == ("", "Je ne sais pas")
    chosen = re.findall(r'<option value="([^"]*)" selected', page)
    assert chosen in ([], [""])


def test_a_paper_added_lies_sealed_and_is_written_in_the_journal(cast: Cast, bruno: Person) -> None:
    photo = stage.photo()
    added = send(cast.client("claire"), bruno, photo, "carte-de-bruno.jpg")
    document = Document.objects.visible_to(cast.claire).get()
    assert added["Location"] == reverse("document", args=[document.pk])
    taken = stolen()
    for clear in (photo[:64], photo[-64:], b"Bulletin", b"payslip", b"carte-de-bruno"):
        assert clear not in taken
    entry = Entry.objects.get(act="vault.document.added")
    assert (entry.by, entry.structure, entry.person) == (cast.claire.pk, cast.halte.pk, bruno.pk)


@pytest.mark.parametrize("name", ["rachid", "lena", "gaelle", "violette", "elise", "odile", "norbert"])
def test_papers_are_brought_by_professionals_who_were_named(cast: Cast, bruno: Person, name: str) -> None:
    browser = cast.client(name)
    assert browser.get(address(bruno)).status_code == 404
    assert send(browser, bruno, stage.photo()).status_code == 404
    with pytest.raises(PermissionDenied):
        actions.add_document(
            bruno, stage.arrived(stage.photo(), cast.claire), by=cast.users[name], kind="other"
        )
    assert nothing_added()


def test_what_a_stranger_sends_is_not_kept_on_the_disk(cast: Cast, bruno: Person) -> None:
    for path in (address(bruno), reverse("sign-in"), "/"):
        Client().post(path, TYPED | {"paper": stage.upload(stage.photo())})
    assert files_at_rest() == []


def test_what_nobody_claims_goes_after_a_day(cast: Cast, bruno: Person) -> None:
    claire = cast.client("claire")
    old, fresh = (send(claire, bruno, stage.photo(), kind="made-up").context["waiting"] for _one in range(2))
    arrival = arrivals.claimed(old, owner=cast.claire.pk)
    assert arrival is not None
    os.utime(arrival.path, (time.time() - arrivals.KEPT - 60,) * 2)
    assert arrivals.purge() == 1
    assert arrivals.claimed(old, owner=cast.claire.pk) is None
    assert arrivals.claimed(fresh, owner=cast.claire.pk) is not None
    answer = send(claire, bruno, arrival=old)
    assert answer.status_code == 422
    assert NO_FILE in answer.content.decode()


# --- faults that pass ---


def test_without_the_keeper_the_form_and_the_file_wait_then_the_same_form_succeeds(
    cast: Cast, bruno: Person
) -> None:
    claire = cast.client("claire")
    with keeper_absent():
        answer = send(claire, bruno, stage.photo())
    page = answer.content.decode()
    assert answer.status_code == 503
    assert keeper_sentence() in page
    assert 'value="Bulletin de mai &lt;à relire&gt;"' in page
    assert kept(answer)
    assert nothing_added()
    assert debris() == []
    assert send(claire, bruno, arrival=answer.context["waiting"]).status_code == 302


def _full(*_arguments: object, **_options: object) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("where", ["container.seal_to", "os.fsync", "Path.mkdir"])
def test_a_full_disk_is_said_in_one_sentence_and_leaves_no_debris(
    cast: Cast, bruno: Person, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    claire = cast.client("claire")
    token = send(claire, bruno, stage.photo(), kind="made-up").context["waiting"]
    with monkeypatch.context() as broken:
        owner = {"container": container, "os": os, "Path": Path}[where.partition(".")[0]]
        broken.setattr(owner, where.partition(".")[2], _full)
        answer = send(claire, bruno, arrival=token)
    page = answer.content.decode()
    assert answer.status_code == 503
    assert "Il n’y a plus de place sur le disque. Prévenez la personne qui gère Havre." in page
    assert kept(answer)
    assert nothing_added()
    assert debris() == []
    assert send(claire, bruno, arrival=token).status_code == 302


@pytest.mark.parametrize("when", ["at the header", "in the middle", "at the end"])
def test_a_disk_that_fills_while_a_file_arrives_keeps_what_was_typed(
    cast: Cast, bruno: Person, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    claire = cast.client("claire")
    claire.raise_request_exception = False
    step = {"at the header": "__init__", "in the middle": "write", "at the end": "finish"}[when]
    monkeypatch.setattr(container.Sealer, step, _full)
    answer = send(claire, bruno, stage.photo())
    page = answer.content.decode()
    assert answer.status_code in (422, 503, 507)
    assert "plus de place" in page
    assert 'value="Bulletin de mai &lt;à relire&gt;"' in page
    assert files_at_rest() == []


def test_a_disk_that_fills_is_explained_when_the_form_s_token_is_looked_at_first(
    cast: Cast, bruno: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    claire = Client(enforce_csrf_checks=True, raise_request_exception=False)
    claire.force_login(cast.claire, backend="havre.accounts.backend.Backend")
    token = claire.get(address(bruno)).context["csrf_token"]
    monkeypatch.setattr(container.Sealer, "finish", _full)
    answer = send(claire, bruno, stage.photo(), csrfmiddlewaretoken=str(token))
    assert answer.status_code in (422, 503, 507)
    assert "plus de place" in answer.content.decode()


def _locked(*_arguments: object, **_options: object) -> Any:
    raise OperationalError("database is locked")


@pytest.mark.parametrize("owner", [Document, Version], ids=["document", "version"])
def test_a_busy_database_is_said_in_one_sentence_and_leaves_no_debris(
    cast: Cast, bruno: Person, owner: Any
) -> None:
    claire = cast.client("claire")
    with patch.object(owner, "save", _locked):
        answer = send(claire, bruno, stage.photo())
    page = answer.content.decode()
    assert answer.status_code == 503
    assert "La base est occupée. Votre fichier est gardé ici. Essayez encore." in page
    assert kept(answer)
    assert nothing_added()
    assert debris() == []
    assert send(claire, bruno, arrival=answer.context["waiting"]).status_code == 302


def test_any_other_fault_of_the_database_takes_the_blob_away(cast: Cast, bruno: Person) -> None:
    arrival = stage.arrived(stage.photo(), cast.claire)
    with patch.object(Version, "save", side_effect=RuntimeError), pytest.raises(RuntimeError):
        actions.add_document(bruno, arrival, by=cast.claire, kind="other")
    assert nothing_added()
    assert debris() == []
    assert arrival.path.exists(), "the file still waits"


@pytest.mark.django_db(transaction=True)
def test_a_paper_that_is_written_keeps_its_blob_when_the_queue_is_busy(
    cast: Cast, bruno: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "enqueue", _locked)
    send(cast.client("claire"), bruno, stage.photo())
    versions = Version.objects.select_related("document")
    assert len(versions) == len(debris())
    for version in versions:
        dek = files.open_key(version, by=cast.claire.actor, purpose="see")
        assert b"".join(files.read(version, "original", dek)) == stage.photo()


# --- taken, and kept for a better day ---


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (samples.encrypted_pdf(opens_without_password=False), "encrypted"),
        (samples.pdf_of_pages(2)[:200], "broken"),
        (stage.photo()[:300], "broken"),
        (samples.pdf_of_pages(0), "empty"),
        (samples.pdf_bomb(), "too_heavy"),
        (samples.png_claiming(60_000, 60_000), "too_large"),
    ],
    ids=["encrypted", "truncated pdf", "truncated photo", "no page", "bomb", "huge picture"],
)
@pytest.mark.usefixtures("reader")
def test_a_paper_that_cannot_be_shown_is_kept_and_says_why(
    cast: Cast, bruno: Person, data: bytes, problem: str
) -> None:
    claire = cast.client("claire")
    added = send(claire, bruno, data, "papier.pdf")
    assert added.status_code == 302
    version = Version.objects.get()
    tasks.make_pages.call(str(version.pk))
    version.refresh_from_db()
    assert (version.pages, version.problem, version.shown_pages) == ("none", problem, 0)
    assert problems.sentence(problem) in claire.get(added["Location"]).content.decode()
    assert reverse("document", args=[version.document_id]) in claire.get(reverse("pro")).content.decode()
    original: Any = claire.get(reverse("document-original", args=[version.document_id]))
    assert b"".join(original.streaming_content) == data, "as it was brought"


@pytest.mark.parametrize("name", ["violette", "claire"])
def test_files_sent_to_a_page_that_takes_none_are_not_kept(cast: Cast, bruno: Person, name: str) -> None:
    before = debris()
    cast.client(name).post(reverse("pro"), {"paper": stage.upload(stage.photo())})
    assert debris() == before


def test_one_file_makes_one_paper_however_often_it_is_sent(
    cast: Cast, bruno: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = actions.add_document(
        bruno, stage.arrived(stage.photo(), cast.claire), by=cast.claire, kind="other"
    )
    monkeypatch.setattr(
        stage, "uuid7", lambda: first.pk
    )  # a twin post that had read the file before it was claimed
    with pytest.raises(IntegrityError), transaction.atomic():
        actions.add_document(bruno, stage.arrived(stage.photo(), cast.claire), by=cast.claire, kind="other")
    assert list(Document.objects.for_system("a test").values_list("pk", flat=True)) == [first.pk]
