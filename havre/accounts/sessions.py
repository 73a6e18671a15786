"""Sessions in the database, each bound to its user; idle ones end (`foundations.md`, "Shared computers")."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.utils import timezone

from havre.accounts.models import Session

IDLE = timedelta(minutes=15)  # professionals
WHOLE = timedelta(hours=10)
NOTED_EVERY = timedelta(seconds=30)  # a visit is written at most this often


class SessionStore(db.SessionStore):
    """Django's database session, which also knows its row."""

    row: Session | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Any:
        self.row = super()._get_session_from_db()  # type: ignore[misc]
        return self.row

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = cast(Session, super().create_model_instance(data))
        now = timezone.now()
        row.user_id = data.get(SESSION_KEY)
        known = self.row if self.row is not None and self.row.session_key == row.session_key else None
        row.started_at = known.started_at if known and known.user_id else now
        row.seen_at = now
        self.row = row
        return row


def ended(row: Session, now: datetime) -> bool:
    """Whether a session has been idle, or has lasted, too long."""
    return bool(row.seen_at and now - row.seen_at > IDLE) or bool(
        row.started_at and now - row.started_at > WHOLE
    )


def note_visit(row: Session, now: datetime) -> None:
    if row.seen_at is None or now - row.seen_at > NOTED_EVERY:
        Session.objects.filter(pk=row.pk).update(seen_at=now)


def end_all(user_id: Any) -> int:
    """End every session of a user; answers how many."""
    return Session.objects.filter(user_id=user_id).delete()[0]


def purge() -> int:
    """Remove the sessions whose time is over."""
    return Session.objects.filter(expire_date__lt=timezone.now()).delete()[0]
