"""Who signs in: users, their second factor, their sessions, and what they were typing when a session ended."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from havre.core.ids import uuid7
from havre.core.keeper_client import Actor
from havre.core.sealing import ClearText, SealedField, SealedRow


class Space(models.TextChoices):
    """Which door a user comes in by."""

    PROFESSIONAL = "professional"
    PERSON = "person"


class UserManager(BaseUserManager["User"]):
    """Users are made by `accounts.actions`, which gives them keys first."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email_token=username)


class User(SealedRow, AbstractBaseUser):
    """A compte. Name and e-mail are sealed under the user's own keys; sign-in finds the e-mail by its blind token."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    space = models.CharField(max_length=12, choices=Space)
    email_token = models.CharField(max_length=64, unique=True, null=True)
    sealed_name = SealedField("names")
    sealed_email = SealedField("contacts")
    name = ClearText()
    email = ClearText()
    language = models.CharField(max_length=12, default="fr")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email_token"

    def __str__(self) -> str:
        return str(self.id)

    @property
    def seal_subject(self) -> UUID:
        return self.id

    @property
    def actor(self) -> Actor:
        """This user, as the keeper knows them."""
        return Actor(str(self.space), self.id)


class SecondFactor(SealedRow):
    """A code generator (TOTP, RFC 6238). A step once used is never taken again."""

    user = models.OneToOneField(User, models.CASCADE, related_name="second_factor", primary_key=True)
    sealed_secret = SealedField("contacts")
    secret = ClearText()
    confirmed_at = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"second factor of {self.user_id}"

    @property
    def seal_subject(self) -> UUID:
        return self.user_id


class Session(AbstractBaseSession):
    """A session kept by the server, so that it can be ended from elsewhere."""

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    started_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)

    @classmethod
    def get_session_store_class(cls) -> Any:
        from havre.accounts.sessions import SessionStore

        return SessionStore


class Draft(SealedRow):
    """What a user had typed into a form when the session ended; sealed, shown again at the same page, then gone."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="drafts")
    path = models.CharField(max_length=200)
    sealed_fields = SealedField("notes")
    fields = ClearText()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "path"], name="accounts_one_draft_per_page")]

    def __str__(self) -> str:
        return self.path

    @property
    def seal_subject(self) -> UUID:
        return self.user_id
