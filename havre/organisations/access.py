"""Who may do what in a structure."""

from __future__ import annotations

from uuid import UUID

from havre.accounts.models import User
from havre.organisations.models import Membership, Role

# Roles whose holders work with people's records, and those who may open papers (docs/roles.md).
WITH_RECORDS = (Role.PROFESSIONAL, Role.RECEPTION, Role.READER)
WITH_PAPERS = (Role.PROFESSIONAL, Role.READER)
WHO_WRITE = (Role.PROFESSIONAL, Role.RECEPTION)
WHO_BRING_PAPERS = (Role.PROFESSIONAL,)


def structures_where(user: User, *roles: str) -> list[UUID]:
    """The structures in which the user holds one of these roles now."""
    return list(
        Membership.objects.live().filter(user=user, role__in=roles).values_list("structure_id", flat=True)
    )


def holds(user: User | UUID, structure: UUID, *roles: str) -> bool:
    """Whether somebody (a user, or an author known by id alone) sits there now in one of these roles."""
    return Membership.objects.live().filter(user=user, structure=structure, role__in=roles).exists()


def manages(user: User, structure: UUID) -> bool:
    return holds(user, structure, Role.MANAGER)
