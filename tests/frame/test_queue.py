"""What becomes of the tasks of a worker that was killed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from havre.core import queue
from havre.core.models import Heartbeat
from havre.core.periodic import Holder

pytestmark = pytest.mark.django_db


def _task(
    status: str = TaskResultStatus.RUNNING, *workers: str, finished: datetime | None = None
) -> DBTaskResult:
    return DBTaskResult.objects.create(
        status=status,
        args_kwargs={"args": [], "kwargs": {}},
        task_path="tests.frame.chores.slow_chore",
        backend_name="default",
        run_after=timezone.now(),
        started_at=timezone.now() if workers else None,
        finished_at=finished,
        worker_ids=list(workers),
    )


def test_the_task_of_a_worker_that_is_gone_is_ready_again(clock: time_machine.Traveller) -> None:
    worker = Holder("worker")
    worker.beat()
    task = _task(TaskResultStatus.RUNNING, worker.id)
    clock.shift(queue.GONE_SECONDS + 1)
    assert queue.requeue_orphans() == 1
    task.refresh_from_db()
    assert (task.status, task.started_at, task.worker_ids) == (TaskResultStatus.READY, None, [worker.id])


def test_the_task_of_a_living_worker_is_left_to_it(clock: time_machine.Traveller) -> None:
    worker = Holder("worker")
    task = _task(TaskResultStatus.RUNNING, "worker:gone", worker.id)
    clock.shift(3600)
    worker.beat()
    assert queue.requeue_orphans() == 0
    task.refresh_from_db()
    assert task.status == TaskResultStatus.RUNNING


def test_a_task_that_another_worker_took_meanwhile_is_left_to_it(clock: time_machine.Traveller) -> None:
    task = _task(TaskResultStatus.RUNNING, "worker:gone")
    stale = DBTaskResult.objects.get(pk=task.pk)
    clock.shift(1)
    task.claim("worker:new")
    assert queue._take_back(stale) == 0
    task.refresh_from_db()
    assert task.worker_ids == ["worker:gone", "worker:new"]


def test_a_task_that_ends_every_worker_is_failed_and_stays_to_be_seen(
    caplog: pytest.LogCaptureFixture,
) -> None:
    task = _task(TaskResultStatus.RUNNING, *[f"worker:{number}" for number in range(queue.MAX_TRIES)])
    queue.requeue_orphans()
    task.refresh_from_db()
    assert task.status == TaskResultStatus.FAILED
    assert "it is given up" in caplog.text


def test_tasks_that_wait_or_have_ended_are_not_touched() -> None:
    for status in (TaskResultStatus.READY, TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED):
        _task(status, "worker:gone")
    assert queue.requeue_orphans() == 0


def test_old_results_and_old_heartbeats_go_and_recent_ones_stay(clock: time_machine.Traveller) -> None:
    now = timezone.now()
    for status, days in (("SUCCESSFUL", 8), ("SUCCESSFUL", 6), ("FAILED", 31), ("FAILED", 29)):
        _task(status, "w", finished=now - timedelta(days=days))
    for number, hours in enumerate((25, 1)):
        at = now - timedelta(hours=hours)
        Heartbeat.objects.create(holder=str(number), process="worker", machine="m", at=at)
    queue.tidy()
    assert DBTaskResult.objects.count() == 2
    assert [heartbeat.holder for heartbeat in Heartbeat.objects.all()] == ["1"]
