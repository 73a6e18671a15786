"""`bin/havre tick`: the long-lived clock; `--once` runs what is due and returns, for cron."""

from __future__ import annotations

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from havre.core import periodic


class Command(BaseCommand):
    """Reminders due, retries, expiries, retention: whatever the apps registered."""

    requires_system_checks = ()
    help = "Run the periodic jobs of the house."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="run what is due, then stop")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        holder = periodic.Holder("tick")
        schedule = periodic.Schedule(periodic.tick.jobs.values(), holder)
        with holder.alive() as stop:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
            if once:
                schedule.run_due(stop)
            else:
                schedule.run_forever(stop)
