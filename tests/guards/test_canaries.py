"""Canaries: a word planted in everything that somebody can tell Havre is found nowhere on the disk, nor in the log.

The whole way is real: pages, keeper, reading server, outbox. The search is proved on a word that lies in clear.
"""

from __future__ import annotations

import base64
import io
import os
import random
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from functools import cache
from pathlib import Path
from typing import Any

import pyotp
import pytest
from django import forms
from django.apps import apps
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from havre.accounts import forms as account_forms
from havre.accounts.models import Session
from havre.core import sealing
from havre.core.sealing import SealedField
from havre.organisations import actions as organisations
from havre.organisations import forms as organisation_forms
from havre.outbox import actions as outbox
from havre.outbox.models import Message
from havre.people import forms as people_forms
from havre.people.models import Consent, Person
from havre.reading.client import ReadingServer
from havre.vault import forms as vault_forms
from havre.vault.models import Document
from tests import cast as stage
from tests.cast import Cast

PROJECT = Path(__file__).resolve().parents[2]
_WORDS = random.SystemRandom()


def _word() -> str:
    """Fourteen letters that nothing else holds; new at each run, so that no old file answers."""
    return "q" + "".join(_WORDS.choices("bcdfghjklmnpqrstvwxz", k=13))


SECRET, CLEAR = _word(), _word()
BIRTH = "1911-02-13"
BIRTH_FORMS = (BIRTH, "13/02/1911", "13 février 1911", "1911, 2, 13")
PAUSE = 1.0  # seconds of slack of a file's date


# --- the search ---


def forms_of(word: str) -> dict[str, bytes]:
    """A word as it may lie in a file: three encodings of text, base64 at each alignment, hexadecimal."""
    found = {name: word.encode(name) for name in ("utf-8", "utf-16-le", "utf-16-be")}
    for shift in range(3):
        start, end = (
            -(-shift * 8 // 6),
            (shift + len(word)) * 8 // 6,
        )  # the characters that the word alone decides
        for coder in (base64.b64encode, base64.urlsafe_b64encode):
            found[f"{coder.__name__} at {shift}"] = coder(b"\0" * shift + word.encode())[start:end]
    found["hex"] = word.encode().hex().encode()
    found["HEX"] = word.encode().hex().upper().encode()
    found["UTF-8 in capitals"] = word.upper().encode()
    return found


def sightings(place: str, data: bytes, *words: str) -> list[str]:
    return [
        f"{place}: {word} as {form}"
        for word in words
        for form, needle in forms_of(word).items()
        if needle in data
    ]


def everywhere(since: float, *, log: str = "") -> Iterator[tuple[str, bytes]]:
    """All that a thief of the disk would hold: (place, bytes) of files, tables, and the log."""
    yield "log", log.encode()
    yield from _tables()
    yield "sessions", " ".join(str(row.get_decoded()) for row in Session.objects.all()).encode()
    for path in _files(since):
        try:
            yield str(path), path.read_bytes()
        except OSError:
            continue  # a socket, or a file of another program that has just gone


def _tables() -> Iterator[tuple[str, bytes]]:
    """Each table as the database gives it back, whatever its files do with pages and compression."""
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 -- our own table
            cells = [cell for row in cursor.fetchall() for cell in row]
        raw = [bytes(cell) for cell in cells if isinstance(cell, bytes | memoryview)]
        yield f"table {table}", b"\n".join([*raw, "\n".join(map(str, cells)).encode()])


def _files(since: float) -> Iterator[Path]:
    """The home folder whole (database, blobs, outbox, keeper), PostgreSQL's, and what is fresh in temporary ones."""
    yield from _within(Path(settings.HOME))
    if connection.vendor == "postgresql":
        yield from _within(_database_files())
    temporary = {Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"), Path("/dev/shm")}  # noqa: S108
    for folder in temporary:
        yield from _within(folder, since=since - PAUSE, most=4_000_000)


def _database_files() -> Path:
    """The database's own file, or PostgreSQL's folder once everything has been written there."""
    if connection.vendor == "sqlite":
        return Path(str(connection.settings_dict["NAME"]))
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute("SHOW data_directory")
        return Path(cursor.fetchone()[0])


def _within(folder: Path, since: float = 0.0, most: int = 200_000_000) -> Iterator[Path]:
    """The files of a folder written since a moment, of `most` bytes at most: the temporary ones may be others'."""
    for path in folder.rglob("*"):
        try:
            status = path.lstat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode) and status.st_mtime >= since and status.st_size <= most:
            yield path


# --- the search itself, proved ---


@pytest.mark.parametrize("form", forms_of(SECRET))
def test_the_search_finds_a_word_in_each_form(form: str) -> None:
    data = b"before" + forms_of(SECRET)[form] + b"after"
    assert sightings("file", data, SECRET)
    assert not sightings("file", data, CLEAR)


@pytest.mark.parametrize("shift", range(6))
@pytest.mark.parametrize("encoder", [base64.b64encode, base64.urlsafe_b64encode])
def test_the_search_finds_a_word_inside_any_base64(encoder: Any, shift: int) -> None:
    assert sightings("file", encoder(b"x" * shift + SECRET.encode() + b"y" * (7 - shift)), SECRET)


# --- the journey ---


@dataclass
class Told:
    """What was typed into the forms: every field by name, whichever page it was on."""

    fields: set[str] = field(default_factory=set)

    def post(self, browser: Client, address: str, **data: Any) -> Any:
        self.fields |= {name for name, value in data.items() if SECRET in str(value)}
        return browser.post(address, data)


def _photo() -> SimpleUploadedFile:
    return SimpleUploadedFile(f"{SECRET}.jpg", _picture(), "image/jpeg")


@cache
def _picture() -> bytes:
    """A photo that says the word in its EXIF and in its comment."""
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = SECRET
    out = io.BytesIO()
    Image.new("RGB", (600, 400), "#e9e2d0").save(out, "JPEG", exif=exif, comment=SECRET.encode())
    return out.getvalue()


def _pdf() -> SimpleUploadedFile:
    """A PDF whose one page says the word, without compression."""
    words = f"BT /F 40 Tf 60 700 Td ({SECRET}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d>>\nstream\n%b\nendstream" % (len(words), words),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"xref\n0 6\n0000000000 65535 f \n%btrailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return SimpleUploadedFile(f"{SECRET}.pdf", out + end % (table, len(out)), "application/pdf")


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return stage.build()


@pytest.fixture
def reader() -> Iterator[None]:
    with ReadingServer(Path(settings.READING_SOCKET).parent):
        yield


def _someone_new_joins(told: Told, cast: Cast) -> tuple[Client, list[str]]:
    """Gaëlle invites by e-mail; the letter leaves; the new one takes the seat and sets a code generator."""
    gaelle, email = cast.client("gaelle"), f"{SECRET}@exemple.test"
    assert told.post(gaelle, reverse("structure"), email=email, role="professional").status_code == 200
    assert told.post(gaelle, reverse("structure"), email=f"{SECRET}@", role="professional").status_code == 422
    assert outbox.send_due() == 1
    letter = message_from_bytes(outbox.letter(Message.objects.get(), by=sealing.worker()), policy=default)
    assert SECRET in letter["To"]
    link = re.search(r"/invitation/(\S+)/", letter.get_content())
    assert link
    new = Client()
    password = f"{SECRET} jamais liés"
    assert told.post(new, link[0], name=f"Nour {SECRET}", password=SECRET[:5]).status_code == 422
    assert told.post(new, link[0], name=f"Nour {SECRET}", password=password).status_code == 302
    secret = re.search(r'class="code">([A-Z2-7 ]+)<', new.get(reverse("sign-in-code")).content.decode())
    assert secret
    key = secret[1].replace(" ", "")
    assert told.post(new, reverse("sign-in-code"), code=pyotp.TOTP(key).now()).status_code == 302
    again = told.post(gaelle, reverse("structure"), email=email, role="professional")
    assert again.status_code == 422, "already in the team"
    assert SECRET in gaelle.get(reverse("structure")).content.decode()
    assert new.get(reverse("account")).status_code == 200
    return new, [key, link[1]]


def _sign_ins_that_fail(told: Told) -> None:
    for email in (f"{SECRET}@exemple.test", f"{SECRET}-autre@exemple.test"):
        for _ in range(4):
            answer = told.post(Client(), reverse("sign-in"), email=email, password=SECRET)
            assert answer.status_code == 422


def _a_record_and_its_accord(told: Told, claire: Client, cast: Cast) -> Person:
    opened = told.post(
        claire, reverse("person-new"), name=f"Bruno {SECRET}", birth="13/02/1911", language="fr"
    )
    assert opened.status_code == 302
    wrong = told.post(claire, reverse("person-new"), name=SECRET, birth=f"le {SECRET}", language="fr")
    assert wrong.status_code == 422
    person = Person.objects.get()
    accord = {"structures": [cast.halte.pk, cast.tilleuls.pk], "duration": "365", "language": "fr"}
    address = reverse("consent-new", args=[person.pk])
    assert told.post(claire, address, q=SECRET, find="1", **accord).status_code == 200
    prepared = claire.post(address, accord)
    assert told.post(claire, prepared["Location"], written=SECRET).status_code == 302
    drawn = claire.post(prepared["Location"], {"strokes": stage.SIGNATURE})
    assert drawn.status_code == 302
    assert claire.get(drawn["Location"]).status_code == 200
    assert claire.get(reverse("consent-declined", args=[person.pk])).status_code == 200
    for consent in Consent.objects.all():
        assert SECRET in claire.get(reverse("consent", args=[consent.pk])).content.decode()
        assert claire.get(reverse("consent-receipt", args=[consent.pk])).content.startswith(b"%PDF")
    return person


def _papers(told: Told, claire: Client, person: Person) -> None:
    address = reverse("document-new", args=[person.pk])
    for paper in (_photo(), _pdf()):
        answer = told.post(claire, address, paper=paper, kind="judgment", title=f"Jugement {SECRET}")
        assert answer.status_code == 302, answer.content.decode()
    waits = told.post(claire, address, paper=_pdf(), kind="made-up", title=SECRET)
    assert waits.status_code == 422
    assert (
        told.post(
            claire, address, paper=SimpleUploadedFile("a.txt", SECRET.encode()), kind="other"
        ).status_code
        == 422
    )
    for document in Document.objects.all():
        for route, more in (
            ("document", []),
            ("document-page", [1]),
            ("document-thumb", [1]),
            ("document-original", []),
        ):
            seen: Any = claire.get(reverse(route, args=[document.pk, *more]))
            assert seen.status_code == 200
            if seen.streaming:
                assert b"".join(seen.streaming_content)
        assert claire.get(reverse("document-print", args=[document.pk])).status_code == 200


def _looks(claire: Client, person: Person) -> None:
    found = claire.get(reverse("people"), {"q": SECRET})
    assert found["Location"] == reverse("person", args=[person.pk]), "the only one of that name"
    typing = claire.get(reverse("people"), {"q": SECRET}, headers={"HX-Request": "true"})
    assert SECRET in typing.content.decode()
    assert claire.get(reverse("people"), {"q": f"{SECRET} rien"}).status_code == 200
    assert claire.get("/personne-inconnue/", {"q": SECRET}).status_code == 404
    assert SECRET in claire.get(reverse("person", args=[person.pk])).content.decode()
    assert SECRET in claire.get(reverse("pro")).content.decode(), "seen recently"
    assert claire.get(reverse("journal", args=[person.pk])).status_code == 200
    assert SECRET in claire.get(reverse("people"), headers={"HX-Request": "true"}).content.decode()


def _sessions_that_ended(told: Told, cast: Cast, person: Person) -> None:
    """Rachid's form stays a draft; Claire's, with its file, is shown to her again and waits there."""
    for name, route, data in (
        ("rachid", reverse("person-new"), {"name": f"Amina {SECRET}", "birth": SECRET, "language": "fr"}),
        (
            "claire",
            reverse("document-new", args=[person.pk]),
            {"paper": _photo(), "kind": "other", "title": SECRET},
        ),
    ):
        browser = cast.client(name)
        Session.objects.filter(user=cast.users[name]).update(seen_at=timezone.now() - timedelta(hours=1))
        assert told.post(browser, route, **data).status_code == 302
    assert f'value="{SECRET}"' in cast.client("claire").get(route).content.decode()


def _log(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> str:
    return "\n".join([caplog.text, *capfd.readouterr()])


@pytest.mark.usefixtures("reader")
def test_nothing_that_was_told_lies_readable_anywhere(
    cast: Cast, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    _picture()  # Pillow, which makes it here, would tell its log what it writes
    caplog.set_level("DEBUG")
    since, told = time.time(), Told()
    organisations.create_structure(f"Association {CLEAR}", "Lille")
    new, secrets = _someone_new_joins(told, cast)
    claire = cast.client("claire")
    person = _a_record_and_its_accord(told, claire, cast)
    _papers(told, claire, person)
    _looks(claire, person)
    _sign_ins_that_fail(told)
    _sessions_that_ended(told, cast, person)
    assert told.post(Client(), reverse("erasure"), reference=SECRET).status_code == 422
    outbox.send_due()
    log = _log(caplog, capfd)
    found, control = [], []
    for place, data in everywhere(since, log=log):
        found += sightings(place, data, SECRET, *secrets)
        found += [f"{place}: birth as {form}" for form in BIRTH_FORMS if form.encode() in data]
        control += sightings(place, data, CLEAR)
    assert [line for line in control if line.startswith("table organisations_structure")]
    if os.access(
        _database_files(), os.R_OK
    ):  # PostgreSQL's may belong to another account, or to another machine
        assert [line for line in control if line.startswith(str(_database_files()))], (
            "its files were not read"
        )
    assert new.get(reverse("pro")).status_code == 200
    _all_was_planted(told)
    assert found == []


# --- nothing was left out ---

SEALED_OTHERWISE = {
    "accounts.secondfactor.sealed_secret": "the key of the code generator, searched for by itself",
    "outbox.message.sealed_parameters": "the link of the invitation, searched for by its token",
    "people.consent.sealed_terms": "the house's own words and the names of structures",
    "people.person.sealed_birth": "a date, searched for in its forms",
    "people.person.sealed_language": "a code among the languages of the house",
    "vault.document.sealed_kind": "a code among the kinds of papers",
}
NOT_WORDS = {
    "arrival": "a token of the house",
    "code": "six digits",
    "strokes": "numbers; a name may be written instead",
}


def _all_was_planted(told: Told) -> None:
    """Every sealed column of a model held the word, and every field where words are typed was typed in."""
    columns = {f"{model._meta.label_lower}.{column.name}": (model, column) for model, column in _sealed()}
    assert set(SEALED_OTHERWISE) <= set(columns)
    empty = [
        label for label, place in columns.items() if label not in SEALED_OTHERWISE and not _holds(*place)
    ]
    assert empty == [], "plant the word there too"
    typed = _typed_fields()
    assert typed - told.fields - set(NOT_WORDS) == set(), "type the word there too"
    assert set(NOT_WORDS) <= typed


def _sealed() -> Iterator[tuple[Any, SealedField]]:
    for model in apps.get_models():
        for column in model._meta.local_fields:
            if isinstance(column, SealedField):
                yield model, column


def _holds(model: Any, column: SealedField) -> bool:
    name = column.name.removeprefix(sealing.PREFIX)
    rows = sealing.unseal(model._default_manager.all(), name, by=sealing.worker(), purpose="canaries")
    return any(SECRET in getattr(row, name) for row in rows)


def _typed_fields() -> set[str]:
    """The names of the fields where words or files are given, in every form of the house."""
    modules = (account_forms, organisation_forms, people_forms, vault_forms)
    kinds = [
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, forms.Form) and kind.__module__ == module.__name__
    ]
    wordy = (forms.CharField, forms.FileField)
    return {name for kind in kinds for name, one in kind.base_fields.items() if isinstance(one, wordy)}


def test_every_apps_forms_are_walked() -> None:
    files = {path.parent.name for path in (PROJECT / "havre").glob("*/forms.py")}
    assert files == {"accounts", "organisations", "people", "vault", "ui"}  # ui: fields alone, no form
