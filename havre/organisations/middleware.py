"""`request.seat`: where the signed-in professional sits today."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from havre.accounts.sessions import IDLE
from havre.organisations.models import Membership, Role, Structure


class Seat:
    """The live memberships of a user; read once a request, and only when asked for."""

    idle_seconds = int(IDLE.total_seconds())

    def __init__(self, user: Any) -> None:
        self._user = user

    @cached_property
    def memberships(self) -> list[Membership]:
        return list(
            Membership.objects.live()
            .filter(user=self._user)
            .select_related("structure")
            .order_by("since", "id")
        )

    @property
    def structure(self) -> Structure | None:
        """The structure whose name stands in the header: the oldest membership's."""
        return self.memberships[0].structure if self.memberships else None

    @property
    def is_manager(self) -> bool:
        return any(membership.role == Role.MANAGER for membership in self.memberships)

    def structures(self, *roles: str) -> list[UUID]:
        """The structures where the user holds one of these roles."""
        return [m.structure_id for m in self.memberships if m.role in roles]


def seat(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        request.seat = Seat(request.user) if request.user.is_authenticated else None  # type: ignore[attr-defined]
        return get_response(request)

    return middleware
