"""`bin/havre worker`: runs the queued tasks, and the periodic jobs that are the worker's."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django_tasks_db.management.commands import db_worker

from havre.core import periodic
from havre.reading.client import ReadingServer
from havre.reading.readings import ReadingAbsent

POLL_SECONDS = 0.3
GRACE_SECONDS = 4.0
LOOK_SECONDS = 2.0  # how often the reading server is looked at

log = logging.getLogger(__name__)


class Worker(db_worker.Worker):
    """django-tasks-db's, which here stops at the first signal, and never counts it as the task's failure.

    A task still running after the grace is left as it is: its row says RUNNING, and `queue.requeue_orphans`
    has it run again.
    """

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        if not self.running:
            return
        self.running = False
        _exit_after(GRACE_SECONDS)
        if not self.running_task:
            raise SystemExit(0)


def _exit_after(seconds: float) -> None:
    timer = threading.Timer(seconds, os._exit, [1])
    timer.daemon = True
    timer.start()


class Command(BaseCommand):
    """One process: tasks in the main thread, one thread for each periodic job, the reading server beside."""

    requires_system_checks = ()
    help = "Run the queued tasks and the worker's periodic jobs."

    def handle(self, *args: Any, **options: Any) -> None:
        holder = periodic.Holder("worker")
        worker = Worker(
            queue_names=["*"],
            interval=POLL_SECONDS,
            batch=False,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=holder.id,
            excluded_queue_names=[],
        )
        with (
            ReadingServer(settings.READING_SOCKET.parent) as reading,
            holder.alive() as stop,
            _kept_alive(reading, stop),
            _periodic_jobs(holder, stop),
        ):
            worker.configure_signals()
            worker.run()


@contextmanager
def _kept_alive(reading: ReadingServer, stop: threading.Event) -> Iterator[None]:
    """Starts the reading server again when it has died: the system may end it for its memory."""

    def look() -> None:
        while not stop.wait(LOOK_SECONDS):
            try:
                reading.start()
            except (ReadingAbsent, OSError):
                log.exception("the reading server does not start")

    thread = threading.Thread(target=look, name="reading", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=GRACE_SECONDS / 2)


@contextmanager
def _periodic_jobs(holder: periodic.Holder, stop: threading.Event) -> Iterator[None]:
    """A thread each: a job that waits for a distant server does not hold up the journal's chain."""
    schedules = [periodic.Schedule([job], holder) for job in periodic.worker.jobs.values()]
    threads = [
        threading.Thread(target=schedule.run_forever, args=(stop,), daemon=True) for schedule in schedules
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=GRACE_SECONDS / 2)
