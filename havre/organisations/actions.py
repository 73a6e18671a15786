"""Making structures, inviting people into them, ending memberships; naming who operates the instance."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from havre.accounts import actions as accounts
from havre.accounts import sessions
from havre.accounts.models import User
from havre.audit import actions as audit
from havre.core import sealing
from havre.core.ids import uuid7
from havre.core.keeper_client import Actor
from havre.organisations import access, notices
from havre.organisations.models import Invitation, Membership, Operator, Role, Site, Structure
from havre.outbox import actions as outbox

INVITED_FOR = timedelta(days=7)


@transaction.atomic
def create_structure(name: str, commune: str, *, by: UUID | None = None) -> Structure:
    """A structure with keys of its own and one site of the same name."""
    structure = Structure(id=uuid7(), name=name, commune=commune)
    sealing.keeper().create(structure.id)
    structure.save()
    Site.objects.create(structure=structure, name=name, commune=commune)
    audit.record("organisations.structure.created", by=by, structure=structure.id, on=structure)
    return structure


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def invite(
    structure: Structure, *, email: str, role: str, by: User | None, language: str = "fr"
) -> tuple[Invitation, str]:
    """Offer a seat; the link leaves through the outbox. `by=None` is the operator at the console."""
    if by is not None and not access.manages(by, structure.id):
        raise PermissionDenied
    token = secrets.token_urlsafe(24)
    invitation = Invitation(
        structure=structure,
        role=role,
        token_hash=_hash(token),
        created_by=by.pk if by else None,
        expires_at=timezone.now() + INVITED_FOR,
    )
    actor = by.actor if by else accounts.nobody()
    sealing.seal(invitation, by=actor, email=email)
    invitation.save()
    link = f"{settings.ORIGIN}{reverse('invitation', args=[token])}"
    outbox.prepare(
        notices.INVITATION,
        subject=structure.id,
        to=email,
        cause="organisations.invitation",
        cause_id=invitation.id,
        by=actor,
        language=language,
        parameters={"structure": structure.name, "link": link},
    )
    audit.record(
        "organisations.invitation.sent", by=actor_id(by), structure=structure.id, on=invitation, role=role
    )
    return invitation, link


def actor_id(by: User | None) -> UUID | None:
    return by.pk if by else None


def open_invitation(token: str) -> Invitation | None:
    """The invitation of a link, if it is still open."""
    open_ = Invitation.objects.select_related("structure").filter(
        accepted_at=None, expires_at__gt=timezone.now()
    )
    invitation = open_.filter(token_hash=_hash(token), structure__closed_at=None).first()
    if invitation is None or not _still_meant(invitation):
        return None
    return invitation


def _still_meant(invitation: Invitation) -> bool:
    """Who invited still manages the structure; the operator at the console always does."""
    by = invitation.created_by
    return by is None or access.holds(by, invitation.structure_id, Role.MANAGER)


def invited_address(invitation: Invitation) -> str:
    sealing.unseal([invitation], "email", by=Actor("system", invitation.id), purpose="invitation")
    return str(invitation.email)


@transaction.atomic
def accept(invitation: Invitation, *, name: str, password: str) -> User | None:
    """Take the seat with a new account. None when somebody took it first, or the address already has an account."""
    if invited_user(invitation) is not None or not _taken(invitation):
        return None
    user = accounts.create_professional(name=name, email=invited_address(invitation), password=password)
    _seat(invitation, user)
    return user


@transaction.atomic
def accept_as(invitation: Invitation, *, by: User) -> bool:
    """Take the seat with the account that the invited address already has. False when it is not theirs to take."""
    user = invited_user(invitation)
    if user is None or user.pk != by.pk or not _taken(invitation):
        return False
    _seat(invitation, by)
    return True


def invited_user(invitation: Invitation) -> User | None:
    """Who already has the invited address."""
    return User.objects.filter(email_token=accounts.email_token(invited_address(invitation))).first()


def _taken(invitation: Invitation) -> bool:
    """Close the invitation; False when somebody took it first."""
    open_ = Invitation.objects.filter(pk=invitation.pk, accepted_at=None)
    return bool(open_.update(accepted_at=timezone.now()))


def _seat(invitation: Invitation, user: User) -> None:
    Membership.objects.filter(user=user, structure=invitation.structure, until=None).update(
        until=timezone.now()
    )
    join(user, invitation.structure, invitation.role, by=invitation.created_by)
    _close_others(invitation)
    audit.record(
        "organisations.invitation.accepted", by=user.pk, structure=invitation.structure_id, on=invitation
    )


def _close_others(invitation: Invitation) -> None:
    """The other links to the same address and structure end with this one: none may bring back who is removed."""
    now = timezone.now()
    others = list(
        Invitation.objects.filter(structure=invitation.structure_id, accepted_at=None, expires_at__gt=now)
    )
    sealing.unseal(others, "email", by=Actor("system", invitation.id), purpose="invitation")
    token = accounts.email_token(invited_address(invitation))
    same = [other.pk for other in others if accounts.email_token(other.email) == token]
    Invitation.objects.filter(pk__in=same).update(expires_at=now)


def join(user: User, structure: Structure, role: str, *, by: UUID | None) -> Membership:
    """Open a membership, now, at the structure's first site."""
    site = structure.sites.first()
    return Membership.objects.create(
        user=user, structure=structure, site=site, role=Role(role), created_by=by
    )


@transaction.atomic
def end_membership(membership: Membership, *, by: User) -> bool:
    """End a membership and the member's sessions, now. False when it had ended already."""
    if not access.manages(by, membership.structure_id) or membership.user_id == by.pk:
        raise PermissionDenied
    ended = Membership.objects.filter(pk=membership.pk, until=None).update(until=timezone.now())
    sessions.end_all(membership.user_id)
    audit.record("organisations.membership.ended", by=by.pk, structure=membership.structure_id, on=membership)
    return bool(ended)


@transaction.atomic
def name_operator(user: User, *, by: UUID | None = None) -> bool:
    """Give a user the operator's room; `by=None` is the console. False when they have it already."""
    operator, new = Operator.objects.get_or_create(user=user, until=None, defaults={"named_by": by})
    if new:
        audit.record("organisations.operator.named", by=by, on=operator)
    return new


@transaction.atomic
def end_operator(user: User, *, by: UUID | None = None) -> bool:
    """Take the operator's room back and end the user's sessions, now. False when they did not have it."""
    ended = bool(Operator.objects.filter(user=user, until=None).update(until=timezone.now()))
    if ended:
        sessions.end_all(user.pk)
        audit.record("organisations.operator.ended", by=by, on=user)
    return ended
