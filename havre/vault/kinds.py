"""The kinds of papers, as data: a code, its French name, its family, and whether shared lists hide it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Kind:
    """`discreet` kinds (health, justice) show as "Document" in lists."""

    code: str
    name: Any
    family: Any
    icon: str = "document"
    discreet: bool = False


_IDENTITY, _STAY, _HEALTH, _MONEY = _("Identité"), _("Séjour"), _("Santé"), _("Argent et droits")
_HOME, _WORK, _SCHOOL, _JUSTICE, _OTHER = (
    _("Logement"),
    _("Travail"),
    _("École et diplômes"),
    _("Justice"),
    _("Autre"),
)

KINDS = (
    Kind("identity-card", _("Carte d’identité"), _IDENTITY, "card"),
    Kind("passport", _("Passeport"), _IDENTITY, "card"),
    Kind("birth-certificate", _("Acte de naissance"), _IDENTITY),
    Kind("loss-report", _("Déclaration de perte ou de vol"), _IDENTITY),
    Kind("residence-permit", _("Titre de séjour"), _STAY, "card"),
    Kind("residence-receipt", _("Récépissé de demande de titre"), _STAY),
    Kind("asylum-attestation", _("Attestation de demande d’asile"), _STAY),
    Kind("health-cover", _("Attestation de droits santé"), _HEALTH),
    Kind("health-paper", _("Ordonnance ou papier médical"), _HEALTH, discreet=True),
    Kind("vaccination", _("Carnet de vaccination"), _HEALTH, discreet=True),
    Kind("caf-attestation", _("Attestation CAF"), _MONEY),
    Kind("tax-notice", _("Avis d’impôt"), _MONEY),
    Kind("bank-details", _("RIB"), _MONEY),
    Kind("domiciliation", _("Attestation d’élection de domicile"), _HOME, "home"),
    Kind("proof-of-address", _("Justificatif de domicile"), _HOME, "home"),
    Kind("payslip", _("Bulletin de salaire"), _WORK),
    Kind("work-contract", _("Contrat de travail"), _WORK),
    Kind("school-certificate", _("Certificat de scolarité"), _SCHOOL),
    Kind("diploma", _("Diplôme"), _SCHOOL),
    Kind("judgment", _("Jugement"), _JUSTICE, discreet=True),
    Kind("release-note", _("Billet de sortie"), _JUSTICE, discreet=True),
    Kind("photo", _("Photo d’identité"), _IDENTITY, "person"),
    Kind("other", _("Autre document"), _OTHER),
)
BY_CODE = {kind.code: kind for kind in KINDS}
_UNKNOWN = replace(BY_CODE["other"], discreet=True)


def get(code: str) -> Kind:
    """The kind of a code; an unknown one (of a newer house, or unreadable) is "other", and discreet to be sure."""
    return BY_CODE.get(code, _UNKNOWN)


def choices() -> list[tuple[Any, Any]]:
    """The kinds by family, for a list to choose from; not to know comes first, so that nothing is chosen by chance."""
    families: dict[Any, list[tuple[str, Any]]] = {}
    for kind in KINDS:
        families.setdefault(kind.family, []).append((kind.code, kind.name))
    return [("", _("Je ne sais pas")), *families.items()]
