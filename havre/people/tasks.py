"""What the clock does about people."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from havre.inbox import actions as inbox
from havre.people.models import Consent

AHEAD = timedelta(days=30)


def announce_ending_consents() -> int:
    """Ask the structures of an accord that ends within 30 days whether it goes on; long accords only."""
    now = timezone.now()
    ending = Consent.objects.live().filter(until__lt=now + AHEAD).prefetch_related("named")
    asked = 0
    for consent in ending:
        if consent.until - consent.given_at > AHEAD:
            for party in consent.named.all():
                inbox.ask(
                    "people.consent.ending",
                    structure=party.structure_id,
                    object_id=consent.pk,
                    person=consent.person_id,
                    due=consent.until - timedelta(days=7),
                )
                asked += 1
    return asked
