"""Exact facts about somebody, each in the one spelling under which it is blinded (`sealing.blind`), and their kinds.

Nothing is kept here: a fact is spelled, blinded by the keeper, compared, forgotten.
"""

from __future__ import annotations

import re
import unicodedata

from django.utils import timezone

from havre.core import sounds

# the French plan: numbers overseas, by what follows the 0, have a country's code of their own (06 39 98 is for fiction)
_OVERSEAS = {
    "262": re.compile(r"26[239]|69[23]|639(?!98)"),  # La Réunion, Mayotte
    "590": re.compile(r"590|69[01]"),  # Guadeloupe, Saint-Martin, Saint-Barthélemy
    "594": re.compile(r"594|694"),  # Guyane
    "596": re.compile(r"596|69[67]"),  # Martinique
}
_FRENCH = re.compile(r"(?P<code>33|262|590|594|596)?0?(?P<national>[1-9]\d{8})")
_ABROAD = re.compile(r"[1-9]\d{6,14}")  # E.164: 15 digits at most
_SIAO = re.compile(r"\d{4,12}")


class NotAFact(ValueError):
    """The text cannot be what it is said to be."""


def kinds(kind: str) -> tuple[str, str]:
    """This year's kind of token, under which facts are written, and last year's, still asked: keys renew yearly."""
    year = timezone.localdate().year
    return f"{kind}-{year}", f"{kind}-{year - 1}"


def email(text: str) -> str:
    """An e-mail address, as it is compared."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def phone(text: str) -> str:
    """A telephone number in E.164 (`+33639980001`); without a country's code, a French one. NotAFact otherwise."""
    digits = _digits(text)
    abroad = unicodedata.normalize("NFKC", text).strip(" (").startswith("+") or digits.startswith("00")
    number = digits.removeprefix("00") if abroad else digits
    french = _FRENCH.fullmatch(number)
    if french and (french["code"] if abroad else number.startswith("0")):
        national = french["national"]
        overseas = (code for code, start in _OVERSEAS.items() if start.match(national))
        return f"+{next(overseas, french['code'] or '33')}{national}"
    if abroad and _ABROAD.fullmatch(number) and not number.startswith("33"):
        return f"+{number}"
    raise NotAFact(text)


def siao(text: str) -> str:
    """A number of the SI-SIAO: 4 to 12 digits, whatever stands between them. NotAFact otherwise."""
    digits = _digits(re.sub(r"(?i)si[\s-]*siao|n°", "", text))
    if not _SIAO.fullmatch(digits):
        raise NotAFact(text)
    return digits


def born(name: str, birth: str) -> set[str]:
    """Two facts in one, for each word of a name: a whole birth date (`YYYY-MM-DD`) and how the word sounds.

    Nothing when the day is not known: a year and a first name are those of too many.
    """
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", birth):
        return set()
    return {f"{birth} {sound}" for word in sounds.spellings(name) for sound in sounds.sounds(word)}


def _digits(text: str) -> str:
    """The digits of a text in any script; NotAFact when it has letters."""
    if any(sign.isalpha() for sign in text):
        raise NotAFact(text)
    return "".join(str(unicodedata.decimal(sign)) for sign in text if sign.isdecimal())
