"""`request.seat`: where the signed-in professional sits today."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from havre.accounts.sessions import IDLE
from havre.core import prepared
from havre.inbox.models import INSTANCE
from havre.organisations.access import WITH_RECORDS
from havre.organisations.models import Membership, Operator, Role


@dataclass(frozen=True)
class Place:
    """One live membership, as much of it as every page needs."""

    role: str
    structure_id: UUID
    structure: str

    @property
    def role_name(self) -> str:
        return str(Role(self.role).label)


_memberships = prepared.Prepared(
    lambda user, now: (
        Membership.objects.live(now)
        .filter(user=user)
        .order_by("since", "id")
        .values_list("role", "structure_id", "structure__name")
    ),
    UUID(int=1),
    datetime(2000, 1, 1, tzinfo=UTC),
)

_operating = prepared.Prepared(
    lambda user, now: Operator.objects.live(now).filter(user=user).values_list("id"),
    UUID(int=1),
    datetime(2000, 1, 1, tzinfo=UTC),
)


class Seat:
    """Where a user sits now: memberships, the operator's room; read once a request, and only when asked for."""

    idle_seconds = int(IDLE.total_seconds())

    def __init__(self, user: Any) -> None:
        self._user = user

    @cached_property
    def memberships(self) -> list[Place]:
        now = timezone.now()
        return [Place(*row) for row in _memberships.rows(self._user.pk, now)]

    @property
    def structure(self) -> str | None:
        """The name in the header: the oldest membership's structure."""
        return self.memberships[0].structure if self.memberships else None

    @property
    def is_manager(self) -> bool:
        return any(membership.role == Role.MANAGER for membership in self.memberships)

    @cached_property
    def is_operator(self) -> bool:
        return bool(_operating.rows(self._user.pk, timezone.now()))

    @property
    def sees_people(self) -> bool:
        return any(place.role in WITH_RECORDS for place in self.memberships)

    def structures(self, *roles: str) -> list[UUID]:
        """The structures where the user holds one of these roles."""
        return [m.structure_id for m in self.memberships if m.role in roles]

    @property
    def desks(self) -> list[UUID]:
        """Whose work items the user sees and closes: those of structures where they work, and the instance's."""
        return [*self.structures(Role.PROFESSIONAL), *([INSTANCE] if self.is_operator else [])]


def seat(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        request.seat = Seat(request.user) if request.user.is_authenticated else None  # type: ignore[attr-defined]
        return get_response(request)

    return middleware
