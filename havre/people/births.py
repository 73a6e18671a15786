"""Birth dates as people say them: whole, partial, or unknown."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from django.utils import formats
from django.utils.translation import gettext as _

from havre.core.sealing import Unreadable

LONGEST = 40  # signs: "vingt-sept" is not read, "27 / 03 / 1974" is


class NotABirth(ValueError):
    """The text is not a date that someone alive could be born on."""


def parse(text: str, *, today: date) -> str:
    """`YYYY-MM-DD`, `YYYY-MM` or `YYYY` from a date typed day first, with any signs between; "" when there is none."""
    digits = "".join(
        str(unicodedata.decimal(sign)) if sign.isdecimal() else " "
        for sign in unicodedata.normalize("NFKC", text)
    )
    numbers = digits.split()
    if not text.strip():
        return ""
    if len(text) > LONGEST:
        raise NotABirth(text[:LONGEST])
    if not numbers or re.search(r"[^\W\d_]", text):
        raise NotABirth(text)
    if len(numbers[0]) == 4 and len(numbers) == 3:
        numbers.reverse()
    return _checked([int(number) for number in numbers], numbers, today)


def _checked(numbers: list[int], written: list[str], today: date) -> str:
    year = numbers[-1]
    if len(written[-1]) != 4 or len(numbers) > 3 or not today.year - 120 <= year <= today.year:
        raise NotABirth(str(numbers))
    if len(numbers) == 1:
        return f"{year:04}"
    day = numbers[0] if len(numbers) == 3 else 1
    try:
        born = date(year, numbers[-2], day)
    except ValueError as error:
        raise NotABirth(str(numbers)) from error
    if born > today:
        raise NotABirth(str(numbers))
    return born.isoformat() if len(numbers) == 3 else f"{year:04}-{numbers[0]:02}"


def shown(birth: str) -> str:
    """A birth date for the eye, in the language of the moment."""
    if isinstance(birth, Unreadable):
        return birth
    parts = [int(part) for part in birth.split("-")] if birth else []
    if len(parts) == 3:
        return formats.date_format(date(*parts), "DATE_FORMAT")
    if len(parts) == 2:
        return formats.date_format(date(parts[0], parts[1], 1), "YEAR_MONTH_FORMAT")
    return _("année %(year)s") % {"year": parts[0]} if parts else _("Date inconnue")


def year(birth: str) -> str:
    """What tells namesakes apart in a list."""
    if isinstance(birth, Unreadable):
        return birth
    return _("année %(year)s") % {"year": birth[:4]} if birth else _("année de naissance inconnue")
