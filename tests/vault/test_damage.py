"""One bit changed anywhere in a paper: its page says so in one sentence, the log says where, all others still open."""

from __future__ import annotations

import functools
import html
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from havre.core.keeper_client import KeeperRefused
from havre.people import actions as people
from havre.vault import actions as vault
from havre.vault import files, tasks
from havre.vault.models import Document, Pages, Version
from tests import cast as stage
from tests.cast import Cast
from tests.vault.papers import draw, flip, folder, version_of

pytestmark = pytest.mark.django_db

DAMAGED = "Ce document est abîmé\u202f: il ne s’ouvre plus."
PAGE_1 = "La page 1 est abîmée. Essayez de télécharger le document."
HALF_NAMED = "Le titre ou le type de ce document ne peut plus être lu."
SENTENCES = (DAMAGED, "abîmée", HALF_NAMED)
PICTURES = {"document-page": "page-1", "document-thumb": "thumb-1"}


@dataclass
class Scene:
    """A paper of Bruno's that is damaged, another of his, and one of Amina's; Claire sees all three."""

    claire: Client
    damaged: Document
    others: list[Document]

    def read(self, route: str, document: Document | None = None) -> Any:
        one = document or self.damaged
        return self.claire.get(reverse(route, args=[one.pk, *([1] if route in PICTURES else [])]))

    def page(self, route: str = "document", document: Document | None = None) -> str:
        return html.unescape(self.read(route, document).content.decode())


@pytest.fixture
def scene(cast: Cast) -> Scene:
    bruno, amina = cast.bruno(), _amina(cast)
    for person in (bruno, amina):
        cast.agreed(person, cast.halte)
    claire = cast.client("claire")
    claire.raise_request_exception = False
    return Scene(claire, draw(cast, bruno), [draw(cast, bruno), draw(cast, amina)])


def _amina(cast: Cast) -> Any:
    return people.open_record(
        by=cast.claire, structure=cast.halte.pk, name="Amina Diallo", birth="1991-11-02", language="fr"
    )


photo = functools.cache(stage.photo)


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def others_open(scene: Scene) -> None:
    for document in scene.others:
        page = scene.page("document", document)
        assert not [sentence for sentence in SENTENCES if sentence in page]
        assert "Carte de Bruno" in page
        for route, name in PICTURES.items():
            assert body(scene.read(route, document)) == photo(name)
        assert body(scene.read("document-original", document)) == photo()


def refused(answer: Any) -> None:
    """The whole answer is a page that names the paper and says it; no byte of a file."""
    assert answer.status_code == 410
    page = html.unescape(answer.content.decode())
    assert page.count(DAMAGED) == 1
    assert "Retour au dossier" in page
    assert "<h1>Document abîmé\u202f: Carte de Bruno</h1>" in page.replace("<bdi>", "").replace("</bdi>", "")
    assert b"\xff\xd8\xff" not in answer.content


def bits(seed: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The first and the last byte of a region and one between, each with one bit."""
    chance = random.Random(seed)
    for at in sorted({start, end - 1, chance.randrange(start, end)}):
        yield at, 1 << chance.randrange(8)


def _regions(path: Path) -> dict[str, tuple[int, int]]:
    """The parts of a container that has two chunks or more."""
    size, final = path.stat().st_size, 56 + (path.stat().st_size - 56) // 16_400 * 16_400
    return {
        "salt": (0, 24),
        "commitment": (24, 56),
        "first chunk": (56, min(56 + 16_384, size - 16)),
        "final chunk": (final, size - 16),
        "final tag": (size - 16, size),
    }


# --- the files ---


@pytest.mark.parametrize("region", ["salt", "commitment", "first chunk", "final chunk", "final tag"])
def test_a_bit_of_a_page(scene: Scene, region: str, caplog: pytest.LogCaptureFixture) -> None:
    path = folder(scene.damaged) / "page-1"
    for at, mask in bits(region, *_regions(path)[region]):
        caplog.clear()
        flip(path, at, mask)
        page = scene.page()
        assert page.count(PAGE_1) == 1
        assert "Carte de Bruno" in page
        assert DAMAGED not in page, "its original can still be taken"
        assert reverse("document-page", args=[scene.damaged.pk, 1]) not in page
        assert f"page-1 of document {scene.damaged.pk}, version 1: " in caplog.text
        assert reverse("document-print", args=[scene.damaged.pk]) not in page, "no page is left to print"
        assert "<bdi>Carte de Bruno</bdi> · La page 1 est abîmée." in scene.page("document-print")
        refused(scene.read("document-page"))
        assert body(scene.read("document-thumb")) == photo("thumb-1")
        assert body(scene.read("document-original")) == photo()
        flip(path, at, mask)
    assert PAGE_1 not in scene.page()
    flip(path, at, mask)
    others_open(scene)


@pytest.mark.parametrize(
    ("name", "route"), [("original", "document-original"), ("thumb-1", "document-thumb")]
)
@pytest.mark.parametrize("region", ["salt", "commitment", "first chunk", "final chunk", "final tag"])
def test_a_bit_of_a_file_that_the_page_does_not_show(
    scene: Scene, name: str, route: str, region: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = folder(scene.damaged) / name
    for at, mask in bits(name + region, *_regions(path)[region]):
        caplog.clear()
        flip(path, at, mask)
        refused(scene.read(route))
        assert f"{name} of document {scene.damaged.pk}, version 1: " in caplog.text
        assert scene.read("document").status_code == 200
        assert body(scene.read("document-page")) == photo("page-1")
        flip(path, at, mask)
    assert scene.read(route).status_code == 200


def test_a_damaged_file_says_to_take_the_paper_again_to_those_who_may(cast: Cast, scene: Scene) -> None:
    (folder(scene.damaged) / "original").unlink()
    address = reverse("document-original", args=[scene.damaged.pk])
    add = reverse("document-new", args=[scene.damaged.person_id])
    for name, offered in (("claire", True), ("lena", False)):
        answer = cast.client(name).get(address)
        assert answer.status_code == 410
        page = html.unescape(answer.content.decode())
        assert ("Si la personne a le papier, reprenez-le en photo." in page) is offered
        assert (add in page) is offered


def test_while_one_page_is_whole_printing_comes_first(scene: Scene) -> None:
    Version.objects.filter(document=scene.damaged).update(shown_pages=2, page_count=2)
    page = scene.page()
    assert "La page 2 est abîmée." in page
    assert f'class="button" href="{reverse("document-print", args=[scene.damaged.pk])}"' in page


def test_a_bit_in_the_middle_of_a_large_original_is_seen_before_its_first_byte_leaves(
    cast: Cast, scene: Scene
) -> None:
    data = photo() + random.Random(1).randbytes(100_000)
    large = cast.paper(scene.damaged.person, data)
    assert body(scene.read("document-original", large)) == data
    flip(folder(large) / "original", 56 + 3 * 16_400 + 1000)
    refused(scene.read("document-original", large))


@pytest.mark.parametrize(("name", "route"), [("original", "document-original"), ("page-1", "document-page")])
def test_a_file_that_is_gone(scene: Scene, name: str, route: str, caplog: pytest.LogCaptureFixture) -> None:
    (folder(scene.damaged) / name).unlink()
    refused(scene.read(route))
    assert (PAGE_1 in scene.page()) is (name == "page-1")
    assert f"{name} of document {scene.damaged.pk}, version 1: " in caplog.text
    others_open(scene)


# --- the row ---


def changed(row: Model, column: str, at: int, mask: int) -> None:
    """Change the bits of a mask in one byte of a column."""
    value = bytearray(getattr(type(row)._base_manager.get(pk=row.pk), column))
    value[at] ^= mask
    type(row)._base_manager.filter(pk=row.pk).update(**{column: bytes(value)})


@pytest.mark.parametrize("region", [(0, 4), (4, 12), (12, 43), (43, 44)], ids=str)
def test_a_bit_of_the_wrapped_key(
    scene: Scene, region: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    version = version_of(scene.damaged)
    for at, mask in bits(str(region), *region):
        caplog.clear()
        changed(version, "wrapped_key", at, mask)
        page = scene.page()
        assert page.count(DAMAGED) == 1
        assert "Carte de Bruno" in page
        assert "Télécharger" not in page
        assert f"the key of document {scene.damaged.pk}, version 1: " in caplog.text
        for route in ("document-original", "document-page", "document-thumb"):
            refused(scene.read(route))
        changed(version, "wrapped_key", at, mask)
    assert DAMAGED not in scene.page()
    changed(version, "wrapped_key", at, mask)
    others_open(scene)


@pytest.mark.parametrize("column", ["sealed_title", "sealed_kind"])
@pytest.mark.parametrize("part", ["version", "nonce", "text", "tag"])
def test_a_bit_of_a_sealed_column(
    scene: Scene, column: str, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    size = len(bytes(getattr(scene.damaged, column)))
    region = {"version": (0, 1), "nonce": (1, 13), "text": (13, size - 16), "tag": (size - 16, size)}[part]
    for at, mask in bits(column + part, *region):
        caplog.clear()
        changed(scene.damaged, column, at, mask)
        page = scene.page()
        assert page.count(HALF_NAMED) == 1
        assert ("(illisible)" if column == "sealed_title" else "Carte de Bruno") in page
        assert f"{column} of {scene.damaged.pk} cannot be opened" in caplog.text
        for route, name in PICTURES.items():
            assert body(scene.read(route)) == photo(name), "what it holds is whole"
        changed(scene.damaged, column, at, mask)
    assert HALF_NAMED not in scene.page()
    changed(scene.damaged, column, at, mask)
    others_open(scene)


def test_a_paper_whose_kind_is_lost_may_have_been_discreet(cast: Cast, scene: Scene) -> None:
    """Lists do not show the title of a health paper; they cannot know any more that it is not one."""
    person = scene.damaged.person
    arrived = stage.arrived(stage.photo(), cast.claire)
    paper = vault.add_document(
        person, arrived, by=cast.claire, kind="health-paper", title="Ordonnance de mars"
    )
    changed(paper, "sealed_kind", 20, 1)
    assert HALF_NAMED in scene.page("document", paper)
    page = scene.claire.get(reverse("person", args=[person.pk])).content.decode()
    assert "Ordonnance" not in page


# --- rows that changed places ---


def test_two_papers_of_one_person_cannot_change_their_files(scene: Scene) -> None:
    """The keeper opens both keys, for both are Bruno's; the containers know which document they are."""
    mine, other = version_of(scene.damaged), version_of(scene.others[0])
    Version.objects.filter(pk=other.pk).update(blob=Document().pk)
    Version.objects.filter(pk=mine.pk).update(blob=other.blob, wrapped_key=other.wrapped_key)
    Version.objects.filter(pk=other.pk).update(blob=mine.blob, wrapped_key=mine.wrapped_key)
    for document in (scene.damaged, scene.others[0]):
        for route in ("document-original", "document-page", "document-thumb"):
            refused(scene.read(route, document))


# --- a refusal that passes is no damage ---


def _enough(*_arguments: object, **_options: object) -> bytes:
    raise KeeperRefused("budget", "The budget of this class of actor is spent.")


def test_a_keeper_that_has_had_enough_is_not_taken_for_damage(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "open_key", _enough)
    for route in ("document", "document-original", "document-page"):
        answer = scene.read(route)
        assert answer.status_code >= 500
        assert DAMAGED not in html.unescape(answer.content.decode())


def test_pages_that_wait_for_the_keeper_are_not_given_up(
    cast: Cast, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = cast.paper(scene.damaged.person)
    with monkeypatch.context() as patch:
        patch.setattr(files, "open_key", _enough)
        with pytest.raises(KeeperRefused):
            tasks.make_pages.call(str(version_of(waiting).pk))
    version = version_of(waiting)
    assert (version.pages, version.claimed_at) == (Pages.WAITING, None), "the clock asks again in a minute"


def test_the_files_of_a_version_are_those_that_its_row_tells(scene: Scene, cast: Cast) -> None:
    assert files.names(version_of(scene.damaged)) == ["original", "page-1", "thumb-1"]
    assert files.names(version_of(cast.paper(scene.damaged.person))) == ["original"]
