"""`bin/havre erase_person ID [--receipt FILE.pdf]`: destroy the keys, then the rows and the files, of one person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from havre.core import ids, pdf
from havre.people import actions, erasures
from havre.people.models import Person


class Command(BaseCommand):
    help = "Erase one person for good: keys first, then rows and files. There is no way back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=UUID)
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--receipt", type=Path, metavar="FILE.pdf", help="write the receipt to hand over")

    def handle(self, *args: Any, **options: Any) -> None:
        person: UUID = options["id"]
        if not Person.objects.for_system("erase command").filter(pk=person).exists():
            raise CommandError("Nobody has this identifier.")
        if not options["yes"] and input("Erase for good? Type the identifier again: ") != str(person):
            raise CommandError("Nothing was erased.")
        with _made(options["receipt"]) if options["receipt"] else nullcontext() as file:
            language = erasures.language_of(person)
            erased = self._erase(person)
            if file:
                file.write(erasures.receipt(erased, language))

    def _erase(self, person: UUID) -> actions.Erased:
        erased = actions.erase(person)
        if erased is None:
            raise CommandError("Somebody else has just erased this person.")
        self.stdout.write(", ".join(f"{model}: {count}" for model, count in erased.counts.items() if count))
        self.stdout.write(f"Reference: {ids.spelled(erased.erasure.number)}")
        return erased


@contextmanager
def _made(path: Path) -> Iterator[BinaryIO]:
    """A new file for a receipt, and the fonts that it takes: made sure of before there is no way back."""
    try:
        pdf.fonts()
        file = path.open("xb")
    except (OSError, pdf.FontsMissing) as error:
        raise CommandError(f"Nothing was erased: the receipt cannot be written ({error}).") from error
    try:
        with file:
            yield file
    finally:
        if not path.stat().st_size:
            path.unlink()
