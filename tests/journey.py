"""One scene for the guards: Bruno's record, a live accord, a paper with its pages, an alarm, each address of the house.

`ask` plays one request in the shoes of one of the cast, and undoes what it wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from havre.core import sealing
from havre.inbox.models import WorkItem
from havre.operations import actions as operations
from havre.operations.models import Alarm
from havre.organisations import actions as organisations
from havre.organisations.models import Membership, Role
from havre.people.models import Consent, Erasure, Person
from havre.vault import files
from havre.vault.models import Document, Pages, Version
from tests import cast as stage
from tests.cast import Cast

NOBODY = "nobody"
INVITED = "nouvelle@exemple.test"


@dataclass
class Scene:
    """What stands before any request; `cast` may look from outside ("nobody") or from their seat."""

    cast: Cast
    bruno: Person
    consent: Consent
    document: Document
    item: WorkItem
    membership: Membership
    alarm: Alarm
    erasure: Erasure
    token: str
    sessions: dict[str, str]

    def browser(self, name: str, **options: Any) -> Client:
        """A browser where `name` is signed in; a fault of the house is an answer (500), not an exception."""
        browser = Client(raise_request_exception=False, **options)
        if name != NOBODY:
            browser.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[name]
        return browser

    def address(self, route: str, name: str = "claire") -> str:
        """The address of a route in this scene, for somebody; GET parameters included where the page needs them."""
        person: list[Any] = [self.bruno.pk]
        paper: list[Any] = [self.document.pk]
        arguments: dict[str, list[Any]] = {
            "work-item-done": [self.item.pk],
            "membership-end": [self.membership.pk],
            "invitation": [self.token],
            "alarm-seen": [self.alarm.pk],
            "consent": [self.consent.pk],
            "consent-thanks": [self.consent.pk],
            "consent-receipt": [self.consent.pk],
            "consent-end": [self.consent.pk],
            "document": paper,
            "document-print": paper,
            "document-original": paper,
            "document-page": [self.document.pk, 1],
            "document-thumb": [self.document.pk, 1],
            **dict.fromkeys(("person", "journal", "document-new"), person),
            **dict.fromkeys(("consent-new", "consent-sign", "consent-declined"), person),
        }
        query = f"?{urlencode(self._accord(name), doseq=True)}" if route == "consent-sign" else ""
        return reverse(route, args=arguments.get(route, [])) + query

    def _accord(self, name: str) -> dict[str, Any]:
        structure = {"driss": self.cast.tilleuls, "elise": self.cast.escale}.get(name, self.cast.halte)
        return {"structures": [str(structure.pk)], "duration": "365", "language": "fr"}

    def body(self, route: str, name: str = "claire") -> dict[str, Any]:
        """What a right answer to a form of the route would be."""
        bodies: dict[str, dict[str, Any]] = {
            "set-language": {"language": "ar"},
            "sign-in": {"email": "claire@exemple.test", "password": "un mauvais mot de passe"},
            "sign-in-code": {"code": "000 000"},
            "structure": {"email": "autre@exemple.test", "role": Role.PROFESSIONAL.value},
            "invitation": {"name": "Nour Haddad", "password": "quatre mots jamais liés"},
            "person-new": {"name": "Amina Diallo", "birth": "1990", "language": "fr"},
            "consent-new": self._accord(name),
            "consent-sign": {"strokes": stage.SIGNATURE},
            "erasure": {"reference": self.erasure.number.lower()},
        }
        if route == "document-new":
            return {"paper": stage.upload(picture()), "kind": "identity-card", "title": "Carte"}
        return bodies.get(route, {})

    def ask(self, route: str, method: str, name: str, **options: Any) -> HttpResponse:
        """The answer to one request, its stream read; nothing it wrote in the database stays."""
        browser = self.browser(name, **options)
        data = self.body(route, name) if method == "POST" else None
        with undone():
            return read(getattr(browser, method.lower())(self.address(route, name), data))


def read(answer: Any) -> HttpResponse:
    """The same answer, with the bytes of its stream at hand as `content`."""
    if answer.streaming:
        body = b"".join(answer.streaming_content)
        whole = HttpResponse(body, status=answer.status_code)
        whole.headers = answer.headers
        return whole
    whole_answer: HttpResponse = answer
    return whole_answer


@contextmanager
def undone() -> Iterator[None]:
    """What is written inside is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@cache
def picture() -> bytes:
    return stage.photo()


@contextmanager
def standing(blocker: Any) -> Iterator[Scene]:
    """The scene for a whole module of tests, each of which runs in its own savepoint (pytest-django's `db`)."""
    with blocker.unblock(), undone():
        yield build()


def build() -> Scene:
    """The scene, written through the house's verbs; call it inside a test's transaction."""
    cast = stage.build()
    bruno = cast.bruno()
    consent = cast.agreed(bruno, cast.halte, cast.tilleuls)
    document = cast.paper(bruno, picture())
    _draw_pages(document)
    _invitation, link = organisations.invite(
        cast.halte, email=INVITED, role=Role.PROFESSIONAL, by=cast.gaelle
    )
    return Scene(
        cast=cast,
        bruno=bruno,
        consent=consent,
        document=document,
        item=WorkItem.objects.get(structure=cast.tilleuls.pk),
        membership=Membership.objects.get(user=cast.violette),
        alarm=operations.raise_alarm("store-older"),
        erasure=Erasure.objects.create(day=7),
        token=link.rstrip("/").rpartition("/")[2],
        sessions={name: cast.client(name).cookies[settings.SESSION_COOKIE_NAME].value for name in cast.users},
    )


def _draw_pages(document: Document) -> None:
    """One page and its thumb, as the worker leaves them."""
    version = Version.objects.select_related("document").get(document=document)
    dek = files.open_key(version, by=sealing.worker(), purpose="pages")
    for name in ("page-1", "thumb-1"):
        files.write(version, name, dek, iter([picture()]))
    Version.objects.filter(pk=version.pk).update(pages=Pages.READY, shown_pages=1, page_count=1)


def routes() -> dict[str, str]:
    """Every address of the house: its name, and its pattern."""
    return {name: pattern for name, pattern, _view in _walk(get_resolver().url_patterns, "")}


def views() -> dict[str, Any]:
    """The view behind each name."""
    return {name: view for name, _pattern, view in _walk(get_resolver().url_patterns, "")}


def _walk(patterns: list[Any], before: str) -> Iterator[tuple[str, str, Any]]:
    for pattern in patterns:
        here = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, here)
        elif isinstance(pattern, URLPattern):
            assert pattern.name, f"an address has no name: {here}"
            yield pattern.name, here, pattern.callback
