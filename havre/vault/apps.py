from django.apps import AppConfig
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class VaultConfig(AppConfig):
    name = "havre.vault"
    verbose_name = "Documents"

    def ready(self) -> None:
        from django.db.models import F

        from havre.audit import acts
        from havre.core import arrivals, epochs, periodic, shelves, shredding
        from havre.inbox import kinds
        from havre.people import access, sections
        from havre.people import queries as people
        from havre.vault import queries, shelf, shredder, tasks
        from havre.vault.models import Version

        acts.register("vault.document.added", _("a ajouté un document"))
        acts.register("vault.document.seen", _("a vu un document"))
        acts.register("vault.document.printed", _("a imprimé un document"))
        acts.register("vault.document.downloaded", _("a téléchargé un document"))
        acts.register("vault.document.erased", _("a effacé un document"))
        kinds.register(
            "vault.document.unreadable",
            _("Un document ne peut pas être montré. Refaites la photo avec la personne."),
            kinds.object_url(lambda id: reverse("document", args=[id])),
        )
        access.register_papers(queries.has_papers)
        people.register_labels("vault.document", queries.labels)
        sections.register(10, "vault/_section.html", queries.section)
        periodic.tick.register("pages-forgotten", 30, tasks.resume_forgotten)
        periodic.tick.register("arrivals-old", 3600, arrivals.purge)
        shredding.register(shredder.SHREDDERS)
        shelves.register(shelf.PAPERS)
        epochs.register(Version, "document__person", F("document__part"))
