from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "havre.outbox"
    verbose_name = "Messages"

    def ready(self) -> None:
        from havre.core import periodic, shredding
        from havre.outbox import actions, shredder

        periodic.worker.register("outbox", 1.0, actions.send_due)
        periodic.tick.register("messages-over", 86_400, shredder.purge_over)
        shredding.register(shredder.SHREDDERS)
