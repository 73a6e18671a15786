"""The words of an accord: what the person reads, hears and signs. Kept with the accord, exactly as shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from havre.people.models import Consent, Means
from havre.ui.languages import drafted

VERSION = "2026-1"
PURPOSE = "accompaniment"
DURATIONS = {
    "1": (timedelta(days=1), gettext_lazy("1 jour")),
    "31": (timedelta(days=31), gettext_lazy("1 mois")),
    "182": (timedelta(days=182), gettext_lazy("6 mois")),
    "365": (timedelta(days=365), gettext_lazy("1 an")),
}


def ends(duration: str) -> datetime:
    """When an accord of this duration, given now, ends."""
    return timezone.now() + DURATIONS[duration][0]


@dataclass(frozen=True)
class Terms:
    """One accord's words in one language: what is asked, the points read aloud, and what it never does."""

    language: str
    title: str
    question: str
    structures: list[str]
    points: list[str]
    until: str

    def as_json(self) -> dict[str, Any]:
        return {"version": VERSION, **self.__dict__}


def words(language: str, *, structures: Sequence[str], until: datetime) -> Terms:
    """The words in a language; `structures` are the names of those that will see the documents."""
    with translation.override(language):
        day = formats.date_format(timezone.localtime(until), "DATE_FORMAT")
        return Terms(
            language=language,
            title=_("Qui peut voir mes documents ?"),
            question=_("Êtes-vous d’accord ?"),
            structures=list(structures),
            points=[
                _("Les équipes de ces structures peuvent voir et ajouter mes documents."),
                _("Elles le font pour m’aider, et pour rien d’autre."),
                _("Je peux voir qui a regardé mes documents."),
                _("Je peux arrêter quand je veux, d’un mot."),
                _("Si je dis non, on m’accueille de la même façon."),
            ],
            until=_("Jusqu’au %(day)s") % {"day": day},
        )


def proof(consent: Consent, language: str) -> dict[str, Any]:
    """What the receipt says beside the words: who, when, where, how, and how to stop, in one language."""
    with translation.override(language):
        how = str(Means(consent.means).label)
        facts = [
            (_("Personne"), consent.person.name),
            (_("Signé le"), formats.date_format(timezone.localtime(consent.given_at), "DATETIME_FORMAT")),
            (_("Lieu"), consent.collected_at.name),
            (_("Comment"), f"{how} · {_('avec interprète')}" if consent.with_interpreter else how),
        ]
        if hasattr(consent, "withdrawal"):
            facts.append(
                (
                    _("Arrêté le"),
                    formats.date_format(timezone.localtime(consent.withdrawal.at), "DATE_FORMAT"),
                )
            )
        return {
            "facts": facts,
            "stop": _("Pour arrêter, dites-le à %(structure)s.") % {"structure": consent.collected_at.name},
            "welcome": _("Dire non ou arrêter ne change rien à votre accueil."),
            "drafted": _("Une machine a traduit ce texte. Personne ne l’a encore relu.")
            if drafted(language)
            else "",
        }


def digest(terms: dict[str, Any], signature: str, salt: str) -> str:
    """The receipt's hash: SHA-256 over the canonical JSON of what was shown, signed, and a random salt."""
    text = json.dumps([terms, signature, salt], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
