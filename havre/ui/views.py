"""Errors that explain, the choice of language, the installable shell, and the living grammar."""

from __future__ import annotations

import sys

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.templatetags.static import static
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from havre.core.http import open_to_all
from havre.ui import faults, shell


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "ui/errors/400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "ui/errors/403.html", status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "ui/errors/csrf.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "ui/errors/404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """The last resort; a fault that we know, raised outside a view, still gets its own page."""
    return faults.page(request, sys.exception()) or render(request, "ui/errors/500.html", status=500)


@open_to_all
@csrf_exempt  # no token, so that a public page needs no cookie; another site's form is refused below
@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Remember a language chosen by its own name, then go back to `next` (this site only)."""
    target = HttpResponseRedirect(_back(request))
    code = request.POST.get("language", "")
    if code in dict(settings.LANGUAGES) and request.headers.get("Sec-Fetch-Site") != "cross-site":
        target.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            code,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
            samesite="Lax",
        )
    return target


def _back(request: HttpRequest) -> str:
    wished = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wished, {request.get_host()}, require_https=request.is_secure()):
        return wished
    return resolve_url("home")


@open_to_all
@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """The web app manifest, in the page's language (W3C Web App Manifest)."""
    sizes = (
        ("icon-192.png", "192x192", "any"),
        ("icon-512.png", "512x512", "any"),
        ("icon-maskable.png", "512x512", "maskable"),
    )
    return JsonResponse(
        {
            "id": "/",
            "name": _("Havre : vos documents en sécurité"),
            "short_name": "Havre",
            "description": _("Garder ses documents. Être accompagné."),
            "lang": get_language(),
            "dir": "rtl" if get_language_bidi() else "ltr",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": "#fbf8f3",
            "theme_color": "#0d3640",
            "icons": [
                {"src": static(f"ui/{name}"), "sizes": size, "type": "image/png", "purpose": purpose}
                for name, size, purpose in sizes
            ],
        },
        content_type="application/manifest+json",
    )


@open_to_all
@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """The service worker; its text changes with what it keeps, so browsers renew it by themselves."""
    kept = {"version": shell.version(), "files": shell.files()}
    response = render(request, "ui/sw.js", kept, content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


@open_to_all
@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    return render(request, "ui/robots.txt", content_type="text/plain; charset=utf-8")
