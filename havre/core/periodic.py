"""Jobs that come back: an app registers a function, and one process at a time runs it, whatever is killed.

    periodic.tick.register("outbox.retry", 10, retry)   # in the tick process, one after the other
    periodic.worker.register("audit.chain", 1, chain)   # in the worker process, each in its own thread

A job belongs to the process that holds its lease, a row taken by a conditional UPDATE. The holder keeps it
from run to run: every two seconds one transaction writes the heartbeat and prolongs all leases held, so an
idle house writes little. A killed process loses its leases after LEASE_SECONDS. A machine that was suspended
for longer may wake up in the middle of a run that another has started: jobs are written so that running
twice is harmless.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import DatabaseError, connections, transaction
from django.db.models import Q
from django.utils import timezone

from havre.core.models import Heartbeat, Lease

LEASE_SECONDS = 15
BEAT_SECONDS = 2
RETRY_SECONDS = 60  # a job that failed is tried again after its period, or this if it is shorter
REMEMBERED_SECONDS = 60  # from this period on, the last run outlives the process
LOOK_SECONDS = 0.25
_FOREIGN_SECONDS = 5.0  # how often a process looks whether a lease held by another is free

log = logging.getLogger(__name__)


def _clock() -> float:
    """Seconds that only go forward, and that count while the machine sleeps where the system can tell."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _renew_connections() -> None:
    """Close the connections that broke or grew old, unless a caller's transaction is open on them."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


@dataclass(frozen=True)
class Job:
    """A function to call every so many seconds."""

    name: str
    every: float
    function: Callable[[], object]


class Registry:
    """The jobs of one kind of process, filled from `AppConfig.ready()`."""

    def __init__(self, process: str) -> None:
        self.process = process
        self.jobs: dict[str, Job] = {}

    def register(self, name: str, every_seconds: float, function: Callable[[], object]) -> None:
        """Add a job; its name is its lease, so it is unique in the house (`audit.chain`)."""
        if name in tick.jobs or name in worker.jobs:
            raise ValueError(f"Two periodic jobs are called {name}.")
        self.jobs[name] = Job(name, every_seconds, function)


tick = Registry("tick")
worker = Registry("worker")


class Holder:
    """One process of the house: its heartbeat, and the leases it holds. Safe between threads."""

    def __init__(self, process: str) -> None:
        self.process = process
        self.machine = socket.gethostname()[:255]
        self.id = f"{process}:{os.getpid()}:{secrets.token_hex(8)}"
        self._held: dict[str, float] = {}  # name -> until when, by _clock()
        self._guard = threading.Lock()

    def claim(self, name: str) -> bool:
        """Whether this process holds the lease now; takes it when it is free."""
        with self._guard:
            if self._held.get(name, 0) > _clock():
                return True
        start, now = _clock(), timezone.now()
        Lease.objects.get_or_create(name=name, defaults={"until": now})
        free = Lease.objects.filter(Q(until__lte=now) | Q(holder=self.id), name=name)
        if free.update(holder=self.id, until=now + timedelta(seconds=LEASE_SECONDS)) != 1:
            return False
        with self._guard:
            self._held[name] = start + LEASE_SECONDS
        return True

    def release(self, name: str) -> None:
        """Give the lease back."""
        with self._guard:
            self._held.pop(name, None)
        Lease.objects.filter(name=name, holder=self.id).update(holder="", until=timezone.now())

    @transaction.atomic
    def beat(self) -> None:
        """Say that this process lives, and prolong what it holds."""
        start, now = _clock(), timezone.now()
        self._write_heartbeat()
        with self._guard:
            names = list(self._held)
        ours = Lease.objects.filter(name__in=names, holder=self.id)
        if names and ours.update(until=now + timedelta(seconds=LEASE_SECONDS)):
            kept = set(ours.values_list("name", flat=True))
            with self._guard:
                self._held.update(
                    {name: start + LEASE_SECONDS for name in names if name in kept and name in self._held}
                )

    def _write_heartbeat(self) -> None:
        Heartbeat.objects.bulk_create(
            [Heartbeat(holder=self.id, process=self.process, machine=self.machine, at=timezone.now())],
            update_conflicts=True,
            unique_fields=["holder"],
            update_fields=["at"],
        )

    def leave(self) -> None:
        """Stop in order: nobody needs to wait for the leases to end."""
        with self._guard:
            self._held.clear()
        Lease.objects.filter(holder=self.id).update(holder="", until=timezone.now())
        Heartbeat.objects.filter(holder=self.id).delete()

    @contextmanager
    def alive(self) -> Iterator[threading.Event]:
        """Beat in a thread meanwhile; gives the event that ends the loops. Leaves at the end."""
        stop = threading.Event()
        self.beat()
        thread = threading.Thread(target=self._beat_until, args=(stop,), name="heartbeat", daemon=True)
        thread.start()
        try:
            yield stop
        finally:
            stop.set()
            thread.join(timeout=BEAT_SECONDS)
            self.leave()

    def _beat_until(self, stop: threading.Event) -> None:
        while not stop.wait(BEAT_SECONDS):
            try:
                self.beat()
            except DatabaseError:
                log.exception("the heartbeat could not be written")
            _renew_connections()
        connections.close_all()


class Schedule:
    """The jobs that one thread looks after, and when each is next due."""

    def __init__(self, jobs: Iterable[Job], holder: Holder) -> None:
        self._holder = holder
        self._due = dict.fromkeys(jobs, 0.0)  # by _clock()

    def run_forever(self, stop: threading.Event) -> None:
        """Run each job when it is due, until `stop`."""
        while not stop.is_set():
            self.run_due(stop)
            wait = min(self._due.values(), default=LOOK_SECONDS) - _clock()
            stop.wait(min(max(wait, 0.01), LOOK_SECONDS))

    def run_due(self, stop: threading.Event | None = None) -> None:
        """Run once each job that is due and whose lease is ours or free."""
        for job, due in self._due.items():
            if due <= _clock() and not (stop and stop.is_set()):
                self._due[job] = _clock() + self._look_at(job)
        _renew_connections()

    def _look_at(self, job: Job) -> float:
        """Run the job if it may; gives the seconds until the next look."""
        try:
            if not self._holder.claim(job.name):
                return min(job.every, _FOREIGN_SECONDS)
            return _seconds_to_wait(job) or _run(job)
        except DatabaseError:
            log.exception("periodic job %s: the database did not answer", job.name)
            return min(job.every, _FOREIGN_SECONDS)


def _seconds_to_wait(job: Job) -> float:
    """What is left of the job's period since its last remembered run."""
    if job.every < REMEMBERED_SECONDS:
        return 0
    last = Lease.objects.values_list("last_run", flat=True).get(name=job.name)
    left = job.every - (timezone.now() - last).total_seconds() if last else 0
    return max(0, min(left, job.every))


def _run(job: Job) -> float:
    """Call the job; one that fails is logged and tried again. Gives the seconds until the next look."""
    start = _clock()
    try:
        job.function()
    except Exception:  # whatever one job does, the others must run
        log.exception("periodic job %s failed", job.name)
        return min(job.every, RETRY_SECONDS)
    if job.every >= REMEMBERED_SECONDS:
        Lease.objects.filter(name=job.name).update(last_run=timezone.now())
    return max(0, job.every - (_clock() - start))
