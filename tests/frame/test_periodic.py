"""Leases, heartbeats and the jobs that come back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from unittest import mock

import pytest
import time_machine
from django.db import connections
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from havre.core import periodic
from havre.core.models import Heartbeat, Lease
from havre.core.periodic import LEASE_SECONDS, Holder, Job, Schedule
from tests.conftest import NOW

JOB = "a-job"


class Clocks:
    """Both clocks of a process, moved together."""

    def __init__(self, wall: time_machine.Traveller) -> None:
        self._wall = wall
        self.now = 1000.0

    def read(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds
        self._wall.shift(seconds)


@pytest.fixture
def clocks() -> Iterator[Clocks]:
    with time_machine.travel(NOW, tick=False) as wall:
        both = Clocks(wall)
        with mock.patch.object(periodic, "_clock", both.read):
            yield both


def _believes(holder: Holder) -> bool:
    return holder._held.get(JOB, 0) > periodic._clock()


_steps = st.lists(
    st.tuples(
        st.sampled_from(["claim", "claim", "release", "beat", "leave", "wait"]),
        st.integers(0, 2),
        st.floats(0, LEASE_SECONDS * 1.5),
    ),
    max_size=30,
)


@pytest.mark.django_db
@given(steps=_steps)
@hypothesis_settings(max_examples=60, deadline=None)
def test_never_do_two_processes_believe_that_they_hold_a_lease(
    steps: list[tuple[str, int, float]],
) -> None:
    Lease.objects.all().delete()
    Heartbeat.objects.all().delete()
    holders = [Holder("tick") for _ in range(3)]
    with time_machine.travel(NOW, tick=False) as wall:
        both = Clocks(wall)
        with mock.patch.object(periodic, "_clock", both.read):
            for step, number, seconds in steps:
                _take(step, holders[number], both, seconds)
                assert sum(map(_believes, holders)) <= 1


def _take(step: str, holder: Holder, both: Clocks, seconds: float) -> None:
    if step == "claim":
        assert holder.claim(JOB) == _believes(holder)
    elif step == "release":
        holder.release(JOB)
    elif step == "beat":
        holder.beat()
    elif step == "leave":
        holder.leave()
    else:
        both.forward(seconds)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_claim_at_the_same_instant_one_gets_the_lease() -> None:
    for _ in range(5):
        Lease.objects.all().delete()
        assert sum(_race(8)) == 1


def _race(runners: int) -> list[bool]:
    gate, results = threading.Barrier(runners), list[bool]()

    def run() -> None:
        holder = Holder("worker")
        gate.wait()
        results.append(holder.claim(JOB))
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(runners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db
def test_a_lease_is_free_again_after_its_holder_was_killed(clocks: Clocks) -> None:
    killed, next_one = Holder("tick"), Holder("tick")
    assert killed.claim(JOB)
    clocks.forward(LEASE_SECONDS - 1)
    assert not next_one.claim(JOB)
    clocks.forward(2)
    assert next_one.claim(JOB)
    assert not killed.claim(JOB)


@pytest.mark.django_db
def test_a_lease_lasts_as_long_as_its_holder_beats(clocks: Clocks) -> None:
    holder, other = Holder("tick"), Holder("tick")
    holder.claim(JOB)
    for _ in range(10):
        clocks.forward(LEASE_SECONDS - 1)
        holder.beat()
        assert not other.claim(JOB)
    assert Heartbeat.objects.get().at == timezone.now()


@pytest.mark.django_db
def test_a_process_that_stops_in_order_frees_everything_at_once(clocks: Clocks) -> None:
    holder, other = Holder("tick"), Holder("tick")
    with holder.alive():
        holder.claim(JOB)
        assert Heartbeat.objects.filter(holder=holder.id, process="tick").exists()
    assert other.claim(JOB)
    assert not Heartbeat.objects.exists()


@pytest.mark.django_db
def test_a_heartbeat_writes_in_one_transaction_and_few_queries(
    clocks: Clocks, django_assert_max_num_queries: object
) -> None:
    holder = Holder("worker")
    holder.beat()
    for name in "abc":
        holder.claim(name)
    with django_assert_max_num_queries(5):  # type: ignore[operator]
        holder.beat()


@pytest.mark.django_db
def test_a_short_job_runs_at_each_period_while_the_lease_is_ours(clocks: Clocks) -> None:
    runs: list[float] = []
    schedule = Schedule([Job(JOB, 2, lambda: runs.append(clocks.now))], Holder("tick"))
    for _ in range(8):
        schedule.run_due()
        clocks.forward(1)
    assert runs == [1000, 1002, 1004, 1006]


@pytest.mark.django_db
def test_a_daily_job_is_not_run_again_because_the_process_started_again(clocks: Clocks) -> None:
    runs: list[float] = []
    job = Job(JOB, 86_400, lambda: runs.append(clocks.now))
    for _ in range(3):
        holder = Holder("tick")
        Schedule([job], holder).run_due()
        holder.leave()
        clocks.forward(3600)
    assert len(runs) == 1
    clocks.forward(86_400)
    Schedule([job], Holder("tick")).run_due()
    assert len(runs) == 2


@pytest.mark.django_db
def test_a_job_that_fails_is_logged_and_tried_again_within_a_minute_and_the_others_run(
    clocks: Clocks, caplog: pytest.LogCaptureFixture
) -> None:
    tries, others = [], []

    def fail() -> None:
        tries.append(1)
        raise ValueError("broken")

    schedule = Schedule(
        [Job(JOB, 86_400, fail), Job("other", 86_400, lambda: others.append(1))], Holder("tick")
    )
    schedule.run_due()
    assert (len(tries), len(others)) == (1, 1)
    assert "periodic job a-job failed" in caplog.text
    clocks.forward(61)
    schedule.run_due()
    assert (len(tries), len(others)) == (2, 1)


@pytest.mark.django_db
def test_a_job_held_elsewhere_does_not_run_here(clocks: Clocks) -> None:
    Holder("tick").claim(JOB)
    runs: list[int] = []
    Schedule([Job(JOB, 1, lambda: runs.append(1))], Holder("tick")).run_due()
    assert runs == []


def test_two_jobs_never_share_a_name() -> None:
    with pytest.raises(ValueError, match=r"core\.requeue"):
        periodic.worker.register("core.requeue", 1, lambda: None)


def test_every_registered_job_has_a_period_of_at_least_a_quarter_of_a_second() -> None:
    jobs = {**periodic.tick.jobs, **periodic.worker.jobs}
    assert {"core.requeue", "core.tidy"} <= set(jobs)
    assert all(job.every >= periodic.LOOK_SECONDS and len(name) <= 100 for name, job in jobs.items())


@pytest.mark.django_db
def test_tick_once_runs_what_is_due_and_returns() -> None:
    from django.core.management import call_command

    runs: list[int] = []
    with mock.patch.dict(periodic.tick.jobs, {JOB: Job(JOB, 86_400, lambda: runs.append(1))}, clear=True):
        call_command("tick", once=True)
        call_command("tick", once=True)
    assert runs == [1]
    assert Lease.objects.get(name=JOB).until <= timezone.now() + timedelta(seconds=1)
