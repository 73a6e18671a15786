"""The choice of language, the installable shell, errors, the grammar."""

from __future__ import annotations

import json

import pytest
from django.conf import settings
from django.test import Client, RequestFactory

from havre.ui import shell, views


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"accept-language": "fr"})


def chosen(client: Client, language: str, next_page: str = "/aide/", **headers: str) -> str | None:
    response = client.post("/langue/", {"language": language, "next": next_page}, headers=headers or None)
    assert response.status_code == 302
    morsel = response.cookies.get(settings.LANGUAGE_COOKIE_NAME)
    return morsel.value if morsel else None


def test_a_language_is_remembered(visitor: Client) -> None:
    assert chosen(visitor, "ar") == "ar"
    assert '<html lang="ar" dir="rtl"' in visitor.get("/aide/").content.decode()


@pytest.mark.parametrize("language", ["", "kl", "../fr", "fr\r\nx"])
def test_an_unknown_language_changes_nothing(visitor: Client, language: str) -> None:
    assert chosen(visitor, language) is None


def test_another_site_cannot_choose_the_language(visitor: Client) -> None:
    assert chosen(visitor, "ar", **{"sec-fetch-site": "cross-site"}) is None


@pytest.mark.parametrize(
    ("wished", "given"),
    [
        ("/aide/", "/aide/"),
        ("", "/"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example/", "/"),
        ("/\\elsewhere.example", "/"),
        ("javascript:alert(1)", "/"),
        ("http://testserver/langues/", "http://testserver/langues/"),
    ],
)
def test_the_way_back_stays_on_this_site(visitor: Client, wished: str, given: str) -> None:
    assert visitor.post("/langue/", {"language": "en", "next": wished})["Location"] == given


def test_choosing_a_language_needs_a_post(visitor: Client) -> None:
    assert visitor.get("/langue/").status_code == 405


def test_the_manifest_is_translated_and_complete(visitor: Client) -> None:
    response = visitor.get("/manifest.webmanifest")
    manifest = json.loads(response.content)
    assert response["Content-Type"] == "application/manifest+json"
    assert (manifest["lang"], manifest["dir"], manifest["start_url"]) == ("fr", "ltr", "/")
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}


def test_the_service_worker_keeps_only_the_shell(visitor: Client) -> None:
    response = visitor.get("/sw.js")
    text = response.content.decode()
    assert response["Content-Type"].startswith("text/javascript")
    assert response["Cache-Control"] == "no-cache"
    assert f"havre-{shell.version()}" in text
    assert '"/hors-ligne/"' in text
    assert all(address in text for address in shell.files())
    assert "/pro/" not in text
    assert text.count("kept.add") == 1  # nothing else is ever put away


def test_robots_may_read_public_pages_only(visitor: Client) -> None:
    assert visitor.get("/robots.txt").content.decode().rstrip().endswith("Disallow: /")


@pytest.mark.parametrize("query", ["", "?dir=rtl&theme=dark", "?theme=contrast", "?theme=light&dir=ltr"])
def test_the_grammar_shows_every_state(visitor: Client, query: str) -> None:
    response = visitor.get(f"/grammaire/{query}")
    page = response.content.decode()
    assert response.status_code == 200
    assert ('dir="rtl"' in page.split("<head>")[0]) is ("rtl" in query)
    assert ("data-theme" in page.split("<head>")[0]) is ("theme" in query)


def test_the_grammar_ignores_a_made_up_state(visitor: Client) -> None:
    page = visitor.get('/grammaire/?theme="><script>&dir=up').content.decode()
    assert "data-theme" not in page.split("<head>")[0]
    assert 'dir="ltr"' in page.split("<head>")[0]


@pytest.mark.parametrize(
    ("view", "status"),
    [
        (views.bad_request, 400),
        (views.forbidden, 403),
        (views.csrf_failure, 403),
        (views.not_found, 404),
        (views.server_error, 500),
    ],
)
def test_an_error_explains_and_says_what_next(view: object, status: int) -> None:
    response = view(RequestFactory().get("/"))  # type: ignore[operator]
    page = response.content.decode()
    assert response.status_code == status
    title = page.split("<title>")[1].split(" · Havre</title>")[0]
    assert f"<h1>{title}</h1>" in page
    assert 'class="button"' in page
