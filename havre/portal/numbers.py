"""Emergency numbers in France. All are free, at any hour, without an account."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Number:
    """A number to call (`tel`) or to write to (`sms`), and who answers."""

    digits: str
    who: Promise
    scheme: str = "tel"

    @property
    def href(self) -> str:
        return f"{self.scheme}:{self.digits}"


SHELTER = Number("115", _("Hébergement d’urgence"))
DANGER = (
    Number("15", _("Samu : santé")),
    Number("17", _("Police")),
    Number("18", _("Pompiers")),
    Number("112", _("Toutes les urgences")),
    Number("114", _("Par SMS, sans parler"), scheme="sms"),
    SHELTER,
)
