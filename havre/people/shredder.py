"""How this app's personal data is kept, given back and erased."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from havre.core import sealing
from havre.core.shredding import Shredder
from havre.people.models import Accompaniment, Consent, NameToken, Party, Person, Withdrawal


def _export_person(id: UUID) -> list[dict[str, Any]]:
    rows = list(Person.objects.for_system("export").filter(pk=id))
    sealing.unseal(rows, "name", "birth", "language", by=sealing.worker(), purpose="export")
    return [{"name": row.name, "birth": row.birth, "language": row.language} for row in rows]


def _export_consents(id: UUID) -> list[dict[str, Any]]:
    rows = list(Consent.objects.filter(person=id))
    sealing.unseal(rows, "terms", by=sealing.worker(), purpose="export")
    return [
        {"given_at": row.given_at.isoformat(), "until": row.until.isoformat(), "terms": json.loads(row.terms)}
        for row in rows
    ]


def _export_accompaniments(id: UUID) -> list[dict[str, Any]]:
    rows = Accompaniment.objects.filter(person=id).select_related("structure")
    return [{"structure": row.structure.name, "since": row.since.isoformat()} for row in rows]


def _nothing(id: UUID) -> list[dict[str, Any]]:
    """Given back with the accord that it belongs to, or with the name that it is made from."""
    return []


SHREDDERS = [
    Shredder(
        "people.person",
        "Until the person's word; the rule of two years after their last own act (CNIL 2021-028) has no job yet.",
        _export_person,
        lambda id: Person.objects.for_system("erase").filter(pk=id).delete()[0],
    ),
    Shredder(
        "people.accompaniment",
        "As the person.",
        _export_accompaniments,
        lambda id: Accompaniment.objects.filter(person=id).delete()[0],
    ),
    Shredder(
        "people.consent",
        "As the person: it proves what they agreed to.",
        _export_consents,
        lambda id: Consent.objects.filter(person=id).delete()[0],
    ),
    Shredder(
        "people.party",
        "As its accord.",
        _nothing,
        lambda id: Party.objects.filter(consent__person=id).delete()[0],
    ),
    Shredder(
        "people.withdrawal",
        "As its accord.",
        _nothing,
        lambda id: Withdrawal.objects.filter(consent__person=id).delete()[0],
    ),
    Shredder(
        "people.nametoken",
        "As long as the structure may see the person, and a day; renewed each year.",
        _nothing,
        lambda id: NameToken.objects.filter(person=id).delete()[0],
    ),
]
