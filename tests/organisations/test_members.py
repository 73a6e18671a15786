"""Who sits in a structure, in which role; a seat that ends, ends at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from havre.accounts.models import Session
from havre.audit.models import Entry
from havre.organisations import access, actions, queries
from havre.organisations.models import Membership, Role
from havre.people.models import Person
from havre.vault.models import Document
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def seat(cast: Cast, name: str) -> Membership:
    return Membership.objects.get(user=cast.users[name])


def test_a_seat_that_ends_hides_everything_at_once(cast: Cast) -> None:
    bruno = cast.bruno()
    cast.agreed(bruno, cast.halte)
    document = cast.paper(bruno)
    claire, pages = cast.client("claire"), ["people", "pro"]
    assert claire.get(reverse("document", args=[document.pk])).status_code == 200
    ended = cast.client("gaelle").post(reverse("membership-end", args=[seat(cast, "claire").pk]))
    assert ended["Location"] == reverse("structure")
    assert not Person.objects.visible_to(cast.claire).exists()
    assert not Document.objects.visible_to(cast.claire).exists()
    assert not Session.objects.filter(user=cast.claire).exists()
    for page in pages:
        assert claire.get(reverse(page))["Location"].startswith(reverse("sign-in"))
    back = cast.client("claire")
    for page in (
        reverse("people"),
        reverse("person", args=[bruno.pk]),
        reverse("document", args=[document.pk]),
    ):
        assert back.get(page).status_code == 404
    start = back.get(reverse("pro"))
    assert start.status_code == 200
    assert "Votre compte n’a pas d’équipe" in start.content.decode()
    assert "Bruno" not in start.content.decode()
    assert Entry.objects.filter(act="organisations.membership.ended", by=cast.gaelle.pk).count() == 1


def test_a_seat_ends_once(cast: Cast) -> None:
    membership = seat(cast, "claire")
    assert actions.end_membership(membership, by=cast.gaelle)
    first = seat(cast, "claire").until
    assert not actions.end_membership(membership, by=cast.gaelle)
    assert seat(cast, "claire").until == first


@pytest.mark.parametrize("name", ["claire", "driss", "rachid", "lena", "odile"])
def test_only_their_manager_ends_a_seat(cast: Cast, name: str) -> None:
    with pytest.raises(PermissionDenied):
        actions.end_membership(seat(cast, "violette"), by=cast.users[name])
    answer = cast.client(name).post(reverse("membership-end", args=[seat(cast, "violette").pk]))
    assert answer.status_code == 404
    assert seat(cast, "violette").until is None


def test_a_manager_ends_no_seat_elsewhere_and_not_their_own(cast: Cast) -> None:
    for name in ("driss", "gaelle"):
        answer = cast.client("gaelle").post(reverse("membership-end", args=[seat(cast, name).pk]))
        assert answer.status_code == 404
        with pytest.raises(PermissionDenied):
            actions.end_membership(seat(cast, name), by=cast.gaelle)


def test_ending_a_seat_is_never_a_get(cast: Cast) -> None:
    assert (
        cast.client("gaelle").get(reverse("membership-end", args=[seat(cast, "lena").pk])).status_code == 405
    )


def test_somebody_may_come_back(cast: Cast) -> None:
    actions.end_membership(seat(cast, "claire"), by=cast.gaelle)
    actions.join(cast.claire, cast.halte, Role.READER, by=cast.gaelle.pk)
    assert access.structures_where(cast.claire, Role.READER) == [cast.halte.pk]
    assert access.structures_where(cast.claire, Role.PROFESSIONAL) == []


def test_two_open_seats_in_one_structure_cannot_be(cast: Cast) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        actions.join(cast.claire, cast.halte, Role.MANAGER, by=None)


def test_a_seat_counts_between_its_two_dates(cast: Cast, clock: time_machine.Traveller) -> None:
    start = timezone.now() + timedelta(hours=1)
    Membership.objects.filter(user=cast.claire).update(since=start, until=start + timedelta(hours=1))
    for hours, counts in ((0, False), (1, True), (2, False)):
        clock.move_to(start + timedelta(hours=hours - 1))
        assert access.holds(cast.claire, cast.halte.pk, Role.PROFESSIONAL) is counts


def test_no_seat_ends_before_it_begins(cast: Cast) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.filter(user=cast.claire).update(until=timezone.now() - timedelta(days=365 * 9))


def test_a_closed_structure_seats_nobody(cast: Cast) -> None:
    cast.halte.closed_at = timezone.now()
    cast.halte.save()
    assert access.structures_where(cast.claire, *Role.values) == []
    assert cast.client("gaelle").get(reverse("structure")).status_code == 404
    assert cast.halte not in queries.others([])


def test_the_team_is_shown_to_its_manager_with_names_in_their_order(cast: Cast) -> None:
    team = queries.team_of(cast.halte, by=cast.gaelle.actor)
    names = [member.user.name for member in team]
    assert names == ["Claire Martel", "Gaëlle Le Goff", "Lena Costa", "Rachid Amrani", "Violette Prune"]
    page = cast.client("gaelle").get(reverse("structure")).content.decode()
    assert all(name in page for name in names)
    assert "Driss" not in page


@pytest.mark.parametrize(
    ("role", "records", "papers", "writes", "brings"),
    [
        (Role.MANAGER, False, False, False, False),
        (Role.PROFESSIONAL, True, True, True, True),
        (Role.RECEPTION, True, False, True, False),
        (Role.VOLUNTEER, False, False, False, False),
        (Role.READER, True, True, False, False),
    ],
)
def test_each_role_has_its_rights_and_no_other(
    role: Role, records: bool, papers: bool, writes: bool, brings: bool
) -> None:
    rights = (access.WITH_RECORDS, access.WITH_PAPERS, access.WHO_WRITE, access.WHO_BRING_PAPERS)
    assert [role in right for right in rights] == [records, papers, writes, brings]
