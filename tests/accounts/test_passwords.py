"""Passwords: which are refused, how they are kept, and that nothing about a user lies in clear."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from havre.accounts import actions
from havre.accounts.models import User
from havre.core import sealing
from tests.accounts.hands import SECRET
from tests.accounts.stagehands import stolen
from tests.cast import Cast


@pytest.mark.parametrize(
    "password",
    [
        "motdepasse2026!!",
        "MotDePasse2026",
        "M0tdep@sse2026",
        "m0tdep@ss3!!!!",
        "Azertyuiop123!",
        "p@ssw0rd2026",
        "Pa$$w0rd!!!!!",
        "Solidarite2026",
        "accueildejour1",
        "password123456",
        "BONJOUR!!!!!!!",
        " motdepasse2026 ",
    ],
)
def test_a_password_of_everybody_is_refused_even_dressed_up(password: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate_password(password)
    assert "breached" in {error.code for error in refusal.value.error_list}
    assert "Ce mot de passe est dans les listes des voleurs. Choisissez quatre mots sans lien." in str(
        refusal.value.messages
    )


@pytest.mark.parametrize(
    "password",
    ["cheval agrafe pile correcte", "quatre mots jamais liés", "Xk3v-9pLq-22mZ", "بيت شجرة قلم نهر"],
)
def test_four_words_without_a_link_are_taken(password: str) -> None:
    validate_password(password)


def test_eleven_signs_are_too_few() -> None:
    with pytest.raises(ValidationError) as refusal:
        validate_password("xk3v9plq22m")
    assert {error.code for error in refusal.value.error_list} == {"password_too_short"}


def test_passwords_are_kept_by_argon2id_at_19_mebibytes() -> None:
    encoded = make_password("cheval agrafe pile correcte")
    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert check_password("cheval agrafe pile correcte", encoded)
    assert not check_password("cheval agrafe pile correctE", encoded)


def test_two_passwords_at_most_are_worked_on_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    guard, working, most = threading.Lock(), 0, 0

    def slow(*_arguments: object) -> str:
        nonlocal working, most
        with guard:
            working += 1
            most = max(most, working)
        time.sleep(0.01)
        with guard:
            working -= 1
        return ""

    monkeypatch.setattr(Argon2PasswordHasher, "encode", slow)
    monkeypatch.setattr(Argon2PasswordHasher, "verify", slow)
    known = "argon2$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA"
    with ThreadPoolExecutor(8) as pool:
        for _one in range(6):
            pool.submit(make_password, "a b c d")
            pool.submit(check_password, "a b c d", known)
    assert most == 2


@pytest.mark.django_db
def test_a_user_lies_unreadable_in_the_database(cast: Cast) -> None:
    actions.replace_secret(cast.claire, SECRET)
    taken = stolen()
    assert b"Halte Exemple" in taken, "a structure's name is public"
    for word in ("Claire", "Martel", "claire@", "Élise", "exemple.test", SECRET):
        assert word.encode() not in taken
    (claire,) = sealing.unseal(
        User.objects.filter(pk=cast.claire.pk), "name", "email", by=cast.claire.actor, purpose="test"
    )
    assert (claire.name, claire.email) == ("Claire Martel", "claire@exemple.test")


@pytest.mark.django_db
def test_an_address_has_one_account(cast: Cast) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        actions.create_professional(name="Une autre", email=" CLAIRE@exemple.test", password=None)


@pytest.mark.django_db
def test_a_user_without_a_password_cannot_come_in(cast: Cast) -> None:
    assert actions.user_with_password("claire@exemple.test", "") is None
    assert actions.user_with_password("claire@exemple.test", "!") is None
