from django.apps import AppConfig
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class PeopleConfig(AppConfig):
    name = "havre.people"
    verbose_name = "Personnes"

    def ready(self) -> None:
        from havre.audit import acts
        from havre.core import opening, periodic, shredding
        from havre.inbox import kinds
        from havre.people import names, shredder, tasks

        acts.register("people.person.created", _("a ouvert le dossier"))
        acts.register("people.person.seen", _("a regardé le dossier"))
        acts.register("people.consent.given", _("a recueilli un accord"))
        acts.register("people.consent.seen", _("a regardé un accord"))
        acts.register("people.consent.withdrawn", _("a arrêté un accord"))
        acts.register("people.erased", _("a tout effacé"))
        kinds.register(
            "people.consent.named",
            _("Nouvel accord : cette personne vous ouvre ses documents."),
            kinds.object_url(lambda id: reverse("consent", args=[id])),
        )
        kinds.register(
            "people.consent.ending",
            _("L’accord finit bientôt. Demandez à la personne si elle veut continuer."),
            kinds.object_url(lambda id: reverse("consent", args=[id])),
        )
        periodic.tick.register("consents-ending", 3600, tasks.announce_ending_consents)
        periodic.tick.register("names-renewed", 600, tasks.renew_names)
        periodic.tick.register("names-cleaned", 24 * 3600, names.clean)
        periodic.tick.register("copies-dead", 86_400, tasks.date_dead_copies)
        opening.register("people.names", tasks.find_everybody)
        shredding.register(shredder.SHREDDERS)
