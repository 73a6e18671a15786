"""How this app's personal data is kept, given back and erased (the subject is a user, or a structure's invitation)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from havre.core.shredding import Shredder
from havre.organisations.models import Invitation, Membership, Operator

INVITATIONS_KEPT = timedelta(days=31)


def purge_invitations() -> int:
    """Remove invitations that have been over for a month, taken or not."""
    return Invitation.objects.filter(expires_at__lt=timezone.now() - INVITATIONS_KEPT).delete()[0]


def _export_memberships(id: UUID) -> list[dict[str, Any]]:
    rows = Membership.objects.filter(user=id).select_related("structure")
    return [
        {"structure": row.structure.name, "role": row.role, "since": row.since.isoformat()} for row in rows
    ]


def _export_invitations(id: UUID) -> list[dict[str, Any]]:
    rows = Invitation.objects.filter(created_by=id).select_related("structure")
    return [
        {"structure": row.structure.name, "role": row.role, "sent": row.created_at.isoformat()}
        for row in rows
    ]


def _export_operators(id: UUID) -> list[dict[str, Any]]:
    return [{"since": row.since.isoformat()} for row in Operator.objects.filter(user=id)]


SHREDDERS = [
    Shredder(
        "organisations.membership",
        "As the account: it says who could see what, and when.",
        _export_memberships,
        lambda id: Membership.objects.filter(user=id).delete()[0],
    ),
    Shredder(
        "organisations.invitation",
        "7 days open, then a month (`INVITATIONS_KEPT`), purged every hour.",
        _export_invitations,
        lambda id: Invitation.objects.filter(created_by=id).delete()[0],
    ),
    Shredder(
        "organisations.operator",
        "As the account: it says who could see the instance's room, and when.",
        _export_operators,
        lambda id: Operator.objects.filter(user=id).delete()[0],
    ),
]
