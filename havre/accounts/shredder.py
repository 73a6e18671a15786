"""How this app's personal data is kept, given back and erased (the subject is a user)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from havre.accounts.models import Draft, SecondFactor, Session, User
from havre.core import sealing
from havre.core.shredding import Shredder


def _export_user(id: UUID) -> list[dict[str, Any]]:
    rows = list(User.objects.filter(pk=id))
    sealing.unseal(rows, "name", "email", by=sealing.worker(), purpose="export")
    return [{"name": row.name, "email": row.email, "language": row.language} for row in rows]


def _export_factor(id: UUID) -> list[dict[str, Any]]:
    """That there is one, and since when; the secret itself is never given out again."""
    rows = SecondFactor.objects.filter(user=id, confirmed_at__isnull=False)
    return [{"confirmed_at": row.confirmed_at.isoformat()} for row in rows if row.confirmed_at]


def _export_sessions(id: UUID) -> list[dict[str, Any]]:
    rows = Session.objects.filter(user=id)
    return [{"started_at": row.started_at.isoformat()} for row in rows if row.started_at]


def _export_drafts(id: UUID) -> list[dict[str, Any]]:
    rows = list(Draft.objects.filter(user=id))
    sealing.unseal(rows, "fields", by=sealing.worker(), purpose="export")
    return [{"path": row.path, "fields": row.fields} for row in rows]


SHREDDERS = [
    Shredder(
        "accounts.user",
        "Until it is erased; the rule of two years after the last sign-in has no job yet.",
        _export_user,
        lambda id: User.objects.filter(pk=id).delete()[0],
    ),
    Shredder(
        "accounts.secondfactor",
        "As the account.",
        _export_factor,
        lambda id: SecondFactor.objects.filter(user=id).delete()[0],
    ),
    Shredder(
        "accounts.session",
        "A session lasts 10 hours at most; its row a day more, for late drafts, then it is purged.",
        _export_sessions,
        lambda id: Session.objects.filter(user=id).delete()[0],
    ),
    Shredder(
        "accounts.draft",
        "One day (`drafts.KEPT`), purged every hour.",
        _export_drafts,
        lambda id: Draft.objects.filter(user=id).delete()[0],
    ),
]
