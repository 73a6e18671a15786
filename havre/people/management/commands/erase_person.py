"""`bin/havre erase_person ID`: destroy the keys, then the rows and the files, of one person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from havre.people import actions
from havre.people.models import Person


class Command(BaseCommand):
    help = "Erase one person for good: keys first, then rows and files. There is no way back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=UUID)
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        if not Person.objects.for_system("erase command").filter(pk=options["id"]).exists():
            raise CommandError("Nobody has this identifier.")
        if not options["yes"] and input("Erase for good? Type the identifier again: ") != str(options["id"]):
            raise CommandError("Nothing was erased.")
        counts = actions.erase(options["id"])
        self.stdout.write(", ".join(f"{model}: {count}" for model, count in counts.items() if count))
