"""The receipt of an erasure: its two dates, in the person's language beside French."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from havre.accounts import actions as accounts
from havre.core import ids, pdf, sealing
from havre.people.actions import Erased
from havre.people.models import Erasure, Person
from havre.ui.languages import drafted

RECEIPT = Path(__file__).parent / "typst" / "erasure.typ"
RENEWALS = 14  # the day keys that the keeper keeps
SPACED = timedelta(days=1)  # at least, between two of them
KINDS = {
    "people.person": gettext_lazy("Dossier"),
    "people.accompaniment": gettext_lazy("Structures qui vous accompagnaient"),
    "people.consent": gettext_lazy("Accords"),
    "vault.document": gettext_lazy("Documents"),
    "outbox.message": gettext_lazy("Messages"),
    "inbox.workitem": gettext_lazy("Tâches des équipes"),
}  # the rest are parts of these


def language_of(person: UUID) -> str:
    """The language that a person told, if the house speaks it; French otherwise. To be asked before the erasure."""
    rows = list(Person.objects.for_system("receipt of erasure").filter(pk=person))
    sealing.unseal(rows, "language", by=accounts.nobody(), purpose="erasure")
    told = [row.language for row in rows if row.language in dict(settings.LANGUAGES)]
    return told[0] if told else settings.LANGUAGE_CODE


def receipt(erased: Erased, language: str) -> bytes:
    """One page of PDF, to be handed to whom it is about: it says nothing of them but what was counted."""
    spoken = [language] if language == "fr" else [language, "fr"]
    made = {
        "texts": [words(erased, code) for code in spoken],
        "number": ids.spelled(erased.erasure.number),
        "address": f"{settings.ORIGIN}{reverse('erasure')}",
    }
    return pdf.typeset(RECEIPT, made)


def words(erased: Erased, language: str) -> dict[str, Any]:
    """The receipt's texts in one language: sections of a title and sentences, in their order."""
    with translation.override(language):
        return {
            "language": language,
            "title": _("Reçu d’effacement"),
            "lead": _("Vos données ont été effacées pour toujours."),
            "reference": _("Référence"),
            "sections": [
                (_("1. Ici, plus rien ne s’ouvre"), [since(erased.erasure)]),
                (_("2. Les copies des clés"), [copies(erased.erasure)]),
                (_("Ce qui est effacé"), _counted(erased.counts)),
                (
                    _("Ce qui reste"),
                    [
                        _("Des numéros dans notre registre, sans nom et sans texte."),
                        _("Ils ne mènent plus à personne. Durée prévue : 12 mois."),
                    ],
                ),
                (_("Comment vérifier"), [_("Écrivez votre référence à cette adresse :")]),
            ],
            "drafted": _("Une machine a traduit ce texte. Personne ne l’a encore relu.")
            if drafted(language)
            else "",
        }


def since(erasure: Erasure) -> str:
    """The first date: from when nothing here can open anything."""
    moment = _unbroken(erasure.erased_at, "DATETIME_FORMAT")
    return _("Depuis le %(moment)s, sauvegardes comprises.") % {"moment": moment}


def copies(erasure: Erasure) -> str:
    """The second date: when old copies of the keeper's keys died, or the earliest day that they can."""
    if erasure.copies_dead_at:
        day = _unbroken(erasure.copies_dead_at, "DATE_FORMAT")
        return _("Elles ne servent plus à rien depuis le %(day)s.") % {"day": day}
    day = _unbroken(erasure.erased_at + RENEWALS * SPACED, "DATE_FORMAT")
    return _(
        "De vieilles copies des clés peuvent exister. Elles ne serviront plus à rien, au plus tôt le %(day)s."
    ) % {"day": day}


def _unbroken(moment: datetime, form: str) -> str:
    """A date that no line cuts."""
    return formats.date_format(timezone.localtime(moment), form).replace(" ", "\xa0")


def _counted(counts: dict[str, int]) -> list[str]:
    return [
        _("%(kind)s : %(n)s") % {"kind": name, "n": counts[model]}
        for model, name in KINDS.items()
        if counts.get(model)
    ]
