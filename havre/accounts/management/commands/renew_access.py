"""`bin/havre renew_access EMAIL`: for a professional who lost the password or the code generator."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from havre.accounts import actions
from havre.accounts.models import User


class Command(BaseCommand):
    help = "Give a professional a new password to say to them; they set up a new code generator at the next sign-in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email_token=actions.email_token(options["email"]), is_active=True).first()
        if user is None:
            raise CommandError("No account has this address.")
        self.stdout.write(
            f"New password: {actions.renew_access(user)}\nEvery session of this account is closed."
        )
