from django.apps import AppConfig
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class OperationsConfig(AppConfig):
    name = "havre.operations"
    verbose_name = "L’instance"

    def ready(self) -> None:
        from havre.core import opening, periodic, shredding
        from havre.inbox import kinds
        from havre.operations import actions, queries, shredder, tasks

        kinds.register(
            actions.ALARM,
            _("Le gardien des clés donne l’alerte."),
            lambda item: f"{reverse('instance')}#alerte-{item.object_id}",
            told=queries.alarms_told,
            by_hand=False,
        )
        kinds.register(
            actions.CONDITION,
            _("Le gardien des clés a besoin de vous."),
            lambda item: f"{reverse('instance')}#constat-{item.object_id}",
            told=queries.conditions_told,
            by_hand=False,
        )
        shredding.register(shredder.SHREDDERS)
        opening.register("operations.before_opening", tasks.before_opening)
        periodic.worker.register("operations.watch", 30, tasks.watch)
        periodic.tick.register("alarms-old", 86_400, tasks.purge)
