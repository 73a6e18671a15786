"""The kinds of paper, and what each one says about its holder on a given day.

A paper's facts are strings already written as the paper prints them; templates only lay them out.
Every date derives from `today`, so that the demo never ages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from . import datamatrix, drawings
from .holder import Holder
from .numbers import (
    MONTHS,
    SIRET,
    amount,
    digits,
    euros,
    grouped,
    iban,
    long_date,
    months_later,
    mrz_card,
    mrz_text,
    short_date,
    social_security,
)

type Facts = dict[str, object]
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Paper:
    title_fr: str
    facts: Callable[[Holder, date, Random], Facts]


def facts_of(kind: str, holder: Holder, today: date, rng: Random) -> Facts:
    """What every paper may print, and what this kind adds."""
    return _common(holder, today, rng) | PAPERS[kind].facts(holder, today, rng)


def _common(holder: Holder, today: date, rng: Random) -> Facts:
    return {
        "name": holder.name,
        "family": holder.family_name.upper(),
        "given": holder.given_names,
        "civility": holder.agreed("Monsieur", "Madame", "Madame, Monsieur"),
        "born_word": holder.agreed("né", "née", "né(e)"),
        "e": holder.agreed("", "e", "(e)"),
        "sex": holder.sex or "–",
        "born": short_date(holder.born),
        "born_long": long_date(holder.born),
        "birth_place": holder.birth_place,
        "nationality": holder.nationality,
        "address": list(holder.address),
        "phone": holder.phone,
        "children": [{"name": name, "born": short_date(born)} for name, born in holder.children],
        "today": short_date(today),
        "today_long": long_date(today),
        "ref": f"{digits(rng, 4)}-{digits(rng, 4)}",
        "signature": drawings.signature(rng),
        "clerk_signature": drawings.signature(rng),
    }


def _identity_card(holder: Holder, today: date, rng: Random) -> Facts:
    issued = months_later(today, -rng.randint(14, 80))
    expires = months_later(issued, 120) - timedelta(days=1)
    number = f"SPE{''.join(rng.choice('CDFGHJKLMNPRTVWXYZ0123456789') for _ in range(6))}"
    return {
        "number": number,
        "nationality_code": mrz_text(holder.nationality)[:3],
        "issued": short_date(issued),
        "expires": short_date(expires),
        "height": f"1,{rng.randint(58, 89)} m",
        "access": digits(rng, 6),
        "mrz": mrz_card(number, holder.born, holder.sex, expires, holder.family_name, holder.given_names),
        "portrait": drawings.portrait(rng),
        "waves": drawings.guilloche(rng),
        "waves_back": drawings.guilloche(rng, tint="#b5a58f"),
    }


def _birth_certificate(holder: Holder, today: date, rng: Random) -> Facts:
    declared = holder.born + timedelta(days=rng.randint(1, 2))
    trades = ("ajusteur", "couturière", "cuisinier", "aide-soignante", "maçon", "batelier", "cantinière")
    hour, minute = rng.randint(1, 22), rng.choice((5, 10, 20, 35, 40, 50))
    return {
        "act": digits(rng, 3).lstrip("0") or "7",
        "year": str(holder.born.year),
        "time": f"{hour} heure{'s' if hour > 1 else ''} {minute}",
        "child": holder.agreed("un enfant de sexe masculin", "un enfant de sexe féminin", "un enfant"),
        "declared": long_date(declared),
        "father": f"{rng.choice(('Émile', 'Karim', 'Lucien', 'Tomasz'))} {holder.family_name.upper()}",
        "father_born": long_date(months_later(holder.born, -12 * rng.randint(24, 38)) + timedelta(days=11)),
        "father_trade": rng.choice(trades[::2]),
        "mother": rng.choice(("Odile VASSEUR", "Yasmine BRUNEL", "Colette VASSEUR", "Irena BRUNEL")),
        "mother_born": long_date(months_later(holder.born, -12 * rng.randint(20, 34)) + timedelta(days=5)),
        "mother_trade": rng.choice(trades[1::2]),
        "officer": rng.choice(("Solange PETITJEAN", "Rachid OUALI", "Mireille CAZENAVE")),
        "delivered": long_date(today - timedelta(days=rng.randint(6, 60))),
    }


def _residence_receipt(holder: Holder, today: date, rng: Random) -> Facts:
    until = today + timedelta(days=28)
    return {
        "foreigner_number": f"99{digits(rng, 8)}",
        "from": short_date(months_later(until, -3)),
        "until": short_date(until),
        "until_long": long_date(until),
        "from_long": long_date(months_later(until, -3)),
        "entered": short_date(months_later(today, -rng.randint(20, 60))),
        "portrait": drawings.portrait(rng),
        "waves": drawings.guilloche(rng, tint="#a9c2a0"),
        "qr": drawings.qr("SPÉCIMEN récépissé – document inventé"),
    }


def _asylum_attestation(holder: Holder, today: date, rng: Random) -> Facts:
    issued = months_later(today, -rng.randint(2, 6))
    return {
        "foreigner_number": f"99{digits(rng, 8)}",
        "registered": short_date(issued),
        "until": short_date(months_later(issued, 10) - timedelta(days=1)),
        "entered": short_date(months_later(issued, -1)),
        "portrait": drawings.portrait(rng),
        "waves": drawings.guilloche(rng, tint="#b9b3cf"),
        "language": rng.choice(("tigrinya", "dari", "pachto", "arabe", "soninké")),
    }


def _health_cover(holder: Holder, today: date, rng: Random) -> Facts:
    opened = months_later(today.replace(day=1), -rng.randint(1, 9))
    return {
        "social_number": social_security(rng, holder.born, holder.sex),
        "from": short_date(opened),
        "until": short_date(months_later(opened, 12) - timedelta(days=1)),
        "renew_from": short_date(months_later(opened, 8)),
        "renew_to": short_date(months_later(opened, 10)),
        "code": digits(rng, 8),
    }


def _caf_quotient(holder: Holder, today: date, rng: Random) -> Facts:
    month = months_later(today.replace(day=1), -1)
    benefits = _benefits(len(holder.children), rng)
    monthly = sum((value for _, value in benefits), ZERO)
    earned = Decimal(rng.randint(0, 6) * 1100)
    parts = _caf_parts(len(holder.children))
    return {
        "member": f"0000{digits(rng, 3)}",
        "month": f"{MONTHS[month.month - 1]} {month.year}",
        "benefits": [{"label": label, "amount": euros(value)} for label, value in benefits],
        "total": euros(monthly),
        "earned": euros(earned),
        "parts": f"{parts}".replace(".", ","),
        "quotient": str(int((earned / 12 + monthly) / parts)),
        "quotient_month": f"{MONTHS[month.month - 1]} {month.year}",
        "year_before": str(today.year - 2),
    }


def _benefits(children: int, rng: Random) -> list[tuple[str, Decimal]]:
    benefits = [("Revenu de solidarité active (RSA)", Decimal("568.94") + 257 * children)]
    benefits.append(("Aide personnalisée au logement (APL)", Decimal(rng.randint(16000, 27900)) / 100))
    if children > 1:
        benefits.append(("Allocations familiales", Decimal("151.05") + Decimal("193.52") * (children - 2)))
    return benefits


def _caf_parts(children: int) -> Decimal:
    """Two for the adult or the couple, a half for each of two children, one for the third, a half after."""
    return Decimal(2) + Decimal("0.5") * children + (Decimal("0.5") if children >= 3 else 0)


def _tax_notice(holder: Holder, today: date, rng: Random) -> Facts:
    year = today.year - 1 if (today.month, today.day) >= (8, 5) else today.year - 2
    issued = date(year + 1, 7, 31)
    wages = Decimal(rng.randint(4200, 15400))
    relief = (wages / 10).quantize(Decimal(1))
    reference = f"{issued:%y} 99 {digits(rng, 7)} {digits(rng, 2)}"
    number = f"99{digits(rng, 11)}"
    parts = 1 + Decimal("0.5") * min(len(holder.children), 2) + max(len(holder.children) - 2, 0)
    return {
        "tax_number": grouped(number, 2, 2, 3, 3, 3),
        "reference": reference,
        "income_year": str(year),
        "issue_year": str(year + 1),
        "issued": short_date(issued),
        "wages": _whole(wages),
        "relief": _whole(relief),
        "net": _whole(wages - relief),
        "parts": f"{parts:.2f}".replace(".", ","),
        "situation": "C" if not holder.children else "C – parent isolé",
        "code": drawings.modules(
            datamatrix.encode(_two_d_doc(holder, issued, year, wages - relief, parts, number, reference, rng))
        ),
    }


def _two_d_doc(
    holder: Holder,
    issued: date,
    year: int,
    income: Decimal,
    parts: Decimal,
    number: str,
    reference: str,
    rng: Random,
) -> str:
    """A 2D-Doc of type 04 (ANTS, version 3) under the test authority FR00; its signature proves nothing."""
    days = (issued - date(2000, 1, 1)).days
    head = f"DC03FR000001{days:04X}{days:04X}0401"
    name = mrz_text(holder.family_name).replace("<", " ")
    fields = f"43{parts:.1f}\x1d".replace(".", ",") + f"44{reference.replace(' ', '')}45{year}46{name}\x1d"
    signature = "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(103))
    return f"{head}{fields}47{number}41{income:.0f}\x1d\x1f{signature}"


def _payslip(holder: Holder, today: date, rng: Random) -> Facts:
    month = months_later(today.replace(day=1), -1)
    hours, rate = Decimal(rng.choice((104, 121, 130))), Decimal("12.31")
    overtime = Decimal(rng.randint(2, 9))
    base, extra = hours * rate, (overtime * rate * Decimal("1.10")).quantize(Decimal("0.01"))
    gross = base + extra
    taken = [
        _contribution("Sécurité sociale plafonnée", gross, "6.90", "8.55"),
        _contribution("Sécurité sociale déplafonnée", gross, "0.40", "2.02"),
        _contribution("Complémentaire retraite tranche 1", gross, "4.01", "6.01"),
        _contribution("Assurance chômage", gross, "0.00", "4.00"),
        _contribution("Allocations familiales", gross, "0.00", "3.45"),
        _contribution("Accidents du travail", gross, "0.00", "2.60"),
        _contribution("CSG déductible", gross * Decimal("0.9825"), "6.80", "0.00"),
        _contribution("CSG et CRDS non déductibles", gross * Decimal("0.9825"), "2.90", "0.00"),
    ]
    net = gross - sum((line.employee for line in taken), ZERO)
    return {
        "siret": SIRET,
        "social_number": social_security(rng, holder.born, holder.sex),
        "number": digits(rng, 5),
        "month": f"{MONTHS[month.month - 1]} {month.year}",
        "first": short_date(month),
        "last": short_date(months_later(month, 1) - timedelta(days=1)),
        "paid": short_date(months_later(month, 1) + timedelta(days=2)),
        "joined": short_date(months_later(month, -rng.randint(3, 40))),
        "hours": amount(hours),
        "rate": amount(rate),
        "base": amount(base),
        "overtime": amount(overtime),
        "overtime_rate": amount(rate * Decimal("1.10")),
        "extra": amount(extra),
        "gross": amount(gross),
        "lines": [line.printed() for line in taken],
        "employee_total": amount(sum((line.employee for line in taken), ZERO)),
        "employer_total": amount(sum((line.employer for line in taken), ZERO)),
        "net": amount(net),
        "taxable": amount(net + taken[-1].employee),
        "leave": f"{rng.randint(3, 22)},50",
    }


@dataclass(frozen=True, slots=True)
class _Contribution:
    label: str
    base: Decimal
    employee_rate: Decimal
    employer_rate: Decimal

    @property
    def employee(self) -> Decimal:
        return (self.base * self.employee_rate / 100).quantize(Decimal("0.01"))

    @property
    def employer(self) -> Decimal:
        return (self.base * self.employer_rate / 100).quantize(Decimal("0.01"))

    def printed(self) -> list[str]:
        figures = (self.base, self.employee_rate, self.employee, self.employer)
        return [self.label, *(amount(figure) if figure else "" for figure in figures)]


def _contribution(label: str, base: Decimal, employee: str, employer: str) -> _Contribution:
    return _Contribution(label, base.quantize(Decimal("0.01")), Decimal(employee), Decimal(employer))


def _bank_details(holder: Holder, today: date, rng: Random) -> Facts:
    number, bank, branch, account, key = iban(rng)
    return {
        "iban": number,
        "bank": bank,
        "branch": branch,
        "account": account,
        "key": key,
        "bic": "SPECFRP9XXX",
    }


def _judgment(holder: Holder, today: date, rng: Random) -> Facts:
    decided = today - timedelta(days=rng.randint(20, 50))
    debt = Decimal(rng.randint(180000, 460000)) / 100
    return {
        "roll": f"{decided:%y}/{digits(rng, 5)}",
        "minute": f"{decided.year}/{digits(rng, 3)}",
        "decided": long_date(decided),
        "heard": long_date(decided - timedelta(days=35)),
        "lease": long_date(months_later(decided, -12 * rng.randint(3, 11))),
        "order_to_pay": long_date(months_later(decided, -8)),
        "debt": euros(debt),
        "rent": euros(Decimal(rng.randint(38000, 61000)) / 100),
        "monthly": euros((debt / 36).quantize(Decimal(1))),
        "leave_until": long_date(months_later(decided, 12)),
        "judge": rng.choice(("Agathe LEMOINE", "Frédéric SALLÉ", "Inès BARBIER")),
        "clerk": rng.choice(("Denis COURTOIS", "Naïma HADDAD")),
    }


def _vaccination_record(holder: Holder, today: date, rng: Random) -> Facts:
    schedule = (
        (2, "DTP – Coq – Hib – Hép. B"), (4, "DTP – Coq – Hib – Hép. B"), (5, "Méningo C"),
        (11, "DTP – Coq – Hib – Hép. B"), (12, "ROR"), (17, "ROR (2)"), (72, "DTP – Coq. rappel"),
        (138, "dTcaP rappel"),
    )  # fmt: skip
    if holder.age(today) < 16:
        planned = [(months_later(holder.born, month), vaccine) for month, vaccine in schedule]
    else:
        start = months_later(today, -7)
        planned = [
            (start, "DTP"),
            (start, "ROR"),
            (months_later(start, 2), "dTcaP"),
            (months_later(start, 2), "Hép. B"),
        ]
        planned += [(months_later(start, 4), "Hép. B (2)"), (months_later(today, 3), "Hép. B (3) à prévoir")]
    return {
        "rows": [
            {
                "date": short_date(day + timedelta(days=(day.day * 7 + day.month) % 6)),
                "vaccine": vaccine,
                "lot": f"{rng.choice('ABDHNRT')}{digits(rng, 3)}{rng.choice('CFKX')}" if day <= today else "",
                "done": day <= today,
                "signature": drawings.signature(rng),
                "tilt": rng.randint(-9, 9),
            }
            for day, vaccine in planned
            if day <= months_later(today, 12)
        ],
        "weight": f"{rng.choice(('2,980', '3,240', '3,410', '3,655'))} kg",
    }


def _school_certificate(holder: Holder, today: date, rng: Random) -> Facts:
    start = today.year if today.month >= 9 else today.year - 1
    return {
        "year": f"{start}-{start + 1}",
        "class": _school_class(start - holder.born.year),
        "since": long_date(date(start, 9, rng.choice((1, 2, 4)))),
        "number": f"99{digits(rng, 9)}",
        "head": rng.choice(("Mme Aïcha BENSALEM", "M. Yves CARPENTIER", "Mme Laurence HUET")),
        "child": holder.age(today) < 18,
    }


def _school_class(age: int) -> str:
    """The class in France of a child who turns this age in the autumn; adults learn French (FLE)."""
    classes = (
        "petite section", "moyenne section", "grande section", "CP", "CE1", "CE2", "CM1", "CM2",
        "6e", "5e", "4e", "3e", "seconde", "première", "terminale",
    )  # fmt: skip
    return classes[age - 3] if 3 <= age < 3 + len(classes) else "français langue étrangère, niveau A2"


def _domiciliation(holder: Holder, today: date, rng: Random) -> Facts:
    chosen = months_later(today, -rng.randint(1, 10)) + timedelta(days=3)
    return {
        "from": short_date(chosen),
        "until": short_date(months_later(chosen, 12) - timedelta(days=1)),
        "first": rng.random() < 0.6,
        "box": str(rng.randint(12, 412)),
        "approval": f"SPE-{chosen.year}-{digits(rng, 3)}",
    }


def _loss_report(holder: Holder, today: date, rng: Random) -> Facts:
    lost = today - timedelta(days=rng.randint(3, 12))
    return {
        "lost": short_date(lost),
        "declared": short_date(lost + timedelta(days=2)),
        "declared_long": long_date(lost + timedelta(days=2)),
        "where": rng.choice(("dans le bus 12, vers la gare", "sur le parquing du port", "au marché je croi")),
        "story": rng.choice(
            (
                "on ma pris le sac pendant que je dormait. il y avai aussi le telefone.",
                "je me suis rendu conte le soir en arivant. j'ai cherché partout.",
            )
        ),
        "number": f"SPE{digits(rng, 6)}",
        "valid_until": short_date(months_later(lost + timedelta(days=2), 2)),
    }


def _diploma(holder: Holder, today: date, rng: Random) -> Facts:
    awarded = date(max(holder.born.year + 22, 2002), 6, rng.randint(24, 30))
    return {
        "name_cyrillic": in_cyrillic(holder.name),
        "number": f"СП № {digits(rng, 6)}",
        "awarded": f"{awarded:%d.%m.%Y}",
        "year": str(awarded.year),
        "began": str(awarded.year - 4),
        "field": rng.choice(
            ("Медсестринство", "Економіка підприємства", "Будівництво та цивільна інженерія")
        ),
        "rector": rng.choice(("О. В. Петренко-Вигаданий", "Л. М. Коваль-Вигадана")),
        "waves": drawings.guilloche(rng, lines=40, tint="#c9b27a"),
    }


_PAIRS = {"shch": "щ", "zh": "ж", "kh": "х", "ts": "ц", "ch": "ч", "sh": "ш", "yu": "ю", "ya": "я", "ye": "є"}
_LETTERS = dict(zip("abcdefghijklmnopqrstuvwyz", "абкдефгхіжклмнопкрстуввйз", strict=True)) | {"x": "кс"}


def in_cyrillic(name: str) -> str:
    """A rough Ukrainian spelling of a Latin name, as a clerk would hear it."""
    text = mrz_text(name).replace("<", " ").lower()
    for latin, cyrillic in _PAIRS.items():
        text = text.replace(latin, cyrillic)
    return "".join(_LETTERS.get(letter, letter) for letter in text).title()


def _release_note(holder: Holder, today: date, rng: Random) -> Facts:
    released = today - timedelta(days=(today.weekday() - 3) % 7)
    return {
        "register": digits(rng, 5),
        "released": short_date(released),
        "released_long": f"jeudi {long_date(released)}",
        "time": f"{rng.randint(8, 10)} h {rng.choice(('05', '20', '40'))}",
        "entered": short_date(months_later(released, -rng.randint(5, 15))),
        "purse": euros(Decimal(rng.randint(1800, 9600)) / 100),
        "ticket": rng.choice(("un ticket de bus", "aucun titre de transport")),
    }


def _extension(holder: Holder, today: date, rng: Random) -> Facts:
    issued = today - timedelta(days=rng.randint(4, 30))
    return {
        "foreigner_number": f"99{digits(rng, 8)}",
        "issued": short_date(issued),
        "until": short_date(months_later(issued, 3)),
        "filed": short_date(months_later(issued, -4)),
        "qr": drawings.qr(f"SPÉCIMEN attestation de prolongation {digits(rng, 12)} – document inventé"),
    }


def _whole(value: Decimal) -> str:
    return f"{value:,.0f}".replace(",", "\u00a0")


PAPERS = {
    "identity_card": Paper("Carte nationale d’identité", _identity_card),
    "birth_certificate": Paper("Acte de naissance (copie intégrale)", _birth_certificate),
    "residence_receipt": Paper("Récépissé de demande de titre de séjour", _residence_receipt),
    "residence_extension": Paper("Attestation de prolongation d’instruction", _extension),
    "asylum_attestation": Paper("Attestation de demande d’asile", _asylum_attestation),
    "health_cover": Paper("Attestation de complémentaire santé solidaire", _health_cover),
    "caf_quotient": Paper("Attestation de paiement et de quotient familial", _caf_quotient),
    "tax_notice": Paper("Avis d’impôt sur les revenus", _tax_notice),
    "payslip": Paper("Bulletin de salaire", _payslip),
    "bank_details": Paper("Relevé d’identité bancaire", _bank_details),
    "judgment": Paper("Jugement (extrait)", _judgment),
    "vaccination_record": Paper("Carnet de vaccination", _vaccination_record),
    "school_certificate": Paper("Certificat de scolarité", _school_certificate),
    "domiciliation": Paper("Attestation d’élection de domicile", _domiciliation),
    "loss_report": Paper("Déclaration de perte de la carte d’identité", _loss_report),
    "diploma_cyrillic": Paper("Diplôme (en ukrainien)", _diploma),
    "release_note": Paper("Billet de sortie (levée d’écrou)", _release_note),
}
