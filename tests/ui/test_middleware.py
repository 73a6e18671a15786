"""Compression, headers, language, faults."""

from __future__ import annotations

import errno
import gzip
from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from havre.core.keeper_client import KeeperAbsent
from havre.ui import middleware

PAGE = "<p>Havre</p>" * 100


def answer(body: str = PAGE, kind: str = "text/html") -> Callable[[HttpRequest], HttpResponse]:
    return lambda request: HttpResponse(body, content_type=kind)


def asking(**headers: str) -> HttpRequest:
    return RequestFactory().get("/", headers=headers)


def test_a_visitor_gets_a_compressed_page() -> None:
    response = middleware.compress_public_pages(answer())(asking(accept_encoding="br, gzip"))
    assert response["Content-Encoding"] == "gzip"
    assert response["Content-Length"] == str(len(response.content))  # type: ignore[attr-defined]
    assert gzip.decompress(response.content).decode() == PAGE  # type: ignore[attr-defined]


@pytest.mark.parametrize("wish", ["", "br", "gzip;q=0", "deflate, gzip;q=0.0"])
def test_a_browser_that_cannot_read_gzip_gets_none(wish: str) -> None:
    assert "Content-Encoding" not in middleware.compress_public_pages(answer())(asking(accept_encoding=wish))


def test_a_page_of_a_session_is_never_compressed() -> None:
    request = asking(accept_encoding="gzip")
    request.COOKIES[settings.SESSION_COOKIE_NAME] = "any"
    assert "Content-Encoding" not in middleware.compress_public_pages(answer())(request)


def test_a_page_that_opens_a_session_is_never_compressed() -> None:
    def opens(request: HttpRequest) -> HttpResponse:
        response = HttpResponse(PAGE)
        response.set_cookie(settings.SESSION_COOKIE_NAME, "new")
        return response

    response = middleware.compress_public_pages(opens)(asking(accept_encoding="gzip"))
    assert "Content-Encoding" not in response
    assert middleware.headers(opens)(asking())["Cache-Control"] == "no-store"


def test_a_picture_is_not_compressed_again() -> None:
    response = middleware.compress_public_pages(answer(kind="image/png"))(asking(accept_encoding="gzip"))
    assert "Content-Encoding" not in response


def test_nothing_of_a_session_is_kept_by_the_browser() -> None:
    request = asking()
    request.COOKIES[settings.SESSION_COOKIE_NAME] = "any"

    def generous(request: HttpRequest) -> HttpResponse:
        return HttpResponse(PAGE, headers={"Cache-Control": "public, max-age=600"})

    assert middleware.headers(generous)(request)["Cache-Control"] == "no-store"
    assert middleware.headers(generous)(asking())["Cache-Control"] == "public, max-age=600"


def test_every_page_says_what_it_may_use() -> None:
    response = middleware.headers(answer())(asking())
    assert "microphone=()" in response["Permissions-Policy"]
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (KeeperAbsent("no answer"), 503, "Les noms et les documents ne peuvent pas s’ouvrir"),
        (OperationalError("database is locked"), 503, "La base est occupée"),
        (OSError(errno.ENOSPC, "No space left on device"), 507, "Il n’y a plus de place"),
    ],
)
def test_a_fault_that_passes_is_explained(fault: Exception, status: int, words: str) -> None:
    handler = middleware.faults(answer())
    response = handler.process_exception(asking(accept_language="fr"), fault)  # type: ignore[attr-defined]
    assert response.status_code == status
    assert words in response.content.decode()
    assert response["Cache-Control"] == "no-store"


def test_any_other_fault_goes_on() -> None:
    handler = middleware.faults(answer())
    assert handler.process_exception(asking(), ValueError("a bug")) is None  # type: ignore[attr-defined]
    assert handler.process_exception(asking(), OSError(errno.EACCES, "no")) is None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("cookie", "wish", "language"),
    [
        (None, None, "fr"),
        (None, "ar,fr;q=0.5", "ar"),
        ("en", "ar", "en"),
        ("xx", "ar", "ar"),
        (None, "kl", "fr"),
    ],
)
def test_the_language_is_the_cookie_else_the_wish(
    cookie: str | None, wish: str | None, language: str
) -> None:
    client = Client(headers={"accept-language": wish} if wish else None)
    if cookie:
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = cookie
    response = client.get("/aide/")
    assert (
        f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in response.content.decode()
    )
    assert response["Content-Language"] == language
    assert "Accept-Language" in response["Vary"]
