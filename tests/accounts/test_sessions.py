"""A session ends by itself; what was being sent then is kept for its author, and for nobody else."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from havre.accounts import drafts, sessions
from havre.accounts.middleware import LEAVING
from havre.accounts.models import Draft, Session, User
from havre.core import arrivals, sealing
from havre.people.models import Person
from havre.vault.models import Document
from tests import cast as stage
from tests.accounts.hands import code, password
from tests.accounts.stagehands import files_at_rest, keeper_absent, stolen
from tests.cast import Cast

pytestmark = pytest.mark.django_db

IDLE = 15 * 60
OVER = IDLE + 1
TYPED = {"name": "Zoé Saint-Roch", "birth": "27/03/1974", "language": "ar"}


def lands(answer: Any) -> str:
    """Where the sign-in page will lead after it."""
    parts = urlsplit(str(answer["Location"]))
    assert parts.path == reverse("sign-in")
    return parse_qs(parts.query)["next"][0]


def test_a_session_ends_after_fifteen_minutes_without_a_visit(
    cast: Cast, clock: time_machine.Traveller
) -> None:
    browser = cast.client("claire")
    clock.shift(IDLE)
    assert browser.get(reverse("people")).status_code == 200
    clock.shift(OVER)
    ended = browser.get(reverse("people"), {"q": "bru"})
    assert lands(ended) == "/personnes/?q=bru"
    assert "Votre session est finie." in browser.get(ended["Location"]).content.decode()
    assert not Session.objects.filter(user=cast.claire).exists()


def test_each_visit_prolongs_a_session(cast: Cast, clock: time_machine.Traveller) -> None:
    browser = cast.client("claire")
    for _visit in range(6):
        clock.shift(10 * 60)
        assert browser.get(reverse("pro")).status_code == 200


def test_a_visit_is_written_every_half_minute_at_most(cast: Cast, clock: time_machine.Traveller) -> None:
    browser = cast.client("claire")
    start = Session.objects.get().seen_at
    clock.shift(29)
    browser.get(reverse("help"))
    assert Session.objects.get().seen_at == start
    clock.shift(2)
    browser.get(reverse("help"))
    assert Session.objects.get().seen_at != start


def test_no_session_lasts_more_than_ten_hours(cast: Cast, clock: time_machine.Traveller) -> None:
    browser = cast.client("claire")
    for _visit in range(60):
        clock.shift(10 * 60 - 1)
        assert browser.get(reverse("help")).status_code == 200
    assert browser.get(reverse("pro")).status_code == 200
    clock.shift(120)
    assert browser.get(reverse("pro")).status_code == 302


def test_a_public_page_after_the_end_asks_nothing(cast: Cast, clock: time_machine.Traveller) -> None:
    browser = cast.client("claire")
    clock.shift(OVER)
    answer = browser.get(reverse("help"))
    assert answer.status_code == 200
    assert answer.headers["X-Havre-Ended"] == "1", "the page learns that it is too late to stay"
    assert lands(browser.post(reverse("person-new"), TYPED)) == reverse("person-new")
    assert "Zoé" in cast.client("claire").get(reverse("person-new")).content.decode(), "and loses nothing"


def test_a_page_that_looks_again_by_itself_prolongs_nothing(
    cast: Cast, clock: time_machine.Traveller
) -> None:
    browser = cast.client("claire")
    for _minute in range(16):
        clock.shift(60)
        browser.get(reverse("pro"), headers={"X-Havre-Poll": "1"})
    assert browser.get(reverse("pro")).status_code == 302


def test_what_a_page_sends_when_its_time_is_over_is_kept_and_not_done(cast: Cast) -> None:
    browser = cast.client("claire")
    sent = browser.post(reverse("person-new"), TYPED, headers={"X-Havre-Leaving": "1"})
    assert sent.status_code == 204
    assert not Person.objects.for_system("a test").exists()
    assert browser.get(reverse("pro")).status_code == 302, "the session is over"
    assert "Zoé" in cast.client("claire").get(reverse("person-new")).content.decode()


def test_a_signature_is_in_no_draft(cast: Cast, clock: time_machine.Traveller) -> None:
    bruno = cast.bruno()
    browser = cast.client("claire")
    query = f"?structures={cast.halte.pk}&duration=1&language=fr"
    address = reverse("consent-sign", args=[bruno.pk]) + query
    clock.shift(OVER)
    browser.post(address, {"strokes": "[[[1,1],[2,2],[3,3],[4,4]]]", "written": "Bruno"})
    page = cast.client("claire").get(address).content.decode()
    assert "[[[1,1]" not in page
    assert 'value="Bruno"' not in page


def test_one_signs_in_again_at_once_in_a_browser_whose_session_has_ended(
    claire: User, cast: Cast, clock: time_machine.Traveller
) -> None:
    browser = cast.client("claire")
    clock.shift(OVER)
    password(browser)
    assert code(browser)["Location"] == reverse("pro")
    assert browser.get(reverse("pro")).status_code == 200


def test_an_ended_session_is_not_revived_by_a_page_that_does_not_exist(
    cast: Cast, clock: time_machine.Traveller
) -> None:
    browser = cast.client("claire")
    clock.shift(OVER)
    assert browser.get("/rien/").status_code == 404
    assert browser.get(reverse("pro")).status_code == 302


def test_what_is_sent_after_the_end_is_kept_and_shown_until_it_is_sent(
    cast: Cast, clock: time_machine.Traveller
) -> None:
    browser = cast.client("claire")
    clock.shift(OVER)
    sent = browser.post(reverse("person-new"), TYPED)
    assert lands(sent) == reverse("person-new")
    assert not Person.objects.for_system("a test").exists()
    again = cast.client("claire")
    page = again.get(lands(sent)).content.decode()
    assert 'value="Zoé Saint-Roch"' in page
    assert 'value="27/03/1974"' in page
    assert 'value="ar" ' in page
    assert "Zoé" in again.get(lands(sent)).content.decode(), "a second look loses nothing"
    assert again.post(lands(sent), TYPED).status_code == 302
    assert not Draft.objects.exists()
    assert "Zoé" not in again.get(lands(sent)).content.decode()


def test_a_draft_lies_sealed(cast: Cast, clock: time_machine.Traveller) -> None:
    browser = cast.client("claire")
    clock.shift(OVER)
    browser.post(reverse("person-new"), TYPED)
    assert Draft.objects.count() == 1
    taken = stolen()
    for word in TYPED.values():
        assert word == "ar" or word.encode() not in taken


def test_a_draft_is_given_back_to_its_author_only(cast: Cast, clock: time_machine.Traveller) -> None:
    browser = cast.client("claire")
    clock.shift(OVER)
    browser.post(reverse("person-new"), TYPED)
    for other in ("rachid", "driss"):
        assert "Zoé" not in cast.client(other).get(reverse("person-new")).content.decode()
    assert "Zoé" not in Client().get(reverse("person-new"), follow=True).content.decode()
    assert "Zoé" in cast.client("claire").get(reverse("person-new")).content.decode()


def test_the_last_draft_of_a_page_takes_the_place_of_the_first(
    cast: Cast, clock: time_machine.Traveller
) -> None:
    for name in ("Zoé", "Yann"):
        browser = cast.client("claire")
        clock.shift(OVER)
        browser.post(reverse("person-new"), TYPED | {"name": name})
    assert Draft.objects.count() == 1
    assert "Yann" in cast.client("claire").get(reverse("person-new")).content.decode()


def test_no_secret_is_kept_in_a_draft(cast: Cast, clock: time_machine.Traveller) -> None:
    browser = cast.client("claire")
    clock.shift(OVER)
    browser.post(reverse("person-new"), TYPED | {"password": "s3", "code": "1", "csrfmiddlewaretoken": "t"})
    (draft,) = sealing.unseal(Draft.objects.all(), "fields", by=cast.claire.actor, purpose="test")
    assert set(json.loads(draft.fields)) == {*TYPED, "arrival"}


def test_a_draft_nobody_came_back_for_goes_after_a_day(cast: Cast, clock: time_machine.Traveller) -> None:
    browser = cast.client("claire")
    clock.shift(OVER)
    browser.post(reverse("person-new"), TYPED)
    clock.shift(24 * 3600)
    assert drafts.purge() == 0
    clock.shift(1)
    assert drafts.purge() == 1


def test_a_paper_sent_after_the_end_waits_sealed_and_needs_no_new_choice(
    cast: Cast, clock: time_machine.Traveller
) -> None:
    bruno = cast.bruno()
    cast.agreed(bruno, cast.halte)
    photo = stage.photo()
    browser = cast.client("claire")
    clock.shift(OVER)
    address = reverse("document-new", args=[bruno.pk])
    browser.post(address, {"paper": stage.upload(photo), "kind": "payslip", "title": "Mai chez Roche"})
    assert not Document.objects.for_system("a test").exists()
    assert not any(photo[:200] in path.read_bytes() for path in files_at_rest())
    again = cast.client("claire")
    page = again.get(address)
    html = page.content.decode()
    assert "Mai chez Roche" in html
    assert 'type="file"' not in html
    assert f'name="arrival" value="{page.context["waiting"]}"' in html
    kept = again.post(address, {"arrival": page.context["waiting"], "kind": "payslip", "title": "Mai"})
    assert kept.status_code == 302
    assert Document.objects.visible_to(cast.claire).count() == 1


def test_the_file_of_a_draft_is_claimed_by_its_author_only(cast: Cast, clock: time_machine.Traveller) -> None:
    bruno = cast.bruno()
    cast.agreed(bruno, cast.halte)
    browser = cast.client("claire")
    clock.shift(OVER)
    address = reverse("document-new", args=[bruno.pk])
    browser.post(address, {"paper": stage.upload(stage.photo()), "kind": "payslip"})
    (draft,) = sealing.unseal(Draft.objects.all(), "fields", by=cast.claire.actor, purpose="test")
    (token,) = json.loads(draft.fields)["arrival"]
    assert arrivals.claimed(token, owner=cast.driss.pk) is None
    assert arrivals.claimed(token, owner=cast.claire.pk) is not None


def test_a_draft_is_kept_after_a_whole_night_too(cast: Cast, clock: time_machine.Traveller) -> None:
    browser = cast.client("claire")
    clock.shift(14 * 3600)
    sent = browser.post(reverse("person-new"), TYPED)
    assert lands(sent) == reverse("person-new")
    assert "Zoé" in cast.client("claire").get(reverse("person-new")).content.decode()


def test_a_button_pressed_after_the_end_leads_back_to_a_page_that_can_be_read(
    cast: Cast, clock: time_machine.Traveller
) -> None:
    bruno = cast.bruno()
    consent = cast.agreed(bruno, cast.halte)
    browser = cast.client("claire")
    clock.shift(OVER)
    page = reverse("consent", args=[consent.pk])
    pressed = browser.post(
        reverse("consent-end", args=[consent.pk]), headers={"Referer": f"http://testserver{page}"}
    )
    assert cast.client("claire").get(lands(pressed)).status_code == 200


def test_without_the_keeper_a_late_form_is_not_lost_in_silence(
    cast: Cast, clock: time_machine.Traveller
) -> None:
    browser = cast.client("claire")
    browser.raise_request_exception = False
    clock.shift(OVER)
    with keeper_absent():
        assert browser.post(reverse("person-new"), TYPED).status_code == 503
    browser.post(reverse("person-new"), TYPED)  # the same form, sent again
    assert "Zoé" in cast.client("claire").get(reverse("person-new")).content.decode()


def test_a_part_of_a_page_asked_after_the_end_sends_the_whole_page_to_sign_in(
    cast: Cast, clock: time_machine.Traveller
) -> None:
    browser = cast.client("claire")
    clock.shift(OVER)
    answer = browser.get(reverse("people"), {"q": "b"}, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert answer["HX-Redirect"].startswith(reverse("sign-in"))


def test_a_page_left_alone_sends_what_was_typed_and_does_not_do_it(cast: Cast) -> None:
    browser = cast.client("claire")
    left = browser.post(reverse("person-new"), TYPED, headers={LEAVING: "1"})
    assert left.status_code == 204
    assert not Person.objects.for_system("a test").exists()
    assert browser.get(reverse("pro")).status_code == 302
    assert "Zoé" in cast.client("claire").get(reverse("person-new")).content.decode()
    assert Client().post(reverse("person-new"), TYPED, headers={LEAVING: "1"}).status_code in (204, 302)
    assert Draft.objects.count() == 1


def test_every_session_of_a_user_can_be_ended_from_elsewhere(cast: Cast) -> None:
    browsers = [cast.client("claire"), cast.client("claire")]
    other = cast.client("driss")
    assert sessions.end_all(cast.claire.pk) == 2
    for browser in browsers:
        assert browser.get(reverse("pro")).status_code == 302
    assert other.get(reverse("pro")).status_code == 200


def test_sessions_that_are_over_are_purged(cast: Cast, clock: time_machine.Traveller) -> None:
    cast.client("claire")
    assert sessions.purge() == 0
    clock.shift(3 * 24 * 3600)
    cast.client("driss")
    assert sessions.purge() == 1
