"""The task queue's safety net: what a killed worker was running is run again, and old results go.

Nothing is lost because a task's row says RUNNING before the first line of the task; nothing waits for ever
because the row names the worker, and the worker's heartbeat says whether it lives. So every task may run more
than once, and is written for it.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db import models
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from havre.core.models import Heartbeat

GONE_SECONDS = 15
MAX_TRIES = 5
KEEP_DAYS, KEEP_FAILED_DAYS = 7, 30

log = logging.getLogger(__name__)


class WorkersDiedError(RuntimeError):
    """Every worker that tried this task died in it."""


def requeue_orphans() -> int:
    """Make ready again the running tasks whose worker is gone; how many."""
    alive = set(_alive().values_list("holder", flat=True))
    running = _in_state(TaskResultStatus.RUNNING).only("id", "worker_ids", "started_at", "task_path")
    orphans = [task for task in running if not task.worker_ids or task.worker_ids[-1] not in alive]
    return sum(_take_back(task) for task in orphans)


def _in_state(status: TaskResultStatus) -> models.QuerySet[DBTaskResult[..., Any]]:
    return DBTaskResult.objects.filter(status=status)


def _alive() -> models.QuerySet[Heartbeat]:
    return Heartbeat.objects.filter(at__gt=timezone.now() - timedelta(seconds=GONE_SECONDS))


def _take_back(task: DBTaskResult[..., Any]) -> int:
    """READY again, unless another worker has it since; a task that ends every worker is failed instead."""
    if len(task.worker_ids) >= MAX_TRIES:
        log.error("task %s (%s) ended %d workers; it is given up", task.id, task.task_path, MAX_TRIES)
        task.set_failed(WorkersDiedError(f"{MAX_TRIES} workers died in it"))
        return 0
    ours = _in_state(TaskResultStatus.RUNNING).filter(id=task.id, started_at=task.started_at)
    return ours.update(status=TaskResultStatus.READY, started_at=None)


def tidy() -> None:
    """Remove the results of old tasks, and the heartbeats of processes that were killed."""
    now = timezone.now()
    _in_state(TaskResultStatus.SUCCESSFUL).filter(finished_at__lt=now - timedelta(days=KEEP_DAYS)).delete()
    _in_state(TaskResultStatus.FAILED).filter(finished_at__lt=now - timedelta(days=KEEP_FAILED_DAYS)).delete()
    Heartbeat.objects.filter(at__lt=now - timedelta(days=1)).delete()


def waiting(path: str, arguments: list[str]) -> set[str]:
    """Among first arguments, those for which a task of this path is already queued or at work."""
    states = [TaskResultStatus.READY, TaskResultStatus.RUNNING]
    queued = DBTaskResult.objects.filter(task_path=path, status__in=states).values_list(
        "args_kwargs", flat=True
    )
    return {call["args"][0] for call in queued if call["args"]} & set(arguments)
