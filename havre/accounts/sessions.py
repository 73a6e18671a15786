"""Sessions in the database, each bound to its user; idle ones end (`foundations.md`, "Shared computers")."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.db import OperationalError
from django.utils import timezone

from havre.accounts.models import Session, User
from havre.core import prepared

IDLE = timedelta(minutes=15)  # professionals
WHOLE = timedelta(hours=10)
NOTED_EVERY = timedelta(seconds=30)  # a visit is written at most this often


SESSION = [field.attname for field in Session._meta.concrete_fields]
USER = [field.attname for field in User._meta.concrete_fields]
_with_user = prepared.Prepared(
    lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now).values_list(
        *SESSION, *(f"user__{name}" for name in USER)
    ),
    "a key",
    datetime(2000, 1, 1, tzinfo=UTC),
)


def _row(key: str) -> Session | None:
    """A session that lasts, with its user, in one query."""
    for row in _with_user.rows(key, timezone.now()):
        session = Session.from_db(None, SESSION, row[: len(SESSION)])
        session.user = User.from_db(None, USER, row[len(SESSION) :]) if session.user_id else None
        return session
    return None


class SessionStore(db.SessionStore):
    """Django's database session, which also knows its row."""

    row: Session | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        """The row and its user, in one query; as Django's, an unknown key is forgotten."""
        self.row = _row(self.session_key or "")
        if self.row is None:
            self._session_key = None
        return self.row

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = cast(Session, super().create_model_instance(data))
        now = timezone.now()
        row.user_id = data.get(SESSION_KEY)
        known = self.row if self.row is not None and self.row.session_key == row.session_key else None
        row.started_at = known.started_at if known and known.user_id else now
        row.seen_at = known.seen_at if known and known.user_id and ended(known, now) else now
        self.row = row
        return row


def ended(row: Session, now: datetime) -> bool:
    """Whether a session has been idle, or has lasted, too long."""
    return bool(row.seen_at and now - row.seen_at > IDLE) or bool(
        row.started_at and now - row.started_at > WHOLE
    )


def note_visit(row: Session, now: datetime) -> None:
    """Write the visit, unless the last one is recent, or the base is busy (the next visit will be written)."""
    if row.seen_at is None or now - row.seen_at > NOTED_EVERY:
        with suppress(OperationalError):
            Session.objects.filter(pk=row.pk).update(seen_at=now)


def end_all(user_id: Any) -> int:
    """End every session of a user; answers how many."""
    return Session.objects.filter(user_id=user_id).delete()[0]


def purge() -> int:
    """Remove the sessions whose time is over."""
    return Session.objects.filter(expire_date__lt=timezone.now()).delete()[0]
