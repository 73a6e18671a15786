"""The kernel's own periodic jobs."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Ids, clock, sealing, storage, leases: what every other app stands on."""

    name = "havre.core"

    def ready(self) -> None:
        from havre.core import limits, periodic, queue

        periodic.tick.register("core.requeue", 5, queue.requeue_orphans)
        periodic.tick.register("core.limits", 6 * 3600, limits.purge)
        periodic.tick.register("core.tidy", 6 * 3600, queue.tidy)
