from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "havre.audit"
    verbose_name = "Journal"

    def ready(self) -> None:
        from havre.audit import chain, shredder
        from havre.core import periodic, shredding

        periodic.worker.register("journal", 0.5, chain.extend)
        shredding.register(shredder.SHREDDERS)
