from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "havre.outbox"
    verbose_name = "Messages"

    def ready(self) -> None:
        from django.db.models import Value

        from havre.core import epochs, periodic, shelves, shredding
        from havre.outbox import actions, shelf, shredder
        from havre.outbox.models import Message

        periodic.worker.register("outbox", 1.0, actions.send_due)
        periodic.tick.register("messages-over", 86_400, shredder.purge_over)
        shredding.register(shredder.SHREDDERS)
        shelves.register(shelf.MESSAGES)
        epochs.register(Message, "subject", Value("shared"))
