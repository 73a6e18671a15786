"""`GET /healthz`: whether the house stands, for the supervisor, a load balancer or the operator's monitoring.

No session, no write, no secret: states and ages in seconds. 503 only when the database does not answer, for
without the rest the pages still open (`degraded`).
"""

from __future__ import annotations

import threading
import time
from typing import Literal, TypedDict

from django.conf import settings
from django.db import Error
from django.db.models import Max
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from havre.core.http import open_to_all
from havre.core.keeper_client import KeeperClient, KeeperError
from havre.core.models import Heartbeat

LATE_SECONDS = 15
KEEPER_SECONDS = 0.5
_KEEPER_MEMORY_SECONDS = 1.0  # an address that anyone may call must not become a way to tire the keeper

State = Literal["ok", "late", "absent"]


class Process(TypedDict):
    """`age`: seconds since it was last heard of; None when it never was."""

    state: State
    age: float | None


@open_to_all
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The state of each process, and of the whole."""
    processes: dict[str, Process] = {"web": {"state": "ok", "age": 0.0}}
    try:
        processes |= _by_heartbeat() | {"database": {"state": "ok", "age": 0.0}}
    except Error:
        processes["database"] = {"state": "absent", "age": None}
    processes["keeper"] = _keeper.process()
    good = all(process["state"] == "ok" for process in processes.values())
    response = JsonResponse(
        {"state": "ok" if good else "degraded", "processes": processes},
        status=200 if processes["database"]["state"] == "ok" else 503,
    )
    response["Cache-Control"] = "no-store"
    return response


def _by_heartbeat() -> dict[str, Process]:
    last = dict(Heartbeat.objects.values_list("process").annotate(Max("at")))
    now = timezone.now()
    ages = {name: (now - last[name]).total_seconds() if name in last else None for name in ("worker", "tick")}
    return {
        name: {"state": _state(age), "age": age and round(max(0.0, age), 1)} for name, age in ages.items()
    }


def _state(age: float | None) -> State:
    if age is None:
        return "absent"
    return "ok" if age < LATE_SECONDS else "late"


class _Keeper:
    """Asks the keeper at most once a second, one thread at a time."""

    def __init__(self) -> None:
        self._client = KeeperClient(settings.KEEPER, KEEPER_SECONDS, settings.KEEPER_CERTIFICATES)
        self._guard = threading.Lock()
        self._answered: float | None = None
        self._asked = float("-inf")

    def process(self) -> Process:
        """Its state, and the age of its last answer."""
        with self._guard:
            now = time.monotonic()
            if now - self._asked > _KEEPER_MEMORY_SECONDS:
                self._ask(now)
            age = None if self._answered is None else round(now - self._answered, 1)
            return {"state": "ok" if self._answered == self._asked else "absent", "age": age}

    def _ask(self, now: float) -> None:
        self._asked = now
        try:
            self._client.check()
        except KeeperError:
            return
        self._answered = now


_keeper = _Keeper()
