"""Claire as she signs in: a password, and a code generator that she has set up."""

from __future__ import annotations

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from havre.accounts import actions
from havre.accounts.models import SecondFactor, User
from tests import cast as stage
from tests.accounts.hands import PASSWORD, SECRET
from tests.cast import Cast


@pytest.fixture
def cast(clock: time_machine.Traveller) -> Cast:
    return stage.build()


@pytest.fixture(scope="session")
def _encoded() -> str:
    return make_password(PASSWORD)


@pytest.fixture
def invited(cast: Cast, _encoded: str) -> User:
    """Claire with a password, before her first sign-in."""
    User.objects.filter(pk=cast.claire.pk).update(password=_encoded)
    return cast.claire


@pytest.fixture
def claire(invited: User) -> User:
    actions.replace_secret(invited, SECRET)
    SecondFactor.objects.filter(user=invited).update(confirmed_at=timezone.now())
    return invited
