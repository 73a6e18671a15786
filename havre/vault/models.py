"""Documents: what the person keeps. What a paper is and holds is sealed; the rows know only whose it is and how big."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from havre.core.ids import uuid7
from havre.core.sealing import ClearText, SealedField, SealedRow
from havre.organisations import access as seats
from havre.people import access as people
from havre.people.models import Consent, Person


class Part(models.TextChoices):
    """The shared part is seen by those whom the person named; the private part by the person alone."""

    SHARED = "shared", _("Partagé")
    PRIVATE = "private", _("Privé (moi seul·e)")


class DocumentQuerySet(models.QuerySet["Document"]):
    def visible_to(self, user: Any) -> DocumentQuerySet:
        """Papers of the shared part of people who opened their documents to a structure where the user reads papers."""
        if not user.is_authenticated:
            return self.none()
        structures = seats.structures_where(user, *seats.WITH_PAPERS)
        accords = (
            Consent.objects.live().filter(named__structure__in=structures).values_list("person", "things")
        )
        opened = {person for person, things in accords if people.DOCUMENTS in things}
        return self.filter(part=Part.SHARED, person__in=opened, person__closed_at=None)

    def for_system(self, reason: str) -> DocumentQuerySet:
        """All rows, for work that no user asks for; `reason` says which, and a test lists the callers."""
        if not reason:
            raise ValueError("for_system needs a reason")
        return self


class Document(SealedRow):
    """One paper of one person."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="documents")
    part = models.CharField(max_length=8, choices=Part, default=Part.SHARED)
    sealed_kind = SealedField("papers")
    sealed_title = SealedField("papers")
    kind = ClearText()
    title = ClearText()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.UUIDField()

    objects: ClassVar[DocumentQuerySet] = DocumentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["person", "-created_at"], name="vault_of_person")]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def seal_subject(self) -> UUID:
        return self.person_id


class Pages(models.TextChoices):
    """How far the pictures of a paper's pages are."""

    WAITING = "waiting"
    READY = "ready"
    NONE = "none"  # the original is kept, its pages cannot be shown: `problem` says why


class Version(models.Model):
    """One sealed original of a document, and the pictures of its pages made from it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    document = models.ForeignKey(Document, models.CASCADE, related_name="versions")
    number = models.PositiveSmallIntegerField(default=1)
    blob = models.UUIDField(unique=True, default=uuid7)
    wrapped_key = models.BinaryField()
    media_type = models.CharField(max_length=40)
    size = models.BigIntegerField()
    pages = models.CharField(max_length=8, choices=Pages, default=Pages.WAITING)
    page_count = models.PositiveIntegerField(default=0)
    shown_pages = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=20, blank=True)
    claimed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.UUIDField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "number"], name="vault_version_number")]
        indexes = [
            models.Index(
                fields=["created_at"], condition=models.Q(pages="waiting"), name="vault_pages_waiting"
            )
        ]

    def __str__(self) -> str:
        return f"{self.document_id} v{self.number}"
