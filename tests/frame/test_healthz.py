"""`GET /healthz`."""

from __future__ import annotations

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client

from havre.core import health
from havre.core.keeper_client import KeeperAbsent
from havre.core.periodic import Holder

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_memory_of_the_keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_keeper", health._Keeper())


@pytest.fixture
def beating(clock: time_machine.Traveller) -> time_machine.Traveller:
    """A worker and a tick that have just beaten."""
    for process in ("worker", "tick"):
        Holder(process).beat()
    return clock


def test_a_house_where_all_live_is_ok(client: Client, beating: object) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {
        "state": "ok",
        "processes": {
            name: {"state": "ok", "age": 0.0} for name in ("web", "worker", "tick", "database", "keeper")
        },
    }


def test_a_process_that_is_late_degrades_the_house_without_closing_it(
    client: Client, beating: time_machine.Traveller
) -> None:
    beating.shift(health.LATE_SECONDS + 5)
    Holder("tick").beat()
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["state"] == "degraded"
    assert answer.json()["processes"]["worker"] == {"state": "late", "age": health.LATE_SECONDS + 5.0}
    assert answer.json()["processes"]["tick"]["state"] == "ok"


def test_a_process_never_heard_of_is_absent(client: Client) -> None:
    assert client.get("/healthz").json()["processes"]["worker"] == {"state": "absent", "age": None}


def test_without_the_keeper_the_house_is_degraded_but_open(
    client: Client, beating: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent() -> str:
        raise KeeperAbsent("gone")

    monkeypatch.setattr(health._keeper._client, "check", absent)
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["state"] == "degraded"
    assert answer.json()["processes"]["keeper"] == {"state": "absent", "age": None}


def test_the_keeper_is_asked_at_most_once_a_second(
    client: Client, beating: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(health._keeper._client, "check", lambda: asked.append(1))
    for _ in range(20):
        client.get("/healthz")
    assert len(asked) == 1


def test_only_a_database_that_does_not_answer_closes_the_house(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent() -> None:
        raise OperationalError("no answer")

    monkeypatch.setattr(health, "_by_heartbeat", silent)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["processes"]["database"] == {"state": "absent", "age": None}


def test_it_reads_once_writes_nothing_and_opens_no_session(
    client: Client, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        answer = client.get("/healthz")
    assert answer.cookies == {}
    assert answer["Cache-Control"] == "no-store"
    assert client.post("/healthz").status_code in (403, 405)
