"""The public pages. They hold no personal data and set no cookie."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from havre.core.http import open_to_all
from havre.portal.numbers import DANGER, SHELTER
from havre.ui.languages import counts


@open_to_all
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "portal/home.html",
        {
            "numbers": DANGER,
            "shelter": SHELTER,
            "left": "sorti" in request.GET and not request.user.is_authenticated,
        },
    )


@open_to_all
@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/help.html", {"numbers": DANGER, "shelter": SHELTER})


@open_to_all
@require_safe
def legal(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/legal.html")


@open_to_all
@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/accessibility.html")


@open_to_all
@require_safe
def languages(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/languages.html", {"counts": counts()})


@open_to_all
@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """The page that a phone keeps for when there is no network: it is drawn for nobody, whoever asks."""
    request.user, request.seat = AnonymousUser(), None  # type: ignore[attr-defined]
    return render(request, "portal/offline.html", {"numbers": DANGER, "shelter": SHELTER})
