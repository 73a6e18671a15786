"""The person, who accompanies them, and what they agreed to."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from havre.core.ids import reference, uuid7
from havre.core.sealing import ClearText, SealedField, SealedRow
from havre.organisations import access as seats
from havre.organisations.models import Structure


class PersonQuerySet(models.QuerySet["Person"]):
    def visible_to(self, user: Any) -> PersonQuerySet:
        """Who a user may see: those their structure accompanies, or who named their structure in a live accord."""
        if not user.is_authenticated:
            return self.none()
        structures = seats.structures_where(user, *seats.WITH_RECORDS)
        accompanied = Accompaniment.objects.filter(
            person=OuterRef("pk"), structure__in=structures, until=None
        )
        named = Consent.objects.live().filter(person=OuterRef("pk"), named__structure__in=structures)
        return self.filter(Exists(accompanied) | Exists(named), closed_at=None)

    def for_system(self, reason: str) -> PersonQuerySet:
        """All rows, for work that no user asks for; `reason` says which, and a test lists the callers."""
        if not reason:
            raise ValueError("for_system needs a reason")
        return self


class Person(SealedRow):
    """Someone accompanied, named as they say it; perhaps a pseudonym, perhaps unknown. Everything told is sealed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    sealed_name = SealedField("names")
    sealed_birth = SealedField("names")
    sealed_language = SealedField("contacts")
    name = ClearText()
    birth = ClearText()
    language = ClearText()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.UUIDField(null=True)
    closed_at = models.DateTimeField(null=True)

    objects: ClassVar[PersonQuerySet] = PersonQuerySet.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def seal_subject(self) -> UUID:
        return self.id


class Accompaniment(models.Model):
    """A structure accompanies a person, from when to when: its team sees that the person exists, and no paper."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="accompaniments")
    structure = models.ForeignKey(Structure, models.PROTECT, related_name="accompaniments")
    since = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True)
    created_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "structure"], condition=Q(until=None), name="people_one_open_accompaniment"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.structure_id}"


class Means(models.TextChoices):
    """How a person gave an accord. More means come with more ways to know who gives it."""

    SIGNATURE = "signature", _("Signature sur l’écran")
    WRITTEN_NAME = "written-name", _("Nom écrit sur l’écran")


class ConsentQuerySet(models.QuerySet["Consent"]):
    def live(self) -> ConsentQuerySet:
        """Accords that hold now: not over, not withdrawn."""
        return self.filter(until__gt=timezone.now(), withdrawal=None)

    def visible_to(self, user: Any) -> ConsentQuerySet:
        """Accords about people that the user may see, to which one of the user's structures is a party."""
        if not user.is_authenticated:
            return self.none()
        structures = seats.structures_where(user, *seats.WITH_RECORDS)
        mine = Party.objects.filter(consent=OuterRef("pk"), structure__in=structures)
        return self.filter(Exists(mine), person__in=Person.objects.visible_to(user))


class Consent(SealedRow):
    """An accord: the person lets some structures see some things, for a purpose, until a date."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="consents")
    things = models.JSONField(default=list)
    purpose = models.CharField(max_length=40)
    means = models.CharField(max_length=20, choices=Means)
    with_interpreter = models.BooleanField(default=False)
    sealed_terms = SealedField("papers")
    sealed_signature = SealedField("papers")
    terms = ClearText()
    signature = ClearText()
    receipt = models.CharField(max_length=64)
    given_at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField()
    collected_by = models.UUIDField()
    collected_at = models.ForeignKey(Structure, models.PROTECT, related_name="+")

    objects: ClassVar[ConsentQuerySet] = ConsentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [models.Index(fields=["person", "until"], name="people_consent_live")]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def seal_subject(self) -> UUID:
        return self.person_id


class Party(models.Model):
    """A structure named in an accord."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    consent = models.ForeignKey(Consent, models.CASCADE, related_name="named")
    structure = models.ForeignKey(Structure, models.PROTECT, related_name="accords")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["consent", "structure"], name="people_structure_named_once")
        ]

    def __str__(self) -> str:
        return f"{self.consent_id} {self.structure_id}"


class Withdrawal(models.Model):
    """The end of an accord before its date: who noted it, and when."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    consent = models.OneToOneField(Consent, models.CASCADE, related_name="withdrawal")
    at = models.DateTimeField(default=timezone.now)
    by = models.UUIDField()

    def __str__(self) -> str:
        return f"withdrawal of {self.consent_id}"


class NameToken(models.Model):
    """One blinded fact of a person's name, by which one structure finds them (`names.py`, docs/names.md).

    `token` is 16 bytes of an HMAC under the structure's key of the year; `rules` tells which rules made the fact.
    """

    pk = models.CompositePrimaryKey("structure", "token", "person")
    structure = models.ForeignKey(Structure, models.CASCADE, related_name="+", db_index=False)
    token = models.BinaryField()
    person = models.ForeignKey(Person, models.CASCADE, related_name="+")
    year = models.PositiveSmallIntegerField()
    rules = models.PositiveSmallIntegerField()

    def __str__(self) -> str:
        return f"{self.structure_id} {self.person_id}"


class Erasure(models.Model):
    """Somebody was erased, and holds the number; nothing here says whom.

    `day` is the keeper's day key that old copies of its store need; `copies_dead_at` is when it was seen to be gone.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.CharField(max_length=9, unique=True, default=reference)
    erased_at = models.DateTimeField(default=timezone.now)
    day = models.PositiveBigIntegerField()
    copies_dead_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.number
