"""The kernel's own periodic jobs."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Ids, clock, sealing, storage, leases: what every other app stands on."""

    name = "havre.core"

    def ready(self) -> None:
        from havre.core import epochs, limits, periodic, queue, shelves, shredding

        periodic.tick.register("core.requeue", 5, queue.requeue_orphans)
        periodic.tick.register("core.limits", 6 * 3600, limits.purge)
        periodic.tick.register("core.epochs", 30, epochs.finish_all)
        periodic.tick.register("core.tidy", 6 * 3600, queue.tidy)
        periodic.tick.register("core.strays", 86_400, shelves.sweep)
        shredding.register(epochs.SHREDDERS)
