from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from demo import cast


class Command(BaseCommand):
    help = "Say who can sign in to the demonstration, and how."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"\nWho can sign in (password of all: {cast.PASSWORD})")
        for worker in cast.WORKERS:
            self.stdout.write(f"  {worker.email:<24} {worker.name:<16} {worker.about}")
        self.stdout.write(f"The codes of the moment: {settings.ORIGIN}/demonstration/\n")
