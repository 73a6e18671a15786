"""What the clock does about people."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from havre.core import sealing
from havre.core.keeper_client import KeeperError
from havre.inbox import actions as inbox
from havre.people import names
from havre.people.models import Consent, Erasure, Party

AHEAD = timedelta(days=30)
RENEWED = 1_000  # names at a time, about three seconds: the clock has other work


def _renewed(consent: Consent) -> QuerySet[Party, UUID]:
    """The structures that a later accord of the same person names beyond this one's end."""
    later = Consent.objects.live().filter(person=consent.person_id, until__gt=consent.until)
    return Party.objects.filter(consent__in=later).values_list("structure", flat=True)


def announce_ending_consents() -> int:
    """Ask the structures of an accord that ends within 30 days whether it goes on; long accords only."""
    now = timezone.now()
    ending = Consent.objects.live().filter(until__lt=now + AHEAD)
    asked = 0
    for consent in ending:
        if consent.until - consent.given_at > AHEAD:
            for party in consent.named.exclude(structure__in=_renewed(consent)):
                inbox.ask_once(
                    "people.consent.ending",
                    structure=party.structure_id,
                    object_id=consent.pk,
                    person=consent.person_id,
                    due=consent.until - timedelta(days=7),
                )
                asked += 1
    return asked


def renew_names() -> int:
    """Write some of the tokens of names that are missing or old: after an upgrade, at the turn of the year."""
    return names.renew(most=RENEWED)


def find_everybody() -> str:
    """After an upgrade, everybody is found by their name before the first page is served."""
    try:
        written = names.renew(lost_only=True)
    except KeeperError as error:
        return f"Some people are not found by their names yet: {error} The clock tries again."
    return f"Names made findable: {written}." if written else ""


def date_dead_copies() -> int:
    """Date the erasures whose old copies of the keeper's keys have just died: their day key is kept no more."""
    waiting = Erasure.objects.filter(copies_dead_at=None)
    if not waiting.exists():
        return 0
    oldest = sealing.keeper().check()["oldest_day"]
    return waiting.filter(day__lt=oldest).update(copies_dead_at=timezone.now())
