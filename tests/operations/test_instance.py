"""The operator's room: one page, for the operator alone, that opens whatever the keeper does."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from havre.inbox.models import WorkItem
from havre.operations import actions, tasks
from havre.operations.models import Alarm, Condition, KeeperSeen, Loss
from havre.organisations import actions as organisations
from tests.accounts.stagehands import keeper_absent
from tests.cast import Cast
from tests.operations.keepers import Keeper

pytestmark = pytest.mark.django_db


def page(cast: Cast, name: str = "odile") -> str:
    answer = cast.client(name).get(reverse("instance"))
    assert answer.status_code == 200
    html: str = answer.content.decode()
    return html


def facts(html: str) -> dict[str, str]:
    """What the page says of the keeper: words without their tags."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html, re.DOTALL)
    return {name: " ".join(re.sub(r"<[^>]+>", " ", text).split()) for name, text in pairs}


@pytest.mark.parametrize(
    "name", ["claire", "driss", "elise", "gaelle", "rachid", "violette", "lena", "norbert"]
)
def test_for_anybody_else_there_is_nothing_here(cast: Cast, watched: Keeper, name: str) -> None:
    alarm = actions.raise_alarm("store-older")
    browser = cast.client(name)
    assert browser.get(reverse("instance")).status_code == 404
    assert browser.post(reverse("alarm-seen", args=[alarm.pk])).status_code == 404
    assert "alerte" not in browser.get(reverse("pro")).content.decode()
    item = WorkItem.objects.get()
    assert browser.post(reverse("work-item-done", args=[item.pk])).status_code == 404
    assert WorkItem.objects.get().done_at is None


def test_who_is_not_signed_in_is_asked_who_they_are(cast: Cast) -> None:
    answer = cast.client().get(reverse("instance"))
    assert answer["Location"] == f"{reverse('sign-in')}?next=%2Fpro%2Finstance%2F"


def test_the_room_closes_with_the_role(cast: Cast, watched: Keeper) -> None:
    odile = cast.client("odile")
    assert odile.get(reverse("instance")).status_code == 200
    organisations.end_operator(cast.odile)
    assert odile.get(reverse("instance"))["Location"].startswith(reverse("sign-in")), "the session ended too"
    assert cast.client("odile").get(reverse("instance")).status_code == 404


def test_an_operator_who_also_sits_in_a_structure_has_both(cast: Cast, watched: Keeper) -> None:
    organisations.name_operator(cast.claire)
    actions.raise_alarm("store-older")
    start = cast.client("claire").get(reverse("pro")).content.decode()
    assert "Les clés du gardien sont plus anciennes que la base." in start
    assert reverse("people") in start
    assert f'href="{reverse("instance")}"' in page(cast, "claire")


# --- the keeper in words ---


def test_the_keeper_is_told_in_words(cast: Cast, watched: Keeper) -> None:
    watched.writes(7)
    told = facts(page(cast))
    assert told["Réponse"] == "Il répond"
    assert told["Version"] == "0.2"
    assert told["Rôle"] == "Gardien principal"
    assert told["Clé du jour"].replace("\xa0", " ") == "Numéro 41, il y a 3 heures"
    assert told["Clé la plus ancienne"] == "Numéro 28"
    assert told["Deuxième copie"] == "À jour"
    assert told["Clés abîmées"] == "0"
    assert told["Clés gardées"] == "12"
    assert told["Effacements inscrits"] == "0"
    assert told["Lignes du journal"] == "7"
    assert told["Dernière lecture par Havre"] == "16 mars 2026 10:00"


@pytest.mark.parametrize(
    ("copy", "words"),
    [
        ({"state": "none"}, "Aucune"),
        ({"same_disk": True}, "À jour Même disque"),
        (
            {"state": "behind", "since": "2026-03-15T09:00:00+00:00", "why": "No space left"},
            "En retard Depuis le 15 mars 2026 10:00 Détails techniques No space left",
        ),
        ({"state": "behind"}, "En retard"),
    ],
)
def test_the_second_copy_is_told_in_words(
    cast: Cast, watched: Keeper, copy: dict[str, Any], words: str
) -> None:
    watched.report["copy"].update(copy)
    assert facts(page(cast))["Deuxième copie"] == words


def test_a_standby_and_damaged_keys_are_told(cast: Cast, watched: Keeper) -> None:
    watched.report.update(role="standby", damaged=3)
    told = facts(page(cast))
    assert (told["Rôle"], told["Clés abîmées"]) == ("Gardien de secours", "3")
    watched.report["role"] = "witness"
    assert facts(page(cast))["Rôle"] == "witness"


def test_without_the_keeper_the_page_opens_and_says_so(cast: Cast, watched: Keeper) -> None:
    alarm = actions.raise_alarm("store-older")
    Loss.objects.create(subject=cast.halte.pk, kind="structure", why="unknown")
    with keeper_absent():
        html = page(cast)
    assert "Le gardien ne répond pas." in html
    assert "Dernière réponse\u202f: 16 mars 2026 10:00" in html
    assert str(alarm.pk) in html
    assert "Halte Exemple" in html
    assert facts(html) == {}
    assert in_order(html, 'role="status"', 'id="perdu"', 'id="alertes"')


def test_before_any_reading_the_page_says_never(cast: Cast, keeper_told: Keeper) -> None:
    assert facts(page(cast))["Dernière lecture par Havre"] == "Jamais"
    KeeperSeen.objects.create()
    assert facts(page(cast))["Dernière lecture par Havre"] == "Jamais"
    with keeper_absent():
        assert "Dernière réponse" not in page(cast)


# --- alarms ---


def test_an_alarm_says_what_happened_when_and_what_to_do(cast: Cast, watched: Keeper) -> None:
    subject = uuid4()
    watched.tells(
        "budget", subject=subject.hex, actor=f"professional:{cast.claire.pk}", detail="61 of 60 papers"
    )
    tasks.watch()
    html = page(cast)
    assert "Un compte a demandé trop de clés en peu de temps." in html
    assert "Demandez pourquoi à sa structure." in html
    assert "16 mars 2026 10:00" in html
    assert "61 of 60 papers" in html
    assert f'Compte <bdi class="code">{cast.claire.pk}</bdi>' in html
    assert "10:00</time> · <bdi>Halte Exemple</bdi>" in html
    assert html.count("<details>") == 1
    assert '<p lang="en" dir="ltr">budget · 61 of 60 papers</p>' in html
    assert str(subject) in html
    assert "Claire" not in html, "no name is opened here"


@pytest.mark.parametrize("actor", ["", "worker:00000000-0000-0000-0000-000000000000", "professional:x", "?"])
def test_an_alarm_that_no_account_caused_names_none(cast: Cast, watched: Keeper, actor: str) -> None:
    watched.tells("budget", actor=actor or None)
    tasks.watch()
    assert "Compte <bdi" not in page(cast)


def test_a_word_that_is_new_is_shown_as_it_is(cast: Cast, watched: Keeper) -> None:
    watched.tells("moon-eclipse")
    tasks.watch()
    html = page(cast)
    assert '<p class="list-title">Alerte inconnue.</p>' in html
    assert '<p lang="en" dir="ltr">moon-eclipse</p>' in html
    assert "Ce mot est nouveau." in html


def test_an_alarm_that_was_seen_leaves_the_list_and_says_by_whom(cast: Cast, watched: Keeper) -> None:
    alarm = actions.raise_alarm("store-older")
    odile, address = cast.client("odile"), reverse("alarm-seen", args=[alarm.pk])
    assert f'action="{address}"' in page(cast)
    assert odile.post(address)["Location"] == f"{reverse('instance')}#alertes"
    item = WorkItem.objects.get()
    assert (item.done_by, item.done_at) == (cast.odile.pk, timezone.now())
    html = odile.get(reverse("instance")).content.decode()
    assert "L’alerte est retirée de la liste." in html
    assert "Aucune alerte" in html
    assert '<h2 id="alertes" tabindex="-1">' in html
    assert Alarm.objects.count() == 1
    assert odile.post(address).status_code == 302, "pressed twice"
    assert odile.post(reverse("alarm-seen", args=[uuid4()])).status_code == 404


def test_the_start_page_says_what_happened_and_only_the_room_closes_it(cast: Cast, watched: Keeper) -> None:
    alarm, other = actions.raise_alarm("store-older"), actions.raise_alarm("journal-cut")
    gone = actions.raise_alarm("budget")
    Alarm.objects.filter(pk=gone.pk).delete()
    watched.report["copy"]["state"] = "none"
    tasks.watch()
    odile = cast.client("odile")
    html = odile.get(reverse("pro")).content.decode()
    assert f'href="{reverse("instance")}#alerte-{alarm.pk}"' in html
    assert f'id="alerte-{alarm.pk}"' in page(cast)
    assert f"#alerte-{other.pk}" in html
    for happened in (
        "Les clés du gardien sont plus anciennes que la base.",
        "Des lignes du journal du gardien ont disparu.",
        "Le gardien des clés donne l’alerte.",
        "Les clés n’ont pas de deuxième copie.",
    ):
        assert html.count(happened) == 1, happened
    assert "C’est fait" not in html
    for item in WorkItem.objects.all():
        assert odile.post(reverse("work-item-done", args=[item.pk])).status_code == 404
    assert not WorkItem.objects.exclude(done_at=None).exists()


def test_many_alarms_say_that_there_are_more(cast: Cast, watched: Keeper) -> None:
    for _one in range(51):
        actions.raise_alarm("store-older")
    html = page(cast)
    assert html.count("C’est vu") == 50
    assert "Il y en a d’autres." in html


def test_what_lasts_is_not_counted_among_the_alarms(cast: Cast, watched: Keeper) -> None:
    watched.report["copy"]["state"] = "none"
    tasks.watch()
    for _one in range(50):
        actions.raise_alarm("store-older")
    assert "Il y en a d’autres." not in page(cast)


def test_an_alarm_whose_row_has_gone_hides_no_other(cast: Cast, watched: Keeper) -> None:
    actions.raise_alarm("budget").delete()
    actions.raise_alarm("store-older")
    assert page(cast).count("C’est vu") == 1


# --- what lasts, what is lost ---


def test_what_lasts_is_told_with_its_date(cast: Cast, watched: Keeper) -> None:
    watched.report["copy"]["state"] = "none"
    tasks.watch()
    condition = Condition.objects.get()
    assert f'#constat-{condition.pk}"' in cast.client("odile").get(reverse("pro")).content.decode()
    html = page(cast)
    assert f'id="constat-{condition.pk}"' in html
    assert "Les clés n’ont pas de deuxième copie." in html
    assert "Depuis le 16 mars 2026 10:00" in html
    watched.report["copy"]["state"] = "ok"
    tasks.watch()
    assert "Ce qui ne va pas" not in page(cast)


def test_who_is_lost_is_told_without_a_name(cast: Cast, watched: Keeper) -> None:
    bruno = cast.bruno()
    cast.agreed(bruno, cast.halte)
    cast.paper(bruno)
    for subject, kind in ((bruno.pk, "person"), (cast.lena.pk, "user"), (cast.tilleuls.pk, "structure")):
        Loss.objects.create(subject=subject, kind=kind, why="unknown")
    Loss.objects.update(found_at=timezone.now() - timedelta(days=2))
    html = page(cast)
    assert "Clés perdues\u202f: 3" in html
    assert html.count("Clés perdues depuis le 14 mars 2026") == 3
    assert html.count("Création\u202f: 16 mars 2026") == 3
    assert "Remettez la copie la plus récente" in html
    for words in (str(bruno.pk), str(cast.lena.pk), "CHRS Les Tilleuls", "Le gardien n’a pas ses clés"):
        assert words in html
    assert "Bruno" not in html
    assert "Lena" not in html
    assert "bin/havre keeper_losses" not in html


def test_a_long_list_of_losses_says_where_it_stands_whole(cast: Cast, watched: Keeper) -> None:
    bruno = cast.bruno()
    Loss.objects.create(subject=bruno.pk, kind="person", why="damaged")
    Loss.objects.bulk_create(
        Loss(subject=UUID(int=number + 1), kind="person", why="damaged") for number in range(50)
    )
    html = page(cast)
    assert "Clés perdues\u202f: 51" in html
    assert "bin/havre keeper_losses" in html


def test_what_was_erased_is_not_to_be_put_back(cast: Cast, watched: Keeper) -> None:
    Loss.objects.create(subject=cast.tilleuls.pk, kind="structure", why="erased")
    html = page(cast)
    assert "Remettez la copie la plus récente" not in html
    assert "leurs clés ont été effacées" in html
    Loss.objects.create(subject=cast.halte.pk, kind="structure", why="damaged")
    assert "Remettez la copie la plus récente" in page(cast)


def in_order(html: str, *marks: str) -> bool:
    places = [html.index(mark) for mark in marks]
    return places == sorted(places)


def test_what_is_wrong_and_lost_stands_before_the_alarms_and_the_facts(cast: Cast, watched: Keeper) -> None:
    watched.report["copy"]["state"] = "none"
    tasks.watch()
    Loss.objects.create(subject=cast.tilleuls.pk, kind="structure", why="unknown")
    assert in_order(page(cast), 'id="constats"', 'id="perdu"', 'id="alertes"', 'id="gardien"')


def test_the_drawing_of_a_quiet_house_is_for_a_quiet_house(cast: Cast, watched: Keeper) -> None:
    drawing, muted = 'class="empty"', '<p class="muted">Aucune alerte.</p>'

    def shown() -> tuple[bool, bool]:
        html = page(cast)
        return drawing in html, muted in html

    assert shown() == (True, False)
    with keeper_absent():
        assert shown() == (False, True)
    condition = Condition.objects.create(word="no-copy")
    assert shown() == (False, True)
    condition.delete()
    loss = Loss.objects.create(subject=cast.tilleuls.pk, kind="structure", why="unknown")
    assert shown() == (False, True)
    loss.delete()
    actions.raise_alarm("store-older")
    assert shown() == (False, False)


def test_when_nobody_is_lost_the_page_does_not_speak_of_it(cast: Cast, watched: Keeper) -> None:
    assert "perdu" not in page(cast)


def test_looking_does_not_read_the_journal_further(cast: Cast, watched: Keeper) -> None:
    watched.tells("budget")
    before = KeeperSeen.objects.values().get()
    page(cast)
    assert KeeperSeen.objects.values().get() == before
    assert not Alarm.objects.exists()


def test_the_age_of_the_days_key_is_told_when_it_is_late(cast: Cast, watched: Keeper) -> None:
    watched.report["day"]["made"] = (timezone.now() - timedelta(days=2)).isoformat()
    assert facts(page(cast))["Clé du jour"].replace("\xa0", " ") == "Numéro 41, il y a 2 jours"
