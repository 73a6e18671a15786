"""Coming in: a password, then a code; what is refused, what waits, and where one arrives."""

from __future__ import annotations

import re

import pytest
import time_machine
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from havre.accounts import actions, hashers
from havre.accounts.models import SecondFactor, Session, User
from havre.accounts.views import keeper_sentence
from havre.audit.models import Entry
from havre.core.limits import Bucket
from tests.accounts.hands import PASSWORD, code, code_now, password, words
from tests.accounts.stagehands import keeper_absent
from tests.cast import Cast

pytestmark = pytest.mark.django_db

UNKNOWN = "Adresse ou mot de passe inconnu. Vérifiez, puis essayez encore."
WRONG_CODE = "Ce code n’est pas le bon. Attendez le suivant, puis essayez encore."


def test_a_password_then_a_code_open_the_house(claire: User) -> None:
    browser = Client()
    assert browser.get(reverse("sign-in")).status_code == 200
    first = password(browser)
    assert first.status_code == 302
    assert first["Location"].startswith(reverse("sign-in-code"))
    assert browser.get(reverse("pro")).status_code == 302, "the password alone opens nothing"
    assert "Votre code" in browser.get(first["Location"]).content.decode()
    assert code(browser)["Location"] == reverse("pro")
    assert browser.get(reverse("pro")).status_code == 200
    assert Entry.objects.filter(act="accounts.signed-in", by=claire.pk).count() == 1


def test_somebody_new_sets_up_a_code_generator_first(invited: User) -> None:
    browser = Client()
    password(browser)
    page = browser.get(reverse("sign-in-code")).content.decode()
    assert "Protéger votre compte" in page
    assert "<svg" in page
    (shown,) = re.findall(r'<bdi class="code">([A-Z2-7 ]+)</bdi>', page)
    assert shown in browser.get(reverse("sign-in-code")).content.decode(), (
        "the same key until it is confirmed"
    )
    assert code(browser, "000000").status_code == 422
    assert SecondFactor.objects.get().confirmed_at is None
    assert code(browser, code_now(secret=shown.replace(" ", ""))).status_code == 302
    assert browser.get(reverse("pro")).status_code == 200
    again = Client()
    password(again)
    assert "Protéger votre compte" not in again.get(reverse("sign-in-code")).content.decode()


def test_a_code_opens_once(claire: User, clock: time_machine.Traveller) -> None:
    used = code_now()
    for browser, status in ((Client(), 302), (Client(), 422)):
        password(browser)
        answer = code(browser, used)
        assert answer.status_code == status
    assert WRONG_CODE in answer.content.decode()
    clock.shift(30)
    assert code(browser).status_code == 302, "the next one opens"


def test_an_older_code_is_refused_once_a_newer_one_was_used(claire: User) -> None:
    older = code_now(-1)
    for digits, status in ((code_now(), 302), (older, 422)):
        browser = Client()
        password(browser)
        assert code(browser, digits).status_code == status


@pytest.mark.parametrize(("steps", "status"), [(-2, 422), (-1, 302), (1, 302), (2, 422)])
def test_a_clock_may_be_wrong_by_one_step(claire: User, steps: int, status: int) -> None:
    browser = Client()
    password(browser)
    assert code(browser, code_now(steps)).status_code == status


@pytest.mark.parametrize(
    "hand",
    [
        lambda digits: f" {digits[:3]} {digits[3:]} ",
        lambda digits: "-".join(digits),
        lambda digits: digits[:3] + "\u202f" + digits[3:],
        lambda digits: digits.translate({48 + n: 0xFF10 + n for n in range(10)}),
        lambda digits: digits.translate({48 + n: 0x0660 + n for n in range(10)}),
        lambda digits: digits.translate({48 + n: 0x06F0 + n for n in range(10)}),
    ],
    ids=["spaces", "dashes", "narrow space", "full-width digits", "Arabic digits", "Persian digits"],
)
def test_a_code_is_taken_however_it_is_typed(claire: User, hand: object) -> None:
    browser = Client()
    password(browser)
    assert callable(hand)
    assert code(browser, hand(code_now())).status_code == 302


@pytest.mark.parametrize("typed", ["", "12345", "abcdef", "٣", "0" * 20])
def test_what_is_no_code_is_refused_in_one_sentence(claire: User, typed: str) -> None:
    browser = Client()
    password(browser)
    assert code(browser, typed).status_code == 422
    assert browser.get(reverse("pro")).status_code == 302


def test_an_unknown_address_and_a_wrong_password_get_the_same_answer(claire: User) -> None:
    wrong = password(Client(), "un mauvais mot de passe")
    unknown = password(Client(), email="personne@exemple.test")
    assert wrong.status_code == unknown.status_code == 422
    assert UNKNOWN in wrong.content.decode()
    assert words(wrong) == words(unknown).replace("personne@exemple.test", "claire@exemple.test")


def test_an_address_is_known_however_it_is_typed(claire: User) -> None:
    assert password(Client(), email=" Claire@EXEMPLE.test ").status_code == 302


def test_a_closed_account_answers_like_an_unknown_one(claire: User) -> None:
    User.objects.filter(pk=claire.pk).update(is_active=False)
    assert UNKNOWN in password(Client()).content.decode()


def test_the_sixth_try_in_a_minute_waits_and_says_how_long(
    claire: User, clock: time_machine.Traveller
) -> None:
    browser = Client()
    for _try in range(5):
        assert UNKNOWN in password(browser, "faux").content.decode()
    sixth = password(browser)
    assert sixth.status_code == 422
    assert "Trop d’essais. Attendez 12 secondes, puis essayez encore." in sixth.content.decode()
    assert password(browser, email="driss@exemple.test", word="faux").status_code == 422
    clock.shift(12)
    assert password(browser).status_code == 302, "slowed down, never locked out"


def test_the_sixth_code_in_five_minutes_waits(claire: User, clock: time_machine.Traveller) -> None:
    browser = Client()
    password(browser)
    for _try in range(5):
        assert WRONG_CODE in code(browser, "000000").content.decode()
    sixth = code(browser)
    assert sixth.status_code == 422
    assert "Trop d’essais. Attendez 60 secondes" in sixth.content.decode()
    clock.shift(60)
    assert code(browser).status_code == 302


def test_a_success_gives_the_tries_back(claire: User) -> None:
    for _try in range(4):
        password(Client(), "faux")
    browser = Client()
    password(browser)
    code(browser)
    assert not Bucket._default_manager.exists()


@pytest.mark.parametrize("inside", ["/personnes/", "/personnes/?q=bruno", "http://testserver/mon-compte/"])
def test_one_arrives_at_the_page_that_was_asked_for(claire: User, inside: str) -> None:
    browser = Client()
    asked = password(browser, next=inside)
    page = browser.get(asked["Location"])
    assert page.context["next"] == inside
    assert code(browser, next=inside)["Location"] == inside


@pytest.mark.parametrize(
    "outside",
    ["https://mechant.example/", "//mechant.example/", "/\\mechant.example", "javascript:alert(1)", "\n//x"],
)
def test_one_never_arrives_outside_the_house(claire: User, outside: str) -> None:
    browser = Client()
    assert "mechant" not in password(browser, next=outside)["Location"]
    assert code(browser, next=outside)["Location"] == reverse("pro")
    assert browser.get(reverse("sign-in"), {"next": outside})["Location"] == reverse("pro")


def test_the_code_page_without_a_password_goes_back_to_the_first_door(claire: User) -> None:
    assert Client().get(reverse("sign-in-code"))["Location"] == reverse("sign-in")
    assert code(Client())["Location"] == reverse("sign-in")


def test_a_password_is_remembered_ten_minutes_for_its_code(
    claire: User, clock: time_machine.Traveller
) -> None:
    browser = Client()
    password(browser)
    clock.shift(601)
    assert code(browser)["Location"] == reverse("sign-in")


def test_the_session_changes_its_name_at_each_door(claire: User) -> None:
    browser = Client()
    names = []
    for step in (password, code):
        step(browser)
        names.append(browser.cookies[settings.SESSION_COOKIE_NAME].value)
    assert len(set(names)) == 2
    assert Session.objects.get().user_id == claire.pk


def test_signing_out_leaves_nothing_in_the_browser_and_no_session(cast: Cast) -> None:
    browser = cast.client("claire")
    assert browser.get(reverse("sign-out")).status_code == 405
    left = browser.post(reverse("sign-out"))
    assert left["Location"] == f"{reverse('home')}?sorti"
    said = "Votre session est fermée. Effacez aussi les fichiers téléchargés."
    assert said in browser.get(left["Location"]).content.decode()
    assert said not in browser.get(reverse("home")).content.decode()
    assert left["Clear-Site-Data"] == '"cache", "storage"'
    assert not left.cookies[settings.SESSION_COOKIE_NAME].value
    assert not Session.objects.exists()
    assert Entry.objects.filter(act="accounts.signed-out", by=cast.claire.pk).exists()
    assert Client().post(reverse("sign-out")).status_code == 302, "a stranger who signs out is no fault"
    assert said not in cast.client("driss").get(left["Location"]).content.decode(), "a link cannot say it"


def test_wrong_passwords_from_elsewhere_never_lock_the_owner_out(claire: User) -> None:
    own = Client()
    password(own)
    assert code(own)["Location"] == reverse("pro")
    own.post(reverse("sign-out"))
    for _guess in range(8):
        refused = Client().post(reverse("sign-in"), {"email": "claire@exemple.test", "password": "faux"})
    assert "Attendez" in refused.content.decode()
    assert password(own).status_code == 302, "her own browser has an allowance of its own"


def test_a_mark_made_for_another_or_by_hand_is_no_mark(claire: User, cast: Cast) -> None:
    for mark in ("", "nimporte", actions.known_mark(cast.driss)):
        for _guess in range(6):
            browser = Client()
            browser.cookies[settings.KNOWN_COOKIE_NAME] = mark
            answer = browser.post(reverse("sign-in"), {"email": "claire@exemple.test", "password": "faux"})
        assert "Attendez" in answer.content.decode()


def test_a_crowd_at_the_door_is_asked_to_come_back(claire: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashers, "PATIENCE", 0.01)
    with hashers._turn(), hashers._turn():
        answer = password(Client())
    assert answer.status_code == 422
    assert "Essayez dans une minute" in answer.content.decode()


def test_without_the_keeper_the_first_door_says_so_and_keeps_the_address(claire: User) -> None:
    with keeper_absent():
        answer = password(Client())
    page = answer.content.decode()
    assert answer.status_code == 422
    assert keeper_sentence() in page
    assert 'value="claire@exemple.test"' in page
    assert PASSWORD not in page
    assert not Bucket._default_manager.exists(), "a fault of the house is no try"
    assert password(Client()).status_code == 302


def test_without_the_keeper_the_second_door_says_so_and_the_code_still_serves(claire: User) -> None:
    browser = Client()
    password(browser)
    with keeper_absent():
        assert code(browser).status_code == 503
    assert code(browser).status_code == 302


def test_a_wait_is_counted_for_the_account_and_not_for_the_place(
    claire: User, clock: time_machine.Traveller
) -> None:
    browser = Client()
    for address in range(20):
        password(browser, "faux", email=f"usager-{address}@exemple.test")
    assert password(browser).status_code == 302


def test_a_renewed_access_is_a_new_password_and_a_new_code_generator(
    claire: User, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Client()
    password(before)
    code(before)
    call_command("renew_access", " CLAIRE@exemple.test")
    new = re.search(r"New password: (\S+)", capsys.readouterr().out)
    assert new
    assert before.get(reverse("pro")).status_code == 302, "every session is closed"
    assert password(Client()).status_code == 422, "the old password is no more"
    browser = Client()
    browser.post(reverse("sign-in"), {"email": "claire@exemple.test", "password": new[1]})
    assert 'class="qr"' in browser.get(reverse("sign-in-code")).content.decode()
    with pytest.raises(CommandError, match="No account"):
        call_command("renew_access", "personne@exemple.test")
