"""Structures, their sites and teams, and who belongs to them, in which role, from when to when."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from havre.accounts.models import User
from havre.core.ids import uuid7
from havre.core.sealing import ClearText, SealedField, SealedRow


class Role(models.TextChoices):
    """What somebody does in a structure; `access` modules say what each role may do."""

    MANAGER = "manager", _("Responsable")
    PROFESSIONAL = "professional", _("Intervenant·e")
    RECEPTION = "reception", _("Accueil")
    VOLUNTEER = "volunteer", _("Bénévole")
    READER = "reader", _("Lecture seule")


class Structure(models.Model):
    """A legal entity (data.inclusion *structure*). Its name and commune are public facts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=150)
    commune = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def seal_subject(self) -> UUID:
        return self.id


class Site(models.Model):
    """Where a structure receives people (Soliguide *lieu*)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    structure = models.ForeignKey(Structure, models.PROTECT, related_name="sites")
    name = models.CharField(max_length=150)
    address = models.CharField(max_length=200, blank=True)
    postcode = models.CharField(max_length=10, blank=True)
    commune = models.CharField(max_length=100)
    phone = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Team(models.Model):
    """Some members of a structure who share a work."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    structure = models.ForeignKey(Structure, models.PROTECT, related_name="teams")
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    def live(self, now: datetime | None = None) -> MembershipQuerySet:
        """Memberships that have begun and have not ended, now (or at a given moment)."""
        now = now or timezone.now()
        return self.filter(Q(until=None) | Q(until__gt=now), since__lte=now, structure__closed_at=None)


class Membership(models.Model):
    """A user's role in a structure, between two dates."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    structure = models.ForeignKey(Structure, models.PROTECT, related_name="memberships")
    site = models.ForeignKey(Site, models.SET_NULL, null=True, related_name="memberships")
    team = models.ForeignKey(Team, models.SET_NULL, null=True, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)
    since = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True)
    created_by = models.UUIDField(null=True)

    objects: ClassVar[MembershipQuerySet] = MembershipQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "structure"],
                condition=Q(until=None),
                name="organisations_one_open_membership",
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=models.F("since")),
                name="organisations_until_after_since",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"


class OperatorQuerySet(models.QuerySet["Operator"]):
    def live(self, now: datetime | None = None) -> OperatorQuerySet:
        """Those who operate the instance now (or at a given moment)."""
        now = now or timezone.now()
        return self.filter(Q(until=None) | Q(until__gt=now), since__lte=now)


class Operator(models.Model):
    """Somebody runs this instance, between two dates: they look after its keys and its machines, and read no person."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="operating")
    since = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True)
    named_by = models.UUIDField(null=True)

    objects: ClassVar[OperatorQuerySet] = OperatorQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(until=None), name="organisations_one_open_operator"
            )
        ]

    def __str__(self) -> str:
        return str(self.user_id)


class Invitation(SealedRow):
    """A seat offered to somebody by e-mail; the link works once, for 7 days, and only its hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    structure = models.ForeignKey(Structure, models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=20, choices=Role)
    sealed_email = SealedField("contacts")
    email = ClearText()
    token_hash = models.CharField(max_length=64, unique=True)
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"invitation {self.id}"

    @property
    def seal_subject(self) -> UUID:
        return self.structure_id
