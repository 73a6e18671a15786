from typing import Any

from django.core.management.base import BaseCommand

from demo import load


class Command(BaseCommand):
    help = "Load the demonstration's territory into an empty instance; says nothing when it is there."

    def handle(self, *args: Any, **options: Any) -> None:
        if not load.loaded():
            on_screen = self.stdout.isatty()
            load.load(lambda text: self.stdout.write(text, ending="") if on_screen else None)
            self.stdout.write("\nThe demonstration's territory is loaded.")
