"""Why a file is refused, or kept without its pages: one sentence each, which says what to do."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

SENTENCES: dict[str, Any] = {
    "encrypted": _(
        "Ce PDF est protégé par un mot de passe. Il est gardé. Ajoutez-le sans mot de passe pour le voir."
    ),
    "broken": _("Ce fichier est abîmé. Il est gardé tel quel. Reprenez une photo du papier."),
    "empty": _("Ce document n’a aucune page. Il est gardé. Reprenez une photo du papier."),
    "too_large": _(
        "Cette image est trop grande pour être montrée. Elle est gardée. Reprenez une photo plus petite."
    ),
    "too_heavy": _(
        "Ce document est trop lourd pour être montré. Il est gardé. Reprenez une photo du papier."
    ),
    "crashed": _("Ce document ne peut pas être montré. Il est gardé. Reprenez une photo du papier."),
}


def sentence(problem: str) -> str:
    return str(SENTENCES.get(problem, SENTENCES["crashed"]))
