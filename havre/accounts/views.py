"""Signing in and out: a password, then a code."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pyotp
import segno
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from havre.accounts import actions
from havre.accounts.doors import SignedInRequest, signed_in
from havre.accounts.forms import CodeForm, SignInForm
from havre.accounts.hashers import Busy
from havre.accounts.models import User
from havre.core import sealing
from havre.core.http import open_to_all
from havre.core.keeper_client import KeeperAbsent


def next_page(request: HttpRequest) -> str:
    """Where to go after: a page of this house, or the start page."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    return wanted if url_has_allowed_host_and_scheme(wanted, {request.get_host()}) else reverse("pro")


def wait_sentence(wait: timedelta) -> str:
    seconds = max(1, math.ceil(wait.total_seconds()))
    return ngettext(
        "Trop d’essais. Attendez %(n)d seconde, puis essayez encore.",
        "Trop d’essais. Attendez %(n)d secondes, puis essayez encore.",
        seconds,
    ) % {"n": seconds}


@open_to_all
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The first door: address and password."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(next_page(request))
    form = SignInForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        user = _checked(form, request.COOKIES.get(settings.KNOWN_COOKIE_NAME, ""))
        if user is not None:
            actions.start_half(request, user)
            return redirect(f"{reverse('sign-in-code')}?{_query(request)}")
    context = {"form": form, "next": next_page(request)}
    return render(request, "accounts/sign_in.html", context, status=status)


def _query(request: HttpRequest) -> str:
    return urlencode({"next": next_page(request)})


def _checked(form: SignInForm, mark: str) -> User | None:
    if not form.is_valid():
        return None
    try:
        user = actions.user_with_password(form.cleaned_data["email"], form.cleaned_data["password"], mark)
    except actions.TooManyTries as refusal:
        form.add_error(None, wait_sentence(refusal.wait))
        return None
    except KeeperAbsent:
        form.add_error(None, keeper_sentence())
        return None
    except Busy:
        form.add_error(None, _("Beaucoup de monde entre en ce moment. Essayez dans une minute."))
        return None
    if user is None:
        form.add_error(None, _("Adresse ou mot de passe inconnu. Vérifiez, puis essayez encore."))
    return user


def keeper_sentence() -> str:
    """What to say when the keeper does not answer."""
    return _(
        "Les noms et les documents sont fermés pour l’instant. Rien n’est perdu. Essayez dans une minute."
    )


@open_to_all
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """The second door: a code, or the first setting of the code generator."""
    user = actions.half_signed_in(request)
    if user is None:
        return redirect("sign-in")
    enrolled = actions.second_factor(user) is not None
    form = CodeForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and _code_accepted(form, user, enrolled):
            actions.sign_in(request, user)
            return _welcomed(request, user, HttpResponseRedirect(next_page(request)))
    context: dict[str, Any] = {"form": form, "next": next_page(request)}
    if not enrolled:
        context |= _generator(user)
    return render(request, "accounts/code.html", context, status=status)


def _welcomed(request: HttpRequest, user: User, response: HttpResponse) -> HttpResponse:
    """The browser is marked as one where this user signs in; and their own language, unless it has chosen one."""
    response.set_cookie(
        settings.KNOWN_COOKIE_NAME,
        actions.known_mark(user),
        max_age=actions.KNOWN_FOR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            user.language,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


def _code_accepted(form: CodeForm, user: User, enrolled: bool) -> bool:
    check = actions.code_is_right if enrolled else actions.confirm_second_factor
    try:
        if check(user, form.cleaned_data["code"]):
            return True
    except actions.TooManyTries as refusal:
        form.add_error("code", wait_sentence(refusal.wait))
        return False
    form.add_error("code", _("Ce code n’est pas le bon. Attendez le suivant, puis essayez encore."))
    return False


def _generator(user: User) -> dict[str, str]:
    """What sets up a code generator: a QR code to scan, and the secret to type, in groups of four."""
    secret = actions.new_secret(user)
    sealing.unseal([user], "email", by=user.actor, purpose="second-factor")
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name="Havre")
    picture = segno.make(uri, error="m").svg_inline(scale=5, border=2, dark="#1B2A2F", light="#fff")
    return {"qr": mark_safe(picture), "secret": " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))}  # noqa: S308 -- drawn by segno


@open_to_all
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Close the session and leave nothing in the browser."""
    actions.sign_out(request)
    response = HttpResponseRedirect(f"{reverse('home')}?sorti")
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response


@signed_in
@require_http_methods(["GET", "HEAD"])
def account(request: SignedInRequest) -> HttpResponse:
    """My account: who I am here, and my second factor."""
    user = request.user
    sealing.unseal([user], "name", "email", by=user.actor, purpose="own-account")
    return render(request, "accounts/account.html", {"factor": actions.second_factor(user)})
