from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrganisationsConfig(AppConfig):
    name = "havre.organisations"
    verbose_name = "Structures"

    def ready(self) -> None:
        from havre.audit import acts
        from havre.core import periodic, shredding
        from havre.organisations import notices, shredder

        acts.register("organisations.structure.created", _("a inscrit une structure"))
        acts.register("organisations.invitation.sent", _("a invité quelqu’un dans l’équipe"))
        acts.register("organisations.invitation.accepted", _("a rejoint l’équipe"))
        acts.register("organisations.membership.ended", _("a retiré quelqu’un de l’équipe"))
        acts.register("organisations.operator.named", _("a confié l’instance à quelqu’un"))
        acts.register("organisations.operator.ended", _("a retiré l’instance à quelqu’un"))
        notices.register()
        shredding.register(shredder.SHREDDERS)
        periodic.tick.register("invitations-over", 3600, shredder.purge_invitations)
