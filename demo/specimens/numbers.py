"""Numbers as papers print them. Check digits are right; the numbers themselves belong to nobody.

Each range is one that its issuer never gives out: bank 99999, department 00, SIREN 999 999 999,
document numbers that start with SPE, issuing State UTO (the specimen State of ICAO 9303).
"""

import unicodedata
from datetime import date
from decimal import Decimal
from random import Random

MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip
SIRET = "999 999 999 00019"


def short_date(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def long_date(day: date) -> str:
    return f"{'1er' if day.day == 1 else day.day} {MONTHS[day.month - 1]} {day.year}"


def months_later(day: date, months: int) -> date:
    """The same day of a later (or earlier) month, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def amount(value: Decimal | int) -> str:
    """1234.5 → "1 234,50", with no-break spaces."""
    return f"{value:,.2f}".replace(",", "\u00a0").replace(".", ",")


def euros(value: Decimal | int) -> str:
    return f"{amount(value)}\u00a0€"


def digits(rng: Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def grouped(text: str, *sizes: int) -> str:
    """Cut `text` in groups of these sizes; the last size repeats."""
    groups, start, index = [], 0, 0
    while start < len(text):
        size = sizes[min(index, len(sizes) - 1)]
        groups.append(text[start : start + size])
        start, index = start + size, index + 1
    return "\u00a0".join(groups)


def iban(rng: Random) -> tuple[str, str, str, str, str]:
    """(IBAN, bank, branch, account, RIB key) at bank 99999, which does not exist; both keys are right."""
    bank, branch, account = "99999", f"0{digits(rng, 4)}", f"0000{digits(rng, 7)}"
    rib_key = 97 - (89 * int(bank) + 15 * int(branch) + 3 * int(account)) % 97
    bban = f"{bank}{branch}{account}{rib_key:02}"
    check = 98 - int(f"{bban}152700") % 97  # F=15, R=27
    return grouped(f"FR{check:02}{bban}", 4), bank, branch, account, f"{rib_key:02}"


def social_security(rng: Random, born: date, sex: str) -> str:
    """A 13-digit number and its key, of department 00 and order 000: nobody's."""
    body = f"{'2' if sex == 'F' else '1'}{born:%y%m}00{digits(rng, 3)}000"
    return f"{grouped(body, 1, 2, 2, 2, 3, 3)}\u00a0\u00a0{97 - int(body) % 97:02}"


def mrz_text(text: str) -> str:
    """Capital ASCII letters, as ICAO 9303 part 3, §6 transliterates French."""
    text = text.upper().replace("Œ", "OE").replace("Æ", "AE").replace("ß", "SS").replace("'", "")
    plain = unicodedata.normalize("NFD", text)
    return "".join(c if c.isascii() and c.isalnum() else "<" for c in plain if not unicodedata.combining(c))


def mrz_digit(text: str) -> str:
    """Check digit of ICAO 9303 part 3, §4.9: weights 7, 3, 1."""
    values = (0 if c == "<" else int(c, 36) for c in text)
    return str(sum(value * (7, 3, 1)[i % 3] for i, value in enumerate(values)) % 10)


def mrz_card(number: str, born: date, sex: str, expires: date, family: str, given: str) -> list[str]:
    """The three lines of a TD1 card (ICAO 9303 part 5, §4.2.2) of the specimen State."""
    birth, end = f"{born:%y%m%d}", f"{expires:%y%m%d}"
    upper = f"IDUTO{number:<<9}{mrz_digit(f'{number:<<9}')}{'':<<15}"
    middle = f"{birth}{mrz_digit(birth)}{sex or '<'}{end}{mrz_digit(end)}UTO{'':<<11}"
    composite = mrz_digit(upper[5:30] + middle[0:7] + middle[8:15] + middle[18:29])
    names = f"{mrz_text(family)}<<{mrz_text(given)}"[:30]
    return [upper, middle + composite, f"{names:<<30}"]
