"""Making users, checking what they know and what they hold, and their sessions."""

from __future__ import annotations

import secrets
import unicodedata
from datetime import timedelta
from uuid import UUID

import pyotp
from django.contrib import auth
from django.contrib.auth.hashers import make_password
from django.core import signing
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from havre.accounts import sessions
from havre.accounts.models import SecondFactor, Space, User
from havre.audit import actions as audit
from havre.core import facts, limits, sealing
from havre.core.ids import uuid7
from havre.core.keeper_client import Actor

EMAIL_KIND = "user.email"
HALF = "half-signed-in"
HALF_LASTS = timedelta(minutes=10)
KNOWN = "accounts.known-browser"
KNOWN_FOR = timedelta(days=180)
STEP = 30  # seconds, RFC 6238 §4


class TooManyTries(Exception):
    """Wait before the next try; `wait` is how long."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(str(wait))
        self.wait = wait


def nobody() -> Actor:
    """The house itself, before it knows who is there."""
    return Actor("system", UUID(int=0))


def email_token(email: str) -> str:
    """The blind token of an address, however it is typed (case, spaces, compatibility forms)."""
    return sealing.blind(None, EMAIL_KIND, facts.email(email))[0]


@transaction.atomic
def create_professional(*, name: str, email: str, password: str | None, language: str = "fr") -> User:
    """A professional's user, with keys of their own; raises IntegrityError when the address has one already."""
    user = User(
        id=uuid7(),
        space=Space.PROFESSIONAL,
        email_token=email_token(email),
        language=language,
    )
    sealing.keeper().create(user.id)
    user.password = make_password(password)
    sealing.seal(user, by=user.actor, name=name, email=email)
    user.save()
    return user


def known_mark(user: User) -> str:
    """What a browser keeps once this user has signed in there: strangers' tries then cost its owner nothing."""
    return signing.dumps(str(user.email_token), salt=KNOWN)


def _known_here(token: str, mark: str) -> bool:
    try:
        return bool(signing.loads(mark, salt=KNOWN, max_age=KNOWN_FOR) == token)
    except signing.BadSignature:
        return False


def user_with_password(email: str, password: str, mark: str = "") -> User | None:
    """The user whose address and password these are, after the same work whether the address is known or not.

    A browser with the user's mark has an allowance of its own: nobody can lock its owner out by guessing elsewhere.
    """
    token = email_token(email)
    where = "known" if _known_here(token, mark) else "elsewhere"
    wait = limits.take(f"sign-in|{where}|{token}", capacity=5, per=timedelta(minutes=1))
    if wait is not None:
        raise TooManyTries(wait)
    user = User.objects.filter(email_token=token, is_active=True).first()
    if user is None:
        make_password(password)
        return None
    return user if user.check_password(password) else None


def start_half(request: HttpRequest, user: User) -> None:
    """Remember that the password was right; the second factor comes next."""
    if second_factor(user) is None:
        new_secret(user)
    request.session.flush()  # nothing of who was there before
    request.session[HALF] = {"user": str(user.pk), "at": timezone.now().timestamp()}


def half_signed_in(request: HttpRequest) -> User | None:
    half = request.session.get(HALF)
    if not half or timezone.now().timestamp() - half["at"] > HALF_LASTS.total_seconds():
        return None
    return User.objects.filter(pk=half["user"], is_active=True).first()


def sign_in(request: HttpRequest, user: User) -> None:
    """Open the session: both factors were right."""
    request.session.pop(HALF, None)
    auth.login(request, user, backend="havre.accounts.backend.Backend")
    for where in ("known", "elsewhere"):
        limits.give_back(f"sign-in|{where}|{user.email_token}")
    limits.give_back(f"code|{user.pk}")
    audit.record("accounts.signed-in", by=user.pk)


def sign_out(request: HttpRequest) -> None:
    if request.user.is_authenticated:
        audit.record("accounts.signed-out", by=request.user.pk)
    auth.logout(request)


def second_factor(user: User) -> SecondFactor | None:
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).first()


def new_secret(user: User) -> str:
    """A secret for the user's code generator, kept sealed until a first code confirms it; the same until then."""
    factor = SecondFactor.objects.filter(user=user).first()
    if factor is not None and factor.confirmed_at is None:
        sealing.unseal([factor], "secret", by=user.actor, purpose="second-factor")
        return str(factor.secret)
    if factor is not None:
        raise ValueError("this user has a second factor")
    return replace_secret(user, pyotp.random_base32())


def replace_secret(user: User, secret: str) -> str:
    factor = SecondFactor(user=user)
    sealing.seal(factor, by=user.actor, secret=secret)
    factor.save()
    return secret


@transaction.atomic
def renew_access(user: User) -> str:
    """A new password, no code generator, no session: the operator's act, face to face or by a known voice."""
    password = secrets.token_urlsafe(15)
    user.password = make_password(password)
    user.save(update_fields=["password"])
    SecondFactor.objects.filter(user=user).delete()
    sessions.end_all(user.pk)
    audit.record("accounts.access-renewed", by=None, on=user)
    return password


def confirm_second_factor(user: User, code: str) -> bool:
    """Take the first code of a new generator; from then on each sign-in asks for one."""
    factor = SecondFactor.objects.filter(user=user, confirmed_at=None).first()
    if factor is None or not _code_is_right(factor, code):
        return False
    SecondFactor.objects.filter(pk=factor.pk).update(confirmed_at=timezone.now())
    audit.record("accounts.second-factor.added", by=user.pk)
    return True


def code_is_right(user: User, code: str) -> bool:
    """Check a code of the user's generator: 5 tries in 5 minutes, one step of clock error, each step once."""
    wait = limits.take(f"code|{user.pk}", capacity=5, per=timedelta(minutes=5))
    if wait is not None:
        raise TooManyTries(wait)
    factor = second_factor(user)
    return factor is not None and _code_is_right(factor, code)


def _code_is_right(factor: SecondFactor, code: str) -> bool:
    sealing.unseal([factor], "secret", by=factor.user.actor, purpose="second-factor")
    now = int(timezone.now().timestamp()) // STEP
    generator = pyotp.TOTP(factor.secret)
    digits = "".join(str(unicodedata.decimal(sign)) for sign in code if sign.isdecimal())
    for step in (now, now - 1, now + 1):
        if pyotp.utils.strings_equal(digits, generator.at(step * STEP)):
            used = SecondFactor.objects.filter(pk=factor.pk, last_step__lt=step).update(last_step=step)
            return bool(used)
    return False
