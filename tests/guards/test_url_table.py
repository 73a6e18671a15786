"""URL × method × cast × status: what each role may open, written by hand from the roles, and kept true.

A professional has the record, the papers, adds some, collects accords. A reader has the record, the papers and the
accords, and adds nothing. Reception has the record and the accords' pages, opens records, sees no paper, collects no
accord. A volunteer sees nothing about people. A manager has the structure's page and nobody's record. The operator has
the instance's page and nobody's record; an account without a seat has no professional page but the first, which says
so. Nobody is sent to sign in. A stranger gets 404, never 403.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

import havre
from havre.accounts.models import Session
from havre.inbox import access as inbox_access
from havre.inbox.models import WorkItem
from havre.organisations.middleware import Seat
from havre.people import access as people_access
from tests import journey
from tests.journey import NOBODY, Scene

pytestmark = pytest.mark.django_db

TABLE = """
route             method nobody claire driss elise gaelle rachid violette lena odile norbert

home              GET    200    200    200   200   200    200    200      200  200   200
home              POST   405    405    405   405   405    405    405      405  405   405
help              GET    200    200    200   200   200    200    200      200  200   200
help              POST   405    405    405   405   405    405    405      405  405   405
legal             GET    200    200    200   200   200    200    200      200  200   200
legal             POST   405    405    405   405   405    405    405      405  405   405
accessibility     GET    200    200    200   200   200    200    200      200  200   200
accessibility     POST   405    405    405   405   405    405    405      405  405   405
languages         GET    200    200    200   200   200    200    200      200  200   200
languages         POST   405    405    405   405   405    405    405      405  405   405
offline           GET    200    200    200   200   200    200    200      200  200   200
offline           POST   405    405    405   405   405    405    405      405  405   405
healthz           GET    200    200    200   200   200    200    200      200  200   200
healthz           POST   405    405    405   405   405    405    405      405  405   405
manifest          GET    200    200    200   200   200    200    200      200  200   200
manifest          POST   405    405    405   405   405    405    405      405  405   405
service-worker    GET    200    200    200   200   200    200    200      200  200   200
service-worker    POST   405    405    405   405   405    405    405      405  405   405
robots            GET    200    200    200   200   200    200    200      200  200   200
robots            POST   405    405    405   405   405    405    405      405  405   405
grammar           GET    200    200    200   200   200    200    200      200  200   200
grammar           POST   405    405    405   405   405    405    405      405  405   405
set-language      GET    405    405    405   405   405    405    405      405  405   405
set-language      POST   302    302    302   302   302    302    302      302  302   302

sign-in           GET    200    302    302   302   302    302    302      302  302   302
sign-in           POST   422    302    302   302   302    302    302      302  302   302
sign-in           DELETE 405    405    405   405   405    405    405      405  405   405
sign-in-code      GET    302    302    302   302   302    302    302      302  302   302
sign-in-code      POST   302    302    302   302   302    302    302      302  302   302
sign-in-code      DELETE 405    405    405   405   405    405    405      405  405   405
sign-out          GET    405    405    405   405   405    405    405      405  405   405
sign-out          POST   302    302    302   302   302    302    302      302  302   302
account           GET    302    200    200   200   200    200    200      200  200   200
account           POST   302    405    405   405   405    405    405      405  405   405
invitation        GET    200    200    200   200   200    200    200      200  200   200
invitation        POST   302    302    302   302   302    302    302      302  302   302
invitation        DELETE 405    405    405   405   405    405    405      405  405   405

erasure           GET    200    200    200   200   200    200    200      200  200   200
erasure           POST   200    200    200   200   200    200    200      200  200   200
erasure           DELETE 405    405    405   405   405    405    405      405  405   405

pro               GET    302    200    200   200   200    200    200      200  200   200
pro               POST   302    405    405   405   405    405    405      405  405   405
work-item-done    GET    302    405    405   405   405    405    405      405  405   405
work-item-done    POST   302    404    302   404   404    404    404      404  404   404

instance          GET    302    404    404   404   404    404    404      404  200   404
instance          POST   302    404    404   404   404    404    404      404  405   404
alarm-seen        GET    302    404    404   404   404    404    404      404  405   404
alarm-seen        POST   302    404    404   404   404    404    404      404  302   404

structure         GET    302    404    404   404   200    404    404      404  404   404
structure         POST   302    404    404   404   200    404    404      404  404   404
structure         DELETE 302    405    405   405   405    405    405      405  404   404
membership-end    GET    302    405    405   405   405    405    405      405  404   404
membership-end    POST   302    404    404   404   302    404    404      404  404   404

people            GET    302    200    200   200   404    200    404      200  404   404
people            POST   302    405    405   405   405    405    405      405  404   404
person-new        GET    302    200    200   200   404    200    404      404  404   404
person-new        POST   302    302    302   302   404    302    404      404  404   404
person-new        DELETE 302    405    405   405   405    405    405      405  404   404
person            GET    302    200    200   404   404    200    404      200  404   404
person            POST   302    405    405   405   405    405    405      405  404   404
journal           GET    302    200    200   404   404    200    404      200  404   404
journal           POST   302    405    405   405   405    405    405      405  404   404
consent-new       GET    302    200    200   404   404    404    404      404  404   404
consent-new       POST   302    302    302   404   404    404    404      404  404   404
consent-new       DELETE 302    405    405   405   405    405    405      405  404   404
consent-sign      GET    302    200    200   404   404    404    404      404  404   404
consent-sign      POST   302    302    302   404   404    404    404      404  404   404
consent-sign      DELETE 302    405    405   405   405    405    405      405  404   404
consent-declined  GET    302    200    200   404   404    404    404      404  404   404
consent-declined  POST   302    405    405   405   405    405    405      405  404   404
consent-thanks    GET    302    200    200   404   404    200    404      200  404   404
consent-thanks    POST   302    405    405   405   405    405    405      405  404   404
consent           GET    302    200    200   404   404    200    404      200  404   404
consent           POST   302    405    405   405   405    405    405      405  404   404
consent-receipt   GET    302    200    200   404   404    200    404      200  404   404
consent-receipt   POST   302    405    405   405   405    405    405      405  404   404
consent-end       GET    302    405    405   405   405    405    405      405  404   404
consent-end       POST   302    302    302   404   404    404    404      404  404   404

document-new      GET    302    200    200   404   404    404    404      404  404   404
document-new      POST   302    302    302   404   404    404    404      404  404   404
document-new      DELETE 302    405    405   405   405    405    405      405  404   404
document          GET    302    200    200   404   404    404    404      200  404   404
document          POST   302    405    405   405   405    405    405      405  404   404
document-print    GET    302    200    200   404   404    404    404      200  404   404
document-print    POST   302    405    405   405   405    405    405      405  404   404
document-page     GET    302    200    200   404   404    404    404      200  404   404
document-page     POST   302    405    405   405   405    405    405      405  404   404
document-thumb    GET    302    200    200   404   404    404    404      200  404   404
document-thumb    POST   302    405    405   405   405    405    405      405  404   404
document-original GET    302    200    200   404   404    404    404      200  404   404
document-original POST   302    405    405   405   405    405    405      405  404   404
"""

# route, a mark in its page, and who finds it there (of those who open the page)
SHOWN = (
    ("pro", "Bruno", "driss"),
    ("pro", 'name="q"', "claire driss elise rachid lena"),
    ("pro", 'href="/personnes/"', "claire driss elise rachid lena"),
    ("pro", "Votre compte n’a pas d’équipe", "norbert"),
    ("pro", "Les clés du gardien sont plus anciennes", "odile"),
    ("pro", 'href="/pro/instance/"', "odile"),
    ("account", 'href="/pro/instance/"', "odile"),
    ("structure", 'href="/personnes/"', ""),
    ("people", "Bruno", "claire driss rachid lena"),
    ("people", "/documents/ajouter/", "claire driss"),
    ("people", "/personnes/nouvelle/", "claire driss elise rachid"),
    ("person", 'id="documents"', "claire driss lena"),
    ("person", "/vignettes/", "claire driss lena"),
    ("person", "/documents/ajouter/", "claire driss"),
    ("person", "/accord/", "claire driss"),
    ("person", "/accords/", "claire driss rachid lena"),
    ("consent", "/fin/", "claire driss"),
    ("consent-new", "Halte Exemple</label>", "claire"),
    ("consent-new", "CHRS Les Tilleuls</label>", "driss"),
    ("consent-new", "SIAO-115 Escale</label>", ""),
)

FREE_OF_TOKEN = {
    "set-language": "a public page sets no cookie; another site's form is refused by Sec-Fetch-Site"
}


class Row(NamedTuple):
    """One line of the table: the status for each of the cast."""

    route: str
    method: str
    statuses: dict[str, int]


def _rows() -> list[Row]:
    heads, *lines = [line.split() for line in TABLE.splitlines() if line.strip()]
    rows = []
    for route, method, *statuses in lines:
        names = zip(heads[2:], map(int, statuses), strict=True)
        rows.append(Row(route, method, dict(names)))
    return rows


ROWS = _rows()
CAST = list(ROWS[0].statuses)
POSTS = [row for row in ROWS if row.method == "POST" and 405 not in row.statuses.values()]


@pytest.fixture(scope="module")
def house(keeper: object, django_db_setup: object, django_db_blocker: object) -> Iterator[Scene]:
    with journey.standing(django_db_blocker) as scene:
        yield scene


@pytest.fixture
def scene(house: Scene, db: None) -> Scene:
    return house


def mismatches(scene: Scene, rows: list[Row]) -> Iterator[str]:
    """Each cell of the table that is not as written, and each mark that is seen, or not, against what is written."""
    for row in rows:
        for name, expected in row.statuses.items():
            answer = scene.ask(row.route, row.method, name)
            if answer.status_code != expected:
                yield f"{row.method} {row.route} as {name}: {answer.status_code}, not {expected}"
            elif row.method == "GET" and expected == 200:
                yield from _wrong_marks(row.route, name, answer)


def _wrong_marks(route: str, name: str, answer: HttpResponse) -> Iterator[str]:
    for place, mark, seers in SHOWN:
        if place == route and (mark in answer.content.decode()) != (name in seers.split()):
            yield f"{route} as {name}: {mark!r} is {'missing' if name in seers.split() else 'shown'}"


# --- the table holds ---


@pytest.mark.parametrize("route", dict.fromkeys(row.route for row in ROWS))
def test_each_role_gets_what_is_written(scene: Scene, route: str) -> None:
    assert list(mismatches(scene, [row for row in ROWS if row.route == route])) == []


def test_every_address_is_in_the_table_and_every_line_has_an_address() -> None:
    assert {row.route for row in ROWS} == set(journey.routes())
    for method in ("GET", "POST"):
        assert {row.route for row in ROWS if row.method == method} == set(journey.routes())


def test_no_line_is_written_twice_and_strangers_are_never_told_403() -> None:
    assert len({(row.route, row.method) for row in ROWS}) == len(ROWS)
    assert not [row for row in ROWS if 403 in row.statuses.values()]
    assert {name for _route, _mark, seers in SHOWN for name in seers.split()} <= set(CAST)


def test_each_view_says_whose_door_it_is() -> None:
    """`doors` marks a view as open to all, or guards it; a view without a mark is a door that nobody thought of."""
    views = journey.views()
    unmarked = {
        name for name, view in views.items() if not (hasattr(view, "open_to_all") or hasattr(view, "door"))
    }
    assert unmarked == set()
    public = {
        row.route for row in ROWS if set(row.statuses.values()) & {200, 422} and row.statuses[NOBODY] != 302
    }
    assert public <= {name for name, view in views.items() if hasattr(view, "open_to_all")}


@pytest.mark.parametrize(
    "route", [row.route for row in ROWS if row.method == "GET" and row.statuses[NOBODY] == 200]
)
def test_a_session_that_has_just_ended_closes_no_public_page(scene: Scene, route: str) -> None:
    Session.objects.filter(user=scene.cast.claire).update(seen_at=timezone.now() - timedelta(hours=1))
    assert scene.browser("claire").get(scene.address(route)).status_code == 200


def test_a_session_that_has_just_ended_opens_no_other_page(scene: Scene) -> None:
    for row in ROWS:
        if row.method == "GET" and row.statuses["claire"] == 200 and row.statuses[NOBODY] == 302:
            Session.objects.filter(user=scene.cast.claire).update(seen_at=timezone.now() - timedelta(hours=1))
            assert scene.ask(row.route, "GET", "claire").status_code == 302, row.route


def test_what_is_not_there_and_what_is_not_mine_look_the_same(scene: Scene) -> None:
    elise = scene.browser("elise")
    hidden = elise.get(scene.address("person"))
    absent = elise.get(reverse("person", args=[scene.cast.halte.pk]))
    assert hidden.status_code == absent.status_code == 404
    words, others = (_without_token(answer.content.decode()) for answer in (hidden, absent))
    assert words.replace(str(scene.bruno.pk), str(scene.cast.halte.pk)) == others


def _without_token(page: str) -> str:
    """A page without the token of its form to sign out, which is written anew each time."""
    bare, tokens = re.subn(r'(name="csrfmiddlewaretoken" value=")\w+"', r'\1"', page)
    assert tokens == page.count("csrfmiddlewaretoken") > 0
    return bare


def test_a_search_finds_nobody_of_another_structure(scene: Scene) -> None:
    for headers in ({}, {"HX-Request": "true"}):
        claire, elise = (
            scene.browser(name).get(reverse("people"), {"q": "brun"}, headers=headers, follow=True)
            for name in ("claire", "elise")
        )
        assert b"Bruno" in claire.content
        assert b"Bruno" not in elise.content
        assert elise.redirect_chain == []


# --- forms of other sites ---


@pytest.mark.parametrize("row", POSTS, ids=lambda row: row.route)
def test_a_form_without_its_token_is_refused_and_changes_nothing(scene: Scene, row: Row) -> None:
    for name in [
        NOBODY,
        *[name for name, status in row.statuses.items() if status == 302 and name != NOBODY],
    ][:3]:
        answer = scene.ask(row.route, "POST", name, enforce_csrf_checks=True)
        expected = row.statuses[name] if row.route in FREE_OF_TOKEN else 403
        assert answer.status_code == expected, f"{row.route} as {name}"


def test_the_forms_free_of_token_are_known_and_still_exist() -> None:
    assert set(FREE_OF_TOKEN) <= {row.route for row in POSTS}


def test_another_sites_form_does_not_change_the_language() -> None:
    answer = Client(enforce_csrf_checks=True).post(
        reverse("set-language"), {"language": "ar"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert not answer.cookies


def test_the_same_form_with_its_token_goes_through(scene: Scene) -> None:
    claire = scene.browser("claire", enforce_csrf_checks=True)
    page = claire.get(reverse("person-new")).content.decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    body = scene.body("person-new") | {"csrfmiddlewaretoken": found[1]}
    assert claire.post(reverse("person-new"), body).status_code == 302


# --- the table sees a hole (each guard is taken away once) ---

# the lines and the columns that tell roles apart, the most telling first
FIRST = ("document", "person", "consent-end", "consent-new", "work-item-done", "consent", "people")
TELLING = [
    row._replace(
        statuses={name: row.statuses[name] for name in CAST if name not in (NOBODY, "odile", "norbert")}
    )
    for row in sorted(ROWS, key=lambda row: FIRST.index(row.route) if row.route in FIRST else len(FIRST))
    if {200, 302} & set(row.statuses.values()) and 404 in row.statuses.values()
]


def _scoped() -> dict[str, type[Any]]:
    """The querysets that know what a user may see, by model."""
    kinds = {
        model._meta.label_lower: type(model._default_manager.get_queryset()) for model in apps.get_models()
    }
    return {label: kind for label, kind in kinds.items() if hasattr(kind, "visible_to")}


def _predicates() -> list[tuple[str, str]]:
    """Every `can_…` of every app's `access`: (module, name)."""
    modules = [f"havre.{app.name}.access" for app in pkgutil.iter_modules(havre.__path__) if app.ispkg]
    found = [module for module in modules if importlib.util.find_spec(module)]
    return [
        (module, name)
        for module in found
        for name, value in vars(importlib.import_module(module)).items()
        if name.startswith("can_") and inspect.isfunction(value) and value.__module__ == module
    ]


def _first_mismatch(scene: Scene) -> str | None:
    return next(mismatches(scene, TELLING), None)


@pytest.mark.parametrize("label", _scoped())
def test_a_queryset_that_shows_everything_is_seen(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    monkeypatch.setattr(_scoped()[label], "visible_to", lambda rows, user: rows.all())
    assert _first_mismatch(scene)


def test_the_models_of_people_are_scoped() -> None:
    assert set(_scoped()) >= {"people.person", "people.consent", "vault.document"}


@pytest.mark.parametrize(("module", "name"), _predicates(), ids=lambda value: value.removeprefix("havre."))
def test_a_predicate_that_says_yes_to_all_is_seen(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    monkeypatch.setattr(importlib.import_module(module), name, lambda *args: True)
    assert _first_mismatch(scene)


@pytest.mark.parametrize(("module", "name"), _predicates(), ids=lambda value: value.removeprefix("havre."))
def test_a_predicate_that_says_no_to_all_is_seen(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    monkeypatch.setattr(importlib.import_module(module), name, lambda *args: False)
    assert _first_mismatch(scene)


def _every_seat(seat: Seat, *roles: str) -> list[Any]:
    return [membership.structure_id for membership in seat.memberships]


@pytest.mark.parametrize(
    ("owner", "name", "open_door"),
    [
        (Seat, "structures", _every_seat),
        (inbox_access, "closable", lambda structures: WorkItem.objects.all()),
        (Seat, "sees_people", True),
        (Seat, "is_operator", True),
        (people_access, "open_to_add", lambda user, people: {person.pk for person in people}),
        (people_access, "nameable", lambda user, person: None),
        (people_access, "accompanying", lambda user, person: [person.accompaniments.get().structure_id]),
        (people_access, "vault_is_empty", lambda person: True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_door_left_open_is_seen(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, open_door: Any
) -> None:
    monkeypatch.setattr(owner, name, open_door)
    assert _first_mismatch(scene)


def test_an_accord_that_has_ended_closes_the_papers_and_the_record_at_once(scene: Scene) -> None:
    assert scene.browser("claire").post(scene.address("consent-end")).status_code == 302
    for route in ("document", "document-page", "document-thumb", "document-print", "document-original"):
        for name in ("claire", "driss", "lena"):
            assert scene.ask(route, "GET", name).status_code == 404, (route, name)
    assert scene.ask("person", "GET", "driss").status_code == 404
    assert scene.ask("person", "GET", "claire").status_code == 200
