from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "havre.accounts"
    verbose_name = "Comptes"

    def ready(self) -> None:
        from havre.accounts import drafts, sessions, shredder
        from havre.audit import acts
        from havre.core import periodic, shredding

        acts.register("accounts.signed-in", _("a ouvert une session"))
        acts.register("accounts.signed-out", _("a fermé sa session"))
        acts.register("accounts.access-renewed", _("a redonné un accès"))
        acts.register("accounts.second-factor.added", _("a ajouté un code de sécurité"))
        shredding.register(shredder.SHREDDERS)
        periodic.tick.register("sessions-ended", 3600, sessions.purge)
        periodic.tick.register("drafts-old", 3600, drafts.purge)
