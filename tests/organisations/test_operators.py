"""Who operates the instance: named at the console, between two dates, and no reader of anybody."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from havre.accounts import actions as accounts
from havre.accounts.models import Session, User
from havre.audit.models import Entry
from havre.core import shredding
from havre.inbox.models import INSTANCE
from havre.organisations import actions
from havre.organisations.middleware import Seat
from havre.organisations.models import Operator
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def test_an_operator_begins_and_ends_at_a_date(cast: Cast) -> None:
    now = timezone.now()
    row = Operator.objects.get(user=cast.odile)
    hour = timedelta(hours=1)
    assert not Operator.objects.live(now - hour).exists()
    assert list(Operator.objects.live()) == [row]
    Operator.objects.update(until=now + hour)
    assert Operator.objects.live().exists()
    assert not Operator.objects.live(now + 2 * hour).exists()


def test_the_seat_knows_the_operator_of_today(cast: Cast) -> None:
    assert Seat(cast.odile).is_operator
    assert Seat(cast.odile).desks == [INSTANCE]
    assert Seat(cast.claire).desks == [cast.halte.pk]
    assert Seat(cast.gaelle).desks == Seat(cast.norbert).desks == []
    Operator.objects.update(since=timezone.now() + timedelta(hours=1))
    assert not Seat(cast.odile).is_operator


def test_naming_and_ending_are_noted_once(cast: Cast) -> None:
    assert actions.name_operator(cast.norbert, by=cast.odile.pk)
    assert not actions.name_operator(cast.norbert)
    assert Operator.objects.get(user=cast.norbert).named_by == cast.odile.pk
    cast.client("norbert")
    assert actions.end_operator(cast.norbert)
    assert not actions.end_operator(cast.norbert)
    assert not Session.objects.filter(user=cast.norbert).exists()
    assert actions.name_operator(cast.norbert), "again, later"
    acts = Entry.objects.filter(act__startswith="organisations.operator").values_list("act", flat=True)
    assert sorted(acts) == ["organisations.operator.ended"] + ["organisations.operator.named"] * 3


def test_there_is_one_open_row_for_each(cast: Cast) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Operator.objects.create(user=cast.odile)


def test_the_role_is_given_back_and_erased_with_the_account(cast: Cast) -> None:
    assert len(shredding.export_all(cast.odile.pk)["organisations.operator"]) == 1
    shredding.erase_all(cast.odile.pk)
    assert not Operator.objects.exists()


# --- at the console ---


def test_the_command_names_somebody_who_has_an_account(
    cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("operator", "add", " NORBERT@exemple.test")
    assert capsys.readouterr().out == "This account operates the instance.\n"
    assert Seat(cast.norbert).is_operator
    call_command("operator", "add", "norbert@exemple.test", "--name", "Un autre nom")
    assert capsys.readouterr().out == "It did already.\n"


def test_the_command_opens_an_account_for_somebody_new(
    cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match="--name"):
        call_command("operator", "add", "nour@exemple.test")
    call_command("operator", "add", "nour@exemple.test", "--name", "Nour Haddad")
    password = capsys.readouterr().out.splitlines()[0].removeprefix("New password: ")
    user = accounts.user_with_password("nour@exemple.test", password)
    assert user
    assert Seat(user).is_operator
    assert accounts.second_factor(user) is None, "the code generator is set up at the first sign-in"


def test_the_command_takes_the_room_back(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("operator", "remove", "odile@exemple.test")
    assert "no longer" in capsys.readouterr().out
    assert cast.client("odile").get(reverse("instance")).status_code == 404
    for email in ("odile@exemple.test", "personne@exemple.test"):
        with pytest.raises(CommandError, match="does not operate"):
            call_command("operator", "remove", email)


def test_the_command_says_who_operates(
    clock: time_machine.Traveller, cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("operator", "list")
    assert capsys.readouterr().out == "odile@exemple.test  Odile Perrin  since 2026-03-16\n"
    User.objects.filter(pk=cast.odile.pk).update(is_active=False)
    with pytest.raises(CommandError, match="No account"):
        call_command("operator", "add", "odile@exemple.test")
