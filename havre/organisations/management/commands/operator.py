"""`bin/havre operator add|remove|list`: who operates this instance."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from havre.accounts import actions as accounts
from havre.accounts.models import User
from havre.core import sealing
from havre.organisations import actions
from havre.organisations.models import Operator


class Command(BaseCommand):
    help = "Give the operator's room to an account, take it back, or say who has it. An operator reads no person."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="an account of this house; --name opens one for somebody new")
        add.add_argument("email")
        add.add_argument("--name", help="the name of somebody who has no account here yet")
        verbs.add_parser("remove", help="their sessions end too").add_argument("email")
        verbs.add_parser("list")

    def handle(self, *args: Any, **options: Any) -> None:
        match options["verb"]:
            case "add":
                self._add(options["email"], options["name"])
            case "remove":
                self._remove(_account(options["email"]))
            case "list":
                self._list()

    def _add(self, email: str, name: str | None) -> None:
        user = _account(email)
        if user is None and name:
            user = accounts.create_professional(name=name, email=email, password=None)
            self.stdout.write(f"New password: {accounts.renew_access(user)}")
        if user is None:
            raise CommandError("No account has this address. Add --name NAME to open one.")
        new = actions.name_operator(user)
        self.stdout.write("This account operates the instance." if new else "It did already.")

    def _remove(self, user: User | None) -> None:
        if user is None or not actions.end_operator(user):
            raise CommandError("This account does not operate the instance.")
        self.stdout.write("This account no longer operates the instance. Every session of it is closed.")

    def _list(self) -> None:
        live = list(Operator.objects.live().select_related("user").order_by("since"))
        users = [operator.user for operator in live]
        sealing.unseal(users, "name", "email", by=accounts.nobody(), purpose="operators")
        for operator in live:
            self.stdout.write(f"{operator.user.email}  {operator.user.name}  since {operator.since:%Y-%m-%d}")


def _account(email: str) -> User | None:
    return User.objects.filter(email_token=accounts.email_token(email), is_active=True).first()
