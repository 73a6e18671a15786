"""Four small middlewares: compression, headers, language, and faults told in one clear sentence."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.text import compress_string

from havre.ui import faults as fault_pages

GetResponse = Callable[[HttpRequest], HttpResponseBase]

_TEXT = re.compile(r"(text/|application/(json|javascript|manifest\+json)|image/svg\+xml)")
_ACCEPTS_GZIP = re.compile(r"\bgzip\b(?!;\s*q=0(\.0*)?\s*(,|$))")
_PERMISSIONS = (
    "accelerometer=(), browsing-topics=(), camera=(self), geolocation=(self), gyroscope=(), "
    "magnetometer=(), microphone=(), payment=(), usb=()"
)


def compress_public_pages(get_response: GetResponse) -> GetResponse:
    """Gzip text, for visitors without a session only: a signed-in page holds secrets (BREACH)."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not isinstance(response, HttpResponse) or _has_session(request, response):
            return response
        if response.has_header("Content-Encoding") or not _TEXT.match(response.get("Content-Type", "")):
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        if _ACCEPTS_GZIP.search(request.headers.get("Accept-Encoding", "")):
            compressed = compress_string(response.content, max_random_bytes=100)
            if len(compressed) < len(response.content):
                response.content = compressed
                response["Content-Encoding"] = "gzip"
                response["Content-Length"] = str(len(compressed))
        return response

    return middleware


def headers(get_response: GetResponse) -> GetResponse:
    """Nothing of a signed-in visit is kept by a browser or a proxy; pages use only what they need."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if _has_session(request, response) or request.method == "POST":
            response["Cache-Control"] = "no-store"
        elif not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-cache"
        response["Permissions-Policy"] = _PERMISSIONS
        response["Cross-Origin-Opener-Policy"] = "same-origin"
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        return response

    return middleware


def language(get_response: GetResponse) -> GetResponse:
    """The page's language: the cookie, else the browser's wish (the seat may change it for its user)."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        code = translation.get_language_from_request(request)
        translation.activate(code)
        request.LANGUAGE_CODE = code
        response = get_response(request)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        response.headers.setdefault("Content-Language", translation.get_language() or code)
        return response

    return middleware


def faults(get_response: GetResponse) -> GetResponse:
    """A fault that passes (keeper absent, busy base, full disk) is a page that says what to do."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    middleware.process_exception = fault_pages.page  # type: ignore[attr-defined]
    return middleware


def _has_session(request: HttpRequest, response: HttpResponseBase) -> bool:
    name = settings.SESSION_COOKIE_NAME
    return name in request.COOKIES or name in response.cookies
