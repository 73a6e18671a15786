"""A seat offered by e-mail: who may offer it, how it leaves, how it is taken, and when it is over."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pyotp
import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from havre.accounts.models import User
from havre.audit.models import Entry
from havre.core import sealing
from havre.organisations import actions
from havre.organisations.models import Invitation, Membership, Role, Structure
from havre.outbox import actions as outbox
from havre.outbox.models import Message, State
from tests.accounts.stagehands import keeper_absent, stolen
from tests.cast import Cast

pytestmark = pytest.mark.django_db

NEW = {"name": "Nour Haddad", "password": "quatre mots jamais liés"}
OVER = "Cette invitation ne marche plus"


@pytest.fixture
def link(cast: Cast) -> str:
    """The address in Nour's invitation, without its host."""
    return invite(cast)[1]


def invite(cast: Cast, email: str = "nour@exemple.test", role: str = Role.PROFESSIONAL) -> tuple[Any, str]:
    invitation, link = actions.invite(cast.halte, email=email, role=role, by=cast.gaelle)
    return invitation, "/" + link.split("/", 3)[3]


def test_a_manager_invites_from_the_page_of_the_structure_and_sees_the_link_once(cast: Cast) -> None:
    browser = cast.client("gaelle")
    answer = browser.post(reverse("structure"), {"email": "nour@exemple.test", "role": "reader"})
    assert answer.status_code == 200, "not a redirect: the link is kept nowhere"
    (link,) = re.findall(
        r'<input [^>]*readonly[^>]*value="(https?://[^"<]+/invitation/[^"<]+/)"', answer.content.decode()
    )
    invitation = Invitation.objects.get()
    assert (invitation.role, invitation.structure, invitation.created_by) == (
        "reader",
        cast.halte,
        cast.gaelle.pk,
    )
    assert answer["Cache-Control"] == "no-store"
    assert link not in browser.get(reverse("structure")).content.decode()
    assert Client().get("/" + link.split("/", 3)[3]).status_code == 200


@pytest.mark.parametrize("name", ["claire", "rachid", "violette", "lena", "odile", "norbert", "driss"])
def test_only_a_manager_invites(cast: Cast, name: str) -> None:
    answer = cast.client(name).post(reverse("structure"), {"email": "n@exemple.test", "role": "manager"})
    assert answer.status_code == 404
    with pytest.raises(PermissionDenied):
        actions.invite(cast.halte, email="n@exemple.test", role=Role.READER, by=cast.users[name])
    assert not Invitation.objects.exists()
    assert not Message.objects.exists()


def test_a_manager_invites_into_their_own_structure_only(cast: Cast) -> None:
    with pytest.raises(PermissionDenied):
        actions.invite(cast.tilleuls, email="n@exemple.test", role=Role.READER, by=cast.gaelle)


def test_a_wrong_address_is_a_sentence_and_nothing_leaves(cast: Cast) -> None:
    browser = cast.client("gaelle")
    answer = browser.post(reverse("structure"), {"email": "nour@", "role": "reader"})
    assert answer.status_code == 422
    assert 'value="nour@"' in answer.content.decode()
    assert not Message.objects.exists()


@pytest.mark.parametrize("email", ["claire@exemple.test", " CLAIRE@exemple.test ", "gaelle@exemple.test"])
def test_somebody_already_in_the_team_is_not_invited(cast: Cast, email: str) -> None:
    answer = cast.client("gaelle").post(reverse("structure"), {"email": email, "role": "reader"})
    assert answer.status_code == 422
    assert answer.context["form"].errors == {"email": ["Cette personne est déjà dans l’équipe."]}
    assert not Invitation.objects.exists()
    assert not Message.objects.exists()


def test_somebody_of_another_team_or_who_has_left_this_one_is_invited(cast: Cast) -> None:
    Membership.objects.filter(user=cast.claire).update(until=timezone.now())
    for name in ("driss", "norbert", "claire"):
        sent = {"email": f"{name}@exemple.test", "role": "reader"}
        assert cast.client("gaelle").post(reverse("structure"), sent).status_code == 200
    assert Invitation.objects.count() == 3


def test_the_invitation_leaves_with_its_link_and_lies_sealed(cast: Cast, link: str) -> None:
    token = link.rstrip("/").rpartition("/")[2]
    taken = stolen()
    assert b"nour@exemple.test" not in taken
    assert token.encode() not in taken, "only the hash of the link is kept"
    assert outbox.send_due() == 1
    message = Message.objects.get()
    letter = outbox.letter(message, by=cast.gaelle.actor).decode()
    assert "nour@exemple.test" in letter
    assert token in letter.replace("=\n", "").replace("=3D", "=")
    assert b"nour@exemple.test" not in stolen()


def test_the_link_gives_a_seat_once(cast: Cast, link: str) -> None:
    browser = Client()
    assert "<bdi>Halte Exemple</bdi> vous invite" in browser.get(link).content.decode()
    assert browser.post(link, NEW)["Location"] == reverse("sign-in-code")
    membership = Membership.objects.select_related("user").order_by("-since").first()
    assert membership is not None
    assert (membership.structure, membership.role, membership.until) == (cast.halte, "professional", None)
    assert membership.site is not None
    sealing.unseal([membership.user], "name", "email", by=membership.user.actor, purpose="test")
    assert (membership.user.name, membership.user.email) == ("Nour Haddad", "nour@exemple.test")
    for again in (Client().get(link), Client().post(link, NEW)):
        assert again.status_code == 404
        assert OVER in again.content.decode()
    assert User.objects.count() == len(cast.users) + 1


def test_somebody_invited_comes_in_with_a_password_and_a_first_code(
    clock: time_machine.Traveller, cast: Cast, link: str
) -> None:
    browser = Client()
    page = browser.post(link, NEW, follow=True).content.decode()
    (shown,) = re.findall(r'<bdi class="code">([A-Z2-7 ]+)</bdi>', page)
    digits = pyotp.TOTP(shown.replace(" ", "")).at(timezone.now())
    assert browser.post(reverse("sign-in-code"), {"code": digits})["Location"] == reverse("pro")
    assert browser.get(reverse("pro")).status_code == 200


@pytest.mark.parametrize("days", [7, 30])
def test_the_link_is_over_after_seven_days(clock: time_machine.Traveller, cast: Cast, days: int) -> None:
    link = invite(cast)[1]
    clock.shift(timedelta(days=7) - timedelta(seconds=1))
    assert Client().get(link).status_code == 200
    clock.shift(timedelta(days=days - 7, seconds=2))
    over = Client().post(link, NEW)
    assert over.status_code == 404
    assert OVER in over.content.decode()
    assert User.objects.count() == len(cast.users)
    assert outbox.send_due() == 0, "an invitation that is over does not leave"
    assert Message.objects.get().state == State.EXPIRED


def test_somebody_who_has_an_account_joins_with_it_and_gets_no_second_one(cast: Cast) -> None:
    link = invite(cast, email="Driss@exemple.test")[1]
    asked = Client().post(link, NEW)
    assert asked["Location"].startswith(reverse("sign-in"))
    for other in ("elise", "gaelle"):
        assert cast.client(other).get(link).status_code == 404
        assert cast.client(other).post(link).status_code == 404
    driss = cast.client("driss")
    assert "Halte Exemple" in driss.get(link).content.decode()
    assert not Membership.objects.filter(structure=cast.halte, user=cast.driss).exists(), (
        "a look takes no seat"
    )
    assert driss.post(link)["Location"] == reverse("pro")
    seats = Membership.objects.live().filter(user=cast.driss)
    assert {seat.structure for seat in seats} == {cast.halte, cast.tilleuls}
    assert User.objects.count() == len(cast.users)
    over = driss.get(link)
    assert over.status_code == 404
    assert OVER in over.content.decode()


def test_an_invitation_to_another_role_takes_the_place_of_the_seat(cast: Cast) -> None:
    link = invite(cast, email="lena@exemple.test", role=Role.PROFESSIONAL)[1]
    cast.client("lena").post(link)
    assert Membership.objects.live().get(user=cast.lena).role == Role.PROFESSIONAL
    assert Membership.objects.filter(user=cast.lena).count() == 2


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"password": "court"}, "12"),
        ({"password": "motdepasse2026"}, "Ce mot de passe est dans les listes des voleurs."),
        ({"name": ""}, "obligatoire"),
    ],
)
def test_a_refused_password_costs_no_invitation(
    cast: Cast, link: str, changed: dict[str, str], sentence: str
) -> None:
    answer = Client().post(link, NEW | changed)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert Client().post(link, NEW).status_code == 302


def test_a_keeper_that_is_gone_costs_no_invitation(cast: Cast, link: str) -> None:
    with keeper_absent():
        assert Client().post(link, NEW).status_code == 503
    assert Client().post(link, NEW).status_code == 302


@pytest.mark.parametrize("token", ["x", "0" * 32, "%20", "é"])
def test_a_guessed_link_is_over_too(cast: Cast, token: str) -> None:
    assert Client().get(f"/invitation/{token}/").status_code == 404


def test_the_operator_registers_a_structure_and_invites_its_manager(
    cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("add_structure", "Foyer du Lac", "Annecy", "--manager", "nour@exemple.test")
    printed = capsys.readouterr().out
    structure = Structure.objects.get(name="Foyer du Lac")
    link = re.findall(r"https?://\S+", printed)[0]
    Client().post("/" + link.split("/", 3)[3], NEW)
    assert structure.memberships.get().role == Role.MANAGER
    assert Entry.objects.filter(act="organisations.invitation.sent", structure=structure.pk, by=None).exists()


def test_a_second_link_does_not_bring_back_who_was_removed(cast: Cast) -> None:
    _, first = actions.invite(cast.halte, email="nour@exemple.test", role=Role.PROFESSIONAL, by=cast.gaelle)
    _, second = actions.invite(cast.halte, email=" NOUR@exemple.test", role=Role.PROFESSIONAL, by=cast.gaelle)
    invitation = actions.open_invitation(first.rstrip("/").rpartition("/")[2])
    assert invitation
    nour = actions.accept(invitation, name="Nour", password="quatre mots sans lien")
    assert nour
    actions.end_membership(Membership.objects.live().get(user=nour), by=cast.gaelle)
    assert actions.open_invitation(second.rstrip("/").rpartition("/")[2]) is None


def test_the_links_of_a_manager_who_has_left_are_over(cast: Cast) -> None:
    _, link = actions.invite(cast.halte, email="nour@exemple.test", role=Role.MANAGER, by=cast.gaelle)
    Membership.objects.filter(user=cast.gaelle).update(until=timezone.now())
    assert actions.open_invitation(link.rstrip("/").rpartition("/")[2]) is None
