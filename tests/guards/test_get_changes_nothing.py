"""Looking changes nothing: a GET (or a HEAD) of any page leaves every domain row as it was.

So a reload, a link followed twice, a browser that reads ahead or a phone that comes back from sleep are all harmless.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from havre.accounts import actions as accounts
from havre.accounts.models import Draft, User
from havre.core import sealing
from tests import journey
from tests.guards.test_url_table import CAST, ROWS
from tests.journey import NOBODY, Scene

# tables that a look may write, and why
WRITTEN = {
    "audit_entry": "the journal notes who looked",
    "accounts_session": "the session notes the visit",
    "core_lease": "the clock's own",
    "core_heartbeat": "the clock's own",
}
GETS = [row.route for row in ROWS if row.method == "GET"]


@pytest.fixture(scope="module")
def house(keeper: object, django_db_setup: object, django_db_blocker: object) -> Iterator[Scene]:
    with journey.standing(django_db_blocker) as scene:
        yield scene


@pytest.fixture
def scene(house: Scene, db: None) -> Scene:
    return house


def rows() -> dict[str, tuple[int, str]]:
    """Each table's count and digest, but for those that may be written."""
    return {name: _digest(name) for name in connection.introspection.table_names() if name not in WRITTEN}


def _digest(table: str) -> tuple[int, str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 -- our own table
        lines = sorted(
            repr([bytes(cell) if isinstance(cell, memoryview) else cell for cell in row])
            for row in cursor.fetchall()
        )
    return len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()


def changed(before: dict[str, tuple[int, str]]) -> set[str]:
    after = rows()
    return {table for table in before | after if before.get(table) != after.get(table)}


@pytest.mark.parametrize("route", GETS)
def test_looking_at_a_page_changes_no_row(scene: Scene, route: str) -> None:
    before = rows()
    for name in CAST:
        journey.read(scene.browser(name).get(scene.address(route, name)))
    scene.browser("claire").head(scene.address(route))
    assert changed(before) == set()


def test_looking_for_somebody_changes_no_row(scene: Scene) -> None:
    before = rows()
    for words in ("brun", "zzz", ""):
        scene.browser("claire").get(reverse("people"), {"q": words}, headers={"HX-Request": "true"})
    assert changed(before) == set()


def test_looking_at_the_second_door_changes_no_row(scene: Scene) -> None:
    browser = _half_signed_in(scene.cast.norbert)
    before = rows()
    assert browser.get(reverse("sign-in-code")).status_code == 200
    assert changed(before) == set()


def _half_signed_in(user: User) -> Client:
    browser, request = Client(), HttpRequest()
    request.session = browser.session
    accounts.start_half(request, user)
    request.session.save()
    browser.cookies["havre"] = str(request.session.session_key)
    return browser


def _draft_of_claire(scene: Scene) -> str:
    claire, address = scene.cast.claire, reverse("person-new")
    draft = Draft(user=claire, path=address)
    sealing.seal(draft, by=claire.actor, fields=json.dumps({"name": ["Amina"], "language": ["fr"]}))
    draft.save()
    return address


def test_the_one_look_that_changes_a_row_takes_the_draft_that_it_shows(scene: Scene) -> None:
    """The one exception: what was typed when the session ended is shown again once, then it is nowhere."""
    address = _draft_of_claire(scene)
    before = rows()
    assert "Amina" in scene.browser("claire").get(address).content.decode()
    assert changed(before) <= {"accounts_draft"}


def test_a_look_that_shows_nothing_takes_no_draft(scene: Scene) -> None:
    address = _draft_of_claire(scene)
    before = rows()
    assert scene.browser("claire").head(address).status_code == 200
    assert changed(before) == set()


@pytest.mark.django_db
def test_the_tables_that_a_look_may_write_exist() -> None:
    assert set(WRITTEN) <= set(connection.introspection.table_names())


def test_a_change_is_seen(scene: Scene) -> None:
    before = rows()
    with journey.undone():
        User.objects.filter(pk=scene.cast.lena.pk).update(language="ar")
        assert changed(before) == {"accounts_user"}
    with journey.undone():
        scene.browser(NOBODY).post(reverse("sign-in"), scene.body("sign-in"))
        assert changed(before) == {"core_bucket"}
