"""`bin/havre add_structure`: the operator's first act on an empty instance."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from havre.organisations import actions
from havre.organisations.models import Role


class Command(BaseCommand):
    help = "Register a structure and invite its manager; prints the link, valid for 7 days."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("commune")
        parser.add_argument(
            "--manager", required=True, metavar="EMAIL", help="the address that the link is for"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            structure = actions.create_structure(options["name"], options["commune"])
            _invitation, link = actions.invite(
                structure, email=options["manager"], role=Role.MANAGER, by=None
            )
        self.stdout.write(
            f"{structure.name} is registered. Its manager opens this link within 7 days:\n{link}"
        )
