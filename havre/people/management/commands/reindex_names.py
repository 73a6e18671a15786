"""`bin/havre reindex_names`: write the tokens by which names are found, where they are missing or old."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from havre.people import names


class Command(BaseCommand):
    """Safe to stop and to run again: it takes up where it was."""

    requires_system_checks = ()
    help = "Make people's names found: write the search tokens that are missing or old."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--all", action="store_true", help="write every token again")
        which.add_argument(
            "--lost", action="store_true", help="only those without which a person is not found"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["all"]:
            names.make_all_again()
        written = names.renew(lost_only=options["lost"])
        if written or not options["lost"]:
            self.stdout.write(f"Names made findable: {written}.")
