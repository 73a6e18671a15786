"""`bin/havre keeper_losses`: who is lost, by asking the keeper for everybody's key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import translation

from havre.operations import queries, reconciliation, tasks

LINES = 100_000


class Command(BaseCommand):
    help = "Finish the erasures that the keeper knows of, then name the structures, accounts and people that are lost."

    def handle(self, *args: Any, **options: Any) -> None:
        tasks.watch()
        reconciliation.reconcile()
        lost, _in_all = queries.losses(LINES)
        with translation.override("en"):
            for one in lost:
                self.stdout.write(_line(one))
        self.stdout.write(f"{len(lost)} lost." if lost else "Nobody is lost.")


def _line(one: queries.Lost) -> str:
    facts = [one.loss.kind, str(one.loss.subject), one.loss.why]
    facts += [one.name] if one.name else []
    facts += [f"since {one.since:%Y-%m-%d}"] if one.since else []
    facts += [", ".join(one.structures)] if one.structures else []
    facts += [f"{one.papers} papers"] if one.papers else []
    return "  ".join(facts)
