"""Opening a person's record, collecting an accord, ending it, erasing someone."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from havre.accounts.models import User
from havre.audit import actions as audit
from havre.core import sealing, shredding
from havre.core.ids import uuid7
from havre.inbox import actions as inbox
from havre.organisations import access as seats
from havre.organisations.models import Structure
from havre.people import access, names, terms
from havre.people.models import Accompaniment, Consent, Erasure, Means, Party, Person, Withdrawal


@transaction.atomic
def open_record(*, by: User, structure: UUID, name: str, birth: str = "", language: str = "") -> Person:
    """A new person, with keys of their own, accompanied by one structure from now on."""
    if not seats.holds(by, structure, *seats.WHO_WRITE):
        raise PermissionDenied
    person = Person(id=uuid7(), created_by=by.pk)
    sealing.keeper().create(person.id)
    sealing.seal(person, by=by.actor, name=name, birth=birth, language=language)
    person.save()
    Accompaniment.objects.create(person=person, structure_id=structure, created_by=by.pk)
    names.write([person], structure, by=by.actor)
    audit.record("people.person.created", by=by.pk, structure=structure, person=person.pk, on=person)
    return person


def note_seen(person: Person, *, by: User, structure: UUID | None) -> None:
    """Write in the journal that somebody looked at the record."""
    audit.record_look("people.person.seen", by=by.pk, structure=structure, person=person.pk, on=person)


def note_consent_seen(consent: Consent, *, by: User, structure: UUID | None) -> None:
    """Write in the journal that somebody looked at an accord, or took its receipt."""
    audit.record_look(
        "people.consent.seen", by=by.pk, structure=structure, person=consent.person_id, on=consent
    )


@dataclass(frozen=True)
class Given:
    """What the person chose and did: whom, until when (as shown to them), in which language, how they signed."""

    structures: Sequence[Structure]
    until: datetime
    language: str
    means: Means
    signature: str
    with_interpreter: bool = False


class CannotName(Exception):
    """A signature on the screen cannot open papers that exist to a structure that never had them."""


@transaction.atomic
def give_consent(person: Person, given: Given, *, by: User) -> Consent:
    """Record an accord that the person has just signed. A newer accord does not end an older one."""
    collecting = access.accompanying(by, person) or access.consented_structures(
        by, person, *seats.WHO_BRING_PAPERS
    )
    if not collecting:
        raise PermissionDenied
    allowed = access.nameable(by, person)
    named = {structure.pk for structure in given.structures}
    if not named or (allowed is not None and not named <= allowed):
        raise CannotName
    consent = _consent(person, given, by, collecting[0])
    Party.objects.bulk_create(Party(consent=consent, structure_id=structure) for structure in sorted(named))
    names.write([person], *sorted(named), by=by.actor)
    audit.record(
        "people.consent.given",
        by=by.pk,
        structure=collecting[0],
        person=person.pk,
        on=consent,
        named=len(named),
    )
    for structure in named - {collecting[0]}:
        inbox.ask("people.consent.named", structure=structure, object_id=consent.pk, person=person.pk)
    return consent


def _consent(person: Person, given: Given, by: User, structure: UUID) -> Consent:
    now = timezone.now()
    shown = terms.words(
        given.language, structures=[s.name for s in given.structures], until=given.until
    ).as_json()
    shown["salt"] = salt = secrets.token_hex(16)
    consent = Consent(
        person=person,
        things=[access.DOCUMENTS],
        purpose=terms.PURPOSE,
        means=given.means,
        with_interpreter=given.with_interpreter,
        receipt=terms.digest(shown, given.signature, salt),
        given_at=now,
        until=given.until,
        collected_by=by.pk,
        collected_at_id=structure,
    )
    sealing.seal(consent, by=by.actor, terms=json.dumps(shown, ensure_ascii=False), signature=given.signature)
    consent.save()
    return consent


@transaction.atomic
def withdraw(consent: Consent, *, by: User) -> Withdrawal:
    """End an accord at the person's word; from the next request on, nothing opens through it."""
    if not access.can_withdraw(by, consent):
        raise PermissionDenied
    withdrawal, new = Withdrawal.objects.get_or_create(consent=consent, defaults={"by": by.pk})
    if new:
        audit.record(
            "people.consent.withdrawn",
            by=by.pk,
            structure=access.withdrawing(by, consent)[0],
            person=consent.person_id,
            on=consent,
        )
        inbox.done("people.consent.named", object_id=consent.pk, by=by.pk)
        inbox.done("people.consent.ending", object_id=consent.pk, by=by.pk)
    return withdrawal


@dataclass(frozen=True)
class Erased:
    """What an erasure leaves: its row, and how many rows of each model went."""

    erasure: Erasure
    counts: dict[str, int]


@transaction.atomic
def erase(subject: UUID) -> Erased | None:
    """Destroy a person's keys first (nothing opens any more), then every row and blob. None when none was left.

    The person's row is held meanwhile: an erasure that a crash interrupted after its first step is finished by
    calling this again, and two at once are one. The subject may also be a user.
    """
    list(Person.objects.for_system("erase").select_for_update().filter(pk=subject))
    day = sealing.keeper().erase(subject)
    counts = shredding.erase_all(subject)
    if not any(counts.values()):
        return None
    audit.record("people.erased", by=None, person=subject)
    return Erased(Erasure.objects.create(day=day), counts)
