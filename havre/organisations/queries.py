"""Reads across structures and their members."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from havre.accounts import actions as accounts
from havre.accounts.models import User
from havre.core import sealing
from havre.core.keeper_client import Actor
from havre.organisations.models import Membership, Structure


def team_of(structure: Structure, *, by: Actor) -> list[Membership]:
    """The live members of a structure, with their names opened, in the order of names."""
    members = list(Membership.objects.live().filter(structure=structure).select_related("user", "site"))
    sealing.unseal([member.user for member in members], "name", by=by, purpose="team")
    return sorted(members, key=lambda member: member.user.name.casefold())


def names(users: Iterable[UUID | None], *, by: Actor) -> dict[UUID, str]:
    """The names of some users, as other professionals and the person may read them."""
    rows = list(User.objects.filter(pk__in={user for user in users if user is not None}))
    return {row.pk: row.name for row in sealing.unseal(rows, "name", by=by, purpose="author")}


def structure_names(structures: Iterable[UUID | None]) -> dict[UUID, str]:
    return dict(
        Structure.objects.filter(pk__in={s for s in structures if s is not None}).values_list("pk", "name")
    )


def others(structure_ids: Iterable[UUID]) -> QuerySet[Structure]:
    """The structures of the house that a person may name beside these."""
    return Structure.objects.filter(closed_at=None).exclude(pk__in=list(structure_ids))


def is_member(structure: Structure, email: str) -> bool:
    """Whether the owner of an address sits in the structure now."""
    token = accounts.email_token(email)
    return Membership.objects.live().filter(structure=structure, user__email_token=token).exists()
