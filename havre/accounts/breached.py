"""Passwords that are in everybody's list are refused: Django's 20,000 most used, and French ones it lacks."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

FRENCH = frozenset(
    """
    motdepasse azertyuiop azerty qsdfghjklm bonjour soleil marseille doudou chocolat coucou loulou jetaime
    chouchou nicolas camille isabelle julien thomas lille paris lyon france bretagne toulouse bordeaux
    solidarite samusocial maraude accueil accueildejour travailsocial educateur association hebergement
    bienvenue printemps automne hiver ete vacances famille papillon princesse football olympique
    motdepassemotdepasse azertyazerty havre
    """.split()  # noqa: SIM905 -- a list of words reads as words
)
_DRESSING = str.maketrans("@4310!$57€", "aaeioisste")


def forms(password: str) -> set[str]:
    """A password without its usual dressing: case, signs and digits at the end, letters written as digits."""
    plain = password.lower().strip()
    without_signs = re.sub(r"[\W_]+$", "", plain)
    without_digits = re.sub(r"[\d\W_]+$", "", plain)
    bare = {plain, without_signs, without_digits, re.sub(r"[\W_]", "", plain)}
    return {form for form in bare | {form.translate(_DRESSING) for form in bare} if form}


class NotBreached(CommonPasswordValidator):
    """Refuses a password found in a list of breached ones, even dressed up ("Motdepasse2026!!")."""

    def validate(self, password: str, user: Any = None) -> None:
        if any(form in self.passwords or form in FRENCH for form in forms(password)):
            raise ValidationError(
                _("Ce mot de passe est dans les listes des voleurs. Choisissez quatre mots sans lien."),
                code="breached",
            )

    def get_help_text(self) -> str:
        return _("Évitez les mots de passe courants. Quatre mots sans lien font un bon mot de passe.")
