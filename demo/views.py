"""Pages of the demonstration alone: who can sign in with which code, and the messages as they left."""

from __future__ import annotations

import email
import email.policy
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyotp
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from demo import cast
from havre.core import sealing
from havre.core.http import open_to_all
from havre.outbox import actions as outbox
from havre.outbox.models import Message, State

type View = Callable[[HttpRequest], HttpResponse]


@dataclass(frozen=True)
class Door:
    """One who can sign in, with the code of the moment."""

    worker: cast.Worker
    code: str


def _in_a_demonstration(view: View) -> View:
    """Only on an instance that was made as a demonstration, whatever the settings say later."""

    @functools.wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if not (Path(settings.HOME) / "demo").exists():
            raise Http404
        return view(request)

    return guarded


@open_to_all
@require_safe
@_in_a_demonstration
def who(request: HttpRequest) -> HttpResponse:
    """Who can sign in, and the codes of the moment (they change every 30 seconds)."""
    now = timezone.now()
    doors = [Door(worker, pyotp.TOTP(worker.secret).at(now)) for worker in cast.WORKERS]
    return render(request, "demo/who.html", {"doors": doors, "password": cast.PASSWORD})


@open_to_all
@require_safe
@_in_a_demonstration
def messages(request: HttpRequest) -> HttpResponse:
    """The last messages that left, opened here only because everybody is invented."""
    sent = Message.objects.filter(state=State.SENT).order_by("-sent_at")[:30]
    letters = [_letter(message) for message in sent]
    return render(request, "demo/messages.html", {"letters": letters})


def _letter(message: Message) -> dict[str, object]:
    raw = outbox.letter(message, by=sealing.worker())
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    return {
        "to": parsed["To"],
        "title": parsed["Subject"],
        "body": parsed.get_content(),
        "at": message.sent_at,
        "language": message.language,
    }
