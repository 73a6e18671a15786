"""Django's authentication backend: it only finds a user again from the session; `accounts.actions` checks secrets."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend

from havre.accounts.models import User


class Backend(BaseBackend):
    def get_user(self, user_id: Any) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()
