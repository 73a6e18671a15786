"""The thinnest main job, through the pages: a photo sealed, found and seen again in another town."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from havre.reading.client import ReadingServer
from havre.vault.models import Document
from tests import cast as stage
from tests.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def _reader() -> Iterator[None]:
    with ReadingServer(Path(settings.READING_SOCKET).parent):
        yield


@pytest.fixture
def cast() -> Cast:
    return stage.build()


@pytest.mark.usefixtures("_reader")
def test_a_photo_sealed_by_claire_is_seen_and_printed_by_driss_in_another_town(cast: Cast) -> None:
    bruno = cast.bruno()
    claire, driss = cast.client("claire"), cast.client("driss")
    prepared = claire.post(
        reverse("consent-new", args=[bruno.pk]),
        {"structures": [cast.halte.pk, cast.tilleuls.pk], "duration": "365", "language": "ar"},
    )
    assert prepared.status_code == 302, prepared.content.decode()
    asked = claire.get(prepared["Location"])
    assert 'lang="ar"' in asked.content.decode()
    signed = claire.post(prepared["Location"], {"strokes": stage.SIGNATURE})
    assert signed.status_code == 302, signed.content.decode()
    thanks = claire.get(signed["Location"]).content.decode()
    assert '<html lang="ar" dir="rtl">' in thanks
    (onward,) = re.findall(r'<a class="button" href="([^"]+)"', thanks)
    assert claire.get(onward).status_code == 200
    receipt = claire.get(onward + "recu.pdf")
    assert receipt.content.startswith(b"%PDF")
    added = claire.post(
        reverse("document-new", args=[bruno.pk]),
        {"paper": stage.upload(stage.photo()), "kind": "identity-card", "title": ""},
    )
    assert added.status_code == 302, added.content.decode()
    document = Document.objects.get()
    seen = driss.get(reverse("document", args=[document.pk]))
    assert "Carte d’identité" in seen.content.decode()
    assert re.search(r"Page 1 sur 1", seen.content.decode())
    page = driss.get(reverse("document-page", args=[document.pk, 1]))
    assert b"".join(page.streaming_content)[:3] == b"\xff\xd8\xff"  # type: ignore[attr-defined]
    assert driss.get(reverse("document-print", args=[document.pk])).status_code == 200
    found = driss.get(reverse("people"), {"q": "lefe"})
    assert found["Location"] == reverse("person", args=[bruno.pk])
    assert "Bruno Lefèvre" in driss.get(found["Location"]).content.decode()
    assert "Bruno" in driss.get(reverse("pro")).content.decode()
    journal = claire.get(reverse("journal", args=[bruno.pk])).content.decode()
    assert "Driss Benali" in journal
    assert "a vu un document" in journal
    for url in ("document", "document-print", "document-original"):
        assert cast.client("elise").get(reverse(url, args=[document.pk])).status_code == 404
