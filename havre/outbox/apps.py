from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "havre.outbox"
    verbose_name = "Messages"

    def ready(self) -> None:
        from havre.core import periodic
        from havre.outbox import actions

        periodic.worker.register("outbox", 1.0, actions.send_due)
