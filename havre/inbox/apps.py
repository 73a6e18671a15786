from django.apps import AppConfig


class InboxConfig(AppConfig):
    name = "havre.inbox"
    verbose_name = "À faire"

    def ready(self) -> None:
        from havre.core import periodic, shredding
        from havre.inbox import shredder

        periodic.tick.register("items-done", 86_400, shredder.purge_done)
        shredding.register(shredder.SHREDDERS)
