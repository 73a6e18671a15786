"""Templates: a page extends a layout, its title is its h1, no variable is unknown, nothing inline, no physical CSS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest
from django.template import engines
from django.test import RequestFactory
from django.urls import reverse
from django.utils import translation
from django.utils.translation import get_language_info, gettext

from havre.accounts import actions as accounts
from havre.accounts.models import SecondFactor, User
from havre.core.keeper_client import KeeperAbsent
from havre.inbox.models import WorkItem
from havre.operations.models import Alarm, Condition, Loss
from havre.organisations import actions as organisations
from havre.people.models import Accompaniment
from havre.ui import faults
from havre.ui import views as ui
from havre.vault.models import Pages, Version
from tests import cast as stage
from tests import journey
from tests.accounts.stagehands import keeper_absent
from tests.guards.test_url_table import ROWS
from tests.journey import NOBODY, Scene

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = sorted((PROJECT / "havre").glob("*/templates"))
TEMPLATES = {
    path.relative_to(folder).as_posix(): path.read_text("utf-8")
    for folder in FOLDERS
    for path in sorted(folder.rglob("*.html"))
}
STYLES = {
    path.relative_to(PROJECT).as_posix(): path.read_text("utf-8")
    for path in sorted((PROJECT / "havre").glob("*/static/**/*.css"))
}
SCRIPTS = [path.read_text("utf-8") for path in sorted((PROJECT / "havre").rglob("*.py"))]
LAYOUTS = {"ui/base.html", "ui/public.html", "ui/pro.html", "ui/print.html", "ui/handed.html"}
MISTAKE = re.findall(r'{% if form.errors %}{% translate "([^"]+)" %}', TEMPLATES["ui/base.html"])[0]
UNKNOWN = "¿unknown¿"
# the language of a page with its own direction; a context that takes the name `language` would break it
TONGUES = "|".join(
    f'<html lang="{code}" dir="{"rtl" if get_language_info(code)["bidi"] else "ltr"}"[ >]'
    for code, _name in settings.LANGUAGES
)

SAFE: dict[str, str] = {}  # template: why `|safe` or `autoescape off` stands in it
NOT_SHOWN_HERE = {"ui/errors/503.html": "a proxy shows it while the house is stopped"}


# --- as written ---


def _partials() -> set[str]:
    """Templates that stand inside others: included, drawn by a tag or a widget, or a section of a page."""
    included = {
        name for text in TEMPLATES.values() for name in re.findall(r'{% (?:include|fixed) "([^"]+)"', text)
    }
    drawn = {
        name
        for text in SCRIPTS
        for name in re.findall(r'(?:inclusion_tag\(|template_name = )"([^"]+\.html)"', text)
    }
    return included | drawn | {name for name in TEMPLATES if Path(name).name.startswith("_")}


PARTIALS = _partials()
NAMED = {name for name in TEMPLATES if any(f'"{name}"' in script for script in SCRIPTS)} | set(NOT_SHOWN_HERE)
PAGES = sorted(NAMED - PARTIALS - LAYOUTS)


def test_there_are_pages_and_the_layouts_exist() -> None:
    assert len(PAGES) > 20
    assert set(TEMPLATES) >= LAYOUTS


@pytest.mark.parametrize("name", PAGES)
def test_each_page_extends_a_layout_and_has_a_title(name: str) -> None:
    text = TEMPLATES[name]
    found = re.match(r'{% extends "([^"]+)" %}', text)
    assert found, "the first line is {% extends … %}"
    assert found[1] in LAYOUTS
    assert re.search(r"{% block title %}.+{% endblock %}", text)
    assert len(re.findall(r"<h1\b", text)) == 1


def test_each_template_is_shown_by_a_view_or_stands_in_a_page() -> None:
    assert set(TEMPLATES) - LAYOUTS - PARTIALS - NAMED == set(), "nobody ever sees it"
    assert [name for name in NOT_SHOWN_HERE if any(f'"{name}"' in script for script in SCRIPTS)] == [], (
        "stale"
    )


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_template_has_an_inline_style_script_or_handler(name: str) -> None:
    assert _inline(TEMPLATES[name]) == []


def _inline(text: str) -> list[str]:
    return re.findall(
        r"<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|<script(?![^>]*\ssrc=)[^>]*>|javascript:", text, re.I
    )


@pytest.mark.parametrize(
    "text",
    [
        '<p style="color: red">',
        "<style>",
        "<script>alert(1)</script>",
        '<script type="module">',
        '<b onclick="a()">',
        '<a href="javascript:a()">',
    ],
)
def test_something_inline_is_seen(text: str) -> None:
    assert _inline(text)


def test_nothing_escapes_the_escaping() -> None:
    free = {
        name for name, text in TEMPLATES.items() if re.search(r"\|\s*safe\b|safeseq|autoescape\s+off", text)
    }
    assert free == set(SAFE)


def test_no_template_calls_a_third_party() -> None:
    """Addresses that the browser fetches by itself; a link that somebody follows is another matter."""
    calls = re.compile(
        r"""<(?:script|img|link|iframe|source|video|audio|use)\b[^>]*(?:src|href)=["'](?:https?:)?//"""
    )
    assert [name for name, text in TEMPLATES.items() if calls.search(text)] == []
    assert [
        name for name, text in STYLES.items() if re.search(r"@import|url\(\s*[\"']?(?:https?:)?//", text)
    ] == []


# --- logical CSS ---

SIDE = r"(?:left|right|top|bottom)"
PHYSICAL = re.compile(
    rf"""(?<![\w-])(?:
        {SIDE} | (?:min-|max-)?(?:width|height) | (?:margin|padding|scroll-margin|scroll-padding)-{SIDE} |
        border-{SIDE}(?:-(?:width|style|color))? | border-(?:top|bottom)-(?:left|right)-radius | overflow-[xy] |
        overscroll-behavior-[xy]
        )\s*:[^;}}]*""",
    re.X,
)
ASIDE = re.compile(r"(?<![\w-])(?:text-align|float|clear|caption-side|resize)\s*:\s*(?:left|right)\b")
FOUR = re.compile(r"(?<![\w-])(?:margin|padding|inset|border-width|border-color)\s*:\s*([^;{}]+)")


def physical(css: str) -> list[str]:
    """The declarations that say left or right, width or height, where the logical words exist."""
    bare = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    bare = re.sub(r"@(?:media|container|supports|page)[^{]*", "@", bare)
    found = [one[0].strip() for one in PHYSICAL.finditer(bare)] + [one[0] for one in ASIDE.finditer(bare)]
    for one in FOUR.finditer(bare):
        values = re.sub(r"\([^()]*(?:\([^()]*\)[^()]*)*\)", "", one[1].replace("!important", "")).split()
        if len(values) == 4 and values[1] != values[3]:
            found.append(one[0])
    return found


@pytest.mark.parametrize("name", STYLES)
def test_css_has_no_physical_property(name: str) -> None:
    assert physical(STYLES[name]) == []


def test_there_is_css_to_look_at() -> None:
    assert "havre/ui/static/ui/havre.css" in STYLES


@pytest.mark.parametrize(
    ("css", "wrong"),
    [
        ("a { margin-left: 4px }", True),
        ("a{color:red;width:10px}", True),
        ("a { text-align: right; }", True),
        ("a { padding: 1px 2px 3px 4px }", True),
        ("a { left: 0 }", True),
        ("a { border-top-left-radius: 4px }", True),
        ("@media (min-width: 46rem) { a { margin-inline-start: 4px } }", False),
        ("a { padding: 1px 2px 3px 2px; inline-size: 4px; border-width: 1px }", False),
        (
            "/* width: 3px */ a { stroke-width: 2; line-height: 1; inset-inline-end: max(1px, calc(2px - 3px)) }",
            False,
        ),
    ],
)
def test_physical_css_is_seen_and_logical_css_is_not(css: str, wrong: bool) -> None:
    assert bool(physical(css)) == wrong


# --- as shown ---


class Shown(NamedTuple):
    """One page as somebody saw it."""

    who: str
    html: str
    templates: set[str]


class _Heads(HTMLParser):
    """The words of the title and of each h1, outside of drawings."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.heads: dict[str, list[str]] = {"title": [], "h1": []}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag in ("title", "h1", "svg"):
            self.open.append(tag)
            if tag != "svg" and "svg" not in self.open:
                self.heads[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            self.open.remove(tag)

    def handle_data(self, data: str) -> None:
        if self.open and "svg" not in self.open:
            self.heads[self.open[-1]][-1] += data


def _words(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def house(keeper: object, django_db_setup: object, django_db_blocker: object) -> Iterator[Scene]:
    with journey.standing(django_db_blocker) as scene:
        yield scene


@pytest.fixture
def scene(house: Scene, db: None) -> Scene:
    return house


@pytest.fixture
def sentinel(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown variable shows, instead of nothing."""
    monkeypatch.setattr(engines["django"].engine, "string_if_invalid", UNKNOWN)  # type: ignore[attr-defined]


def _of_the_table(scene: Scene, language: str) -> Iterator[Shown]:
    """Every page of the table, for each of four that may open it."""
    for row in ROWS:
        for name in ("claire", "gaelle", "odile", NOBODY):
            if row.method == "GET" and row.statuses[name] == 200:
                answer = scene.ask(row.route, "GET", name, headers={"Accept-Language": language})
                if answer["Content-Type"].startswith("text/html"):
                    yield _shown(f"{row.route} as {name}", answer)


def _wrong_forms(scene: Scene, language: str) -> Iterator[Shown]:
    """Every form sent empty: the page comes back with its summary of errors."""
    for route, name in (
        ("sign-in", NOBODY),
        ("erasure", NOBODY),
        ("invitation", NOBODY),
        ("structure", "gaelle"),
        ("person-new", "claire"),
        ("consent-new", "claire"),
        ("consent-sign", "claire"),
        ("document-new", "claire"),
    ):
        browser = scene.browser(name, headers={"Accept-Language": language})
        answer = browser.post(scene.address(route, name), {"x": ""})
        assert answer.status_code == 422, route
        yield _shown(f"{route} with errors", answer)


def _of_other_moments(scene: Scene, language: str) -> Iterator[Shown]:
    """Pages of states that the scene does not have: nothing yet, waiting, broken, over, elsewhere."""
    options = {"headers": {"Accept-Language": language}}
    claire, driss, elise = (scene.browser(name, **options) for name in ("claire", "driss", "elise"))
    paper = scene.address("document")
    yield _shown("an invitation that is over", claire.get(reverse("invitation", args=["rien"])), 404)
    gaelle = scene.browser("gaelle", **options)
    yield _shown(
        "an invitation to give", gaelle.post(reverse("structure"), {"email": "a@b.test", "role": "reader"})
    )
    _invitation, link = organisations.invite(
        scene.cast.halte, email="driss@exemple.test", role="reader", by=scene.cast.gaelle
    )
    yield _shown("an invitation for an account", driss.get(urlsplit(link).path))
    member = {"email": "claire@exemple.test", "role": "reader"}
    yield _shown("a member invited, with errors", gaelle.post(reverse("structure"), member), 422)
    yield _shown("a page that is not there", claire.get("/nulle-part/"), 404)
    yield _shown(
        "a page that is not there for a visitor", scene.browser(NOBODY, **options).get("/nulle-part/"), 404
    )
    yield _shown("an account without a team", scene.browser("norbert", **options).get(reverse("pro")), 200)
    yield _shown("the first page after leaving", scene.browser(NOBODY, **options).get("/?sorti"), 200)
    yield _shown("no thanks", claire.get(scene.address("consent-declined") + "?language=ar"), 200)
    claire.get(scene.address("person"))
    yield _shown("records seen recently", claire.get(reverse("pro")), 200)
    yield _shown("work to do", driss.get(reverse("pro")))
    WorkItem.objects.update(due="2020-01-01T00:00:00Z")
    yield _shown("work that is late", driss.get(reverse("pro")))
    yield _shown("nobody yet", elise.get(reverse("people")))
    yield _shown("nobody of that name", claire.get(reverse("people"), {"q": "zzz"}))
    key = bytes(Version.objects.get().wrapped_key)
    Version.objects.update(wrapped_key=key[::-1])
    for route, status in (("document", 200), ("document-print", 200), ("document-original", 410)):
        yield _shown(f"{route} of a damaged paper", claire.get(scene.address(route)), status)
    Version.objects.update(wrapped_key=key, shown_pages=2)
    yield _shown("a paper with a damaged page", claire.get(paper))
    for changes in ({"pages": Pages.WAITING}, {"pages": Pages.NONE, "problem": "broken", "shown_pages": 0}):
        Version.objects.update(**changes)
        yield _shown(f"a paper {changes['pages']}", claire.get(paper))
        yield _shown(f"a person with a paper {changes['pages']}", claire.get(scene.address("person")))
    Accompaniment.objects.create(person=scene.bruno, structure=scene.cast.escale)
    yield _shown("an accord to sign elsewhere", elise.get(scene.address("consent-new", "elise")))
    amina = claire.post(reverse("person-new"), {"name": "Amina", "birth": "", "language": "ar"})
    yield _shown("a record without anything", claire.get(amina["Location"]))
    asked = scene.address("consent-sign").replace("language=fr", "language=ar")
    signed = claire.post(asked, {"strokes": stage.SIGNATURE})
    yield _shown("thank you in another language", claire.get(signed["Location"]), 200)
    visitor = scene.browser(NOBODY, **options)
    yield _shown("the dates of an erasure", visitor.post(reverse("erasure"), scene.body("erasure")), 200)
    yield from _of_the_instance(scene, language)
    claire.post(scene.address("consent-end"))
    yield _shown("an accord that is over", claire.get(scene.address("consent")))
    yield _shown("a record of which an accord is over", claire.get(scene.address("person")))
    claire.post(reverse("consent-end", args=[signed["Location"].split("/")[2]]))
    yield _shown("a record whose accords are over", claire.get(scene.address("person")))


def _of_the_instance(scene: Scene, language: str) -> Iterator[Shown]:
    """The operator's room in trouble: somebody lost, something that lasts, an alarm of the keeper, then no keeper."""
    odile = scene.browser("odile", headers={"Accept-Language": language})
    Condition.objects.create(word="no-copy")
    for kind, lost in (("structure", scene.cast.escale), ("user", scene.cast.lena), ("person", scene.bruno)):
        Loss.objects.create(subject=lost.pk, kind=kind, why="unknown")
    Alarm.objects.update(subject=scene.bruno.pk, actor=f"professional:{scene.cast.claire.pk}", detail="61")
    yield _shown("an instance in trouble", odile.get(reverse("instance")), 200)
    with keeper_absent():
        yield _shown("an instance without its keeper", odile.get(reverse("instance")), 200)


def _of_the_second_door(scene: Scene, language: str) -> Iterator[Shown]:
    """The code generator set up, then asked."""
    user = User.objects.get(pk=scene.cast.norbert.pk)
    for state in ("to set up", "asked"):
        browser = scene.browser(NOBODY, headers={"Accept-Language": language})
        request = HttpRequest()
        request.session = browser.session
        accounts.start_half(request, user)
        request.session.save()
        browser.cookies["havre"] = str(request.session.session_key)
        yield _shown(f"a code {state}", browser.get(reverse("sign-in-code")))
        SecondFactor.objects.filter(user=user).update(confirmed_at="2026-01-01T00:00:00Z")


def _of_faults(language: str) -> Iterator[Shown]:
    """Each page that explains what went wrong."""
    request = RequestFactory().get("/")
    refused = OSError(28, "No space left on device")
    with translation.override(language):
        for view in (ui.bad_request, ui.forbidden, ui.csrf_failure, ui.not_found, ui.server_error):
            yield Shown(view.__name__, view(request).content.decode(), set())
        for fault in (KeeperAbsent("gone"), OperationalError("busy"), refused):
            answer = faults.page(request, fault)
            assert answer
            yield Shown(str(fault), answer.content.decode(), set())


def _shown(who: str, answer: Any, status: int | None = None) -> Shown:
    assert answer.status_code in ((status,) if status else (200, 404, 422)), f"{who}: {answer.status_code}"
    return Shown(who, answer.content.decode(), {template.name for template in answer.templates})


SOURCES = (_of_the_table, _wrong_forms, _of_other_moments, _of_the_second_door)


def _faults_of(page: Shown, language: str) -> Iterator[str]:
    heads = _Heads(page.html).heads
    with translation.override(language):
        mistakes = (
            _words(MISTAKE),
            _words(gettext(MISTAKE)),
        )  # a person's own page may stay in their language
    titles = [_words(title.removesuffix(" · Havre")) for title in heads["title"]]
    if "with errors" in page.who:
        if not titles[0].startswith(mistakes):
            yield f"{page.who}: its title does not say that there is an error"
        titles = [title.removeprefix(mistakes[0]).removeprefix(mistakes[1]).strip() for title in titles]
    if len(titles) != 1 or titles != [_words(head) for head in heads["h1"]]:
        yield f"{page.who}: title {titles}, h1 {[_words(head) for head in heads['h1']]}"
    if not re.search(TONGUES, page.html):
        yield f"{page.who}: its language or its direction is not one of the house: {page.html[:60]!r}"
    if UNKNOWN in page.html:
        places = re.findall(rf".{{0,60}}{UNKNOWN}", page.html)
        yield f"{page.who}: unknown variable at {[_words(place) for place in places]}"
    if _inline(page.html):
        yield f"{page.who}: inline {_inline(page.html)}"


@pytest.mark.usefixtures("sentinel")
@pytest.mark.parametrize("language", ["fr", "ar"])
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__.strip("_"))
def test_each_page_has_its_title_as_h1_and_no_unknown_variable(
    scene: Scene, source: Any, language: str
) -> None:
    faults_found = [fault for page in source(scene, language) for fault in _faults_of(page, language)]
    assert faults_found == []


@pytest.mark.usefixtures("sentinel")
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_each_page_of_a_fault_has_its_title_as_h1_and_no_unknown_variable(language: str) -> None:
    assert [fault for page in _of_faults(language) for fault in _faults_of(page, language)] == []


def test_every_page_was_seen_here(scene: Scene) -> None:
    seen = {name for source in SOURCES for page in source(scene, "fr") for name in page.templates}
    unseen = {name for name in PAGES if name not in seen and not name.startswith("ui/errors/")}
    assert unseen == set()


@pytest.mark.usefixtures("sentinel")
def test_an_unknown_variable_is_seen(scene: Scene) -> None:
    head = '<html lang="fr" dir="ltr">'
    template = engines["django"].from_string(head + "<title>A</title><h1>A</h1>{{ nothing_of_that_name }}")
    page = Shown("a page", template.render({}, None), set())
    assert len(list(_faults_of(page, "fr"))) == 1
    assert list(_faults_of(page._replace(html=f"{head}<title>A</title><h1>B {uuid4()}</h1>"), "fr"))


@pytest.mark.parametrize("wrong", ['lang="Français" dir="ltr"', 'lang="" dir="ltr"', 'lang="ar" dir="ltr"'])
def test_a_page_in_no_language_of_the_house_is_seen(wrong: str) -> None:
    page = Shown("a page", "<html {}><title>A</title><h1>A</h1>", set())
    assert not list(_faults_of(page._replace(html=page.html.format('lang="fr" dir="ltr"')), "fr"))
    assert list(_faults_of(page._replace(html=page.html.format(wrong)), "fr"))
