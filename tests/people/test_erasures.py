"""The receipt of an erasure: two dates, a reference, and nothing of whom it is about."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import time_machine
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from havre.audit.models import Entry
from havre.core import ids, pdf, periodic, sealing, shredding
from havre.core.keeper_client import KeeperAbsent, KeeperClient
from havre.people import actions, erasures, tasks
from havre.people.models import Erasure, Person
from tests import cast as stage
from tests.accounts.stagehands import keeper_absent
from tests.cast import Cast

pytestmark = pytest.mark.django_db
DAY = 86_400


class Keeper(KeeperClient):
    """The real keeper, but for the days of its keys: `today` is the key of the day, `oldest` the oldest kept."""

    today, oldest, asked = 41, 28, 0

    def erase(self, subject: Any) -> int:
        super().erase(subject)
        return self.today

    def check(self, after: int | None = None) -> Any:
        self.asked += 1
        return {"oldest_day": self.oldest}


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    keeper = Keeper(settings.KEEPER)
    monkeypatch.setattr(sealing, "keeper", lambda: keeper)
    yield keeper
    keeper.close()


@pytest.fixture
def cast(clock: object) -> Cast:
    """The cast, on a Monday at 10:00."""
    return stage.build()


def erased(cast: Cast) -> actions.Erased:
    bruno = cast.bruno()
    cast.agreed(bruno, cast.halte, cast.tilleuls)
    cast.paper(bruno)
    cast.paper(bruno)
    done = actions.erase(bruno.pk)
    assert done
    return done


def words_of(data: bytes) -> str:
    page = pypdfium2.PdfDocument(data)[0].get_textpage().get_text_range()
    return " ".join(page.split())


# --- the row ---


def test_an_erasure_leaves_a_row_that_says_nobody(clock: object, days: Keeper, cast: Cast) -> None:
    row = erased(cast).erasure
    assert (row.erased_at, row.day, row.copies_dead_at) == (timezone.now(), 41, None)
    assert ids.read_reference(row.number) == row.number
    assert {field.name for field in Erasure._meta.local_fields} == {
        "id",
        "number",
        "erased_at",
        "day",
        "copies_dead_at",
    }


def test_an_erasure_that_fails_leaves_none(cast: Cast, days: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    bruno = cast.bruno()
    with keeper_absent(), pytest.raises(KeeperAbsent):
        actions.erase(bruno.pk)
    assert Person.objects.for_system("a test").filter(pk=bruno.pk).exists()
    assert sealing.keeper().fields([bruno.pk], "names", cast.claire.actor, "test").gone == {}
    assert not Erasure.objects.exists()


def test_the_rows_go_whole_or_stay(cast: Cast, days: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    bruno = cast.bruno()
    with monkeypatch.context() as moment:
        moment.setattr(Erasure.objects, "create", lambda **fields: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            actions.erase(bruno.pk)
    assert Person.objects.for_system("a test").filter(pk=bruno.pk).exists()
    assert not Entry.objects.filter(act="people.erased").exists()
    done = actions.erase(bruno.pk)
    assert done
    assert done.counts["people.person"] == 1


@pytest.mark.django_db(transaction=True)
def test_two_erasures_at_once_are_one(cast: Cast, days: Keeper) -> None:
    bruno = cast.bruno().pk
    done: list[actions.Erased | None] = []

    def erase() -> None:
        done.append(actions.erase(bruno))
        connection.close()

    threads = [threading.Thread(target=erase) for _one in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one is None for one in done) == [False, True]
    assert Erasure.objects.count() == 1


# --- the second date ---


def test_the_copies_are_dead_once_their_days_key_is_kept_no_more(
    days: Keeper, cast: Cast, clock: time_machine.Traveller
) -> None:
    first = erased(cast).erasure
    days.today = 43
    clock.shift(2 * DAY)
    later = Erasure.objects.create(day=43)
    for days.oldest, dead in ((41, 0), (42, 1), (43, 0), (44, 1)):
        clock.shift(DAY)
        assert tasks.date_dead_copies() == dead
    first.refresh_from_db()
    later.refresh_from_db()
    assert first.copies_dead_at
    assert later.copies_dead_at == timezone.now()
    assert (later.copies_dead_at - first.copies_dead_at).days == 2
    asked = days.asked
    assert tasks.date_dead_copies() == 0
    assert days.asked == asked, "nothing waits: the keeper is left alone"


def test_the_clock_looks_every_day() -> None:
    assert periodic.tick.jobs["copies-dead"].every == DAY


# --- the receipt ---


def test_the_receipt_says_both_dates_the_reference_and_what_went(days: Keeper, cast: Cast) -> None:
    done = erased(cast)
    text = words_of(erasures.receipt(done, "fr"))
    assert "Reçu d’effacement" in text
    assert "Depuis le 16 mars 2026 10:00, sauvegardes comprises." in text
    assert "Elles ne serviront plus à rien, au plus tôt le 30 mars 2026." in text
    assert ids.spelled(done.erasure.number) in text
    assert "Structures qui vous accompagnaient" in text
    for line in ("Dossier : 1", "Accords : 1", "Documents : 2", "Tâches des équipes : 1"):
        assert line in text.replace("\u202f", " ").replace("  ", " ")
    assert "/effacement/" in text
    assert "Bruno" not in text
    assert "Halte" not in text


def test_the_receipt_says_the_real_date_once_it_is_known(days: Keeper, cast: Cast) -> None:
    done = erased(cast)
    done.erasure.copies_dead_at = timezone.now()
    assert "Elles ne servent plus à rien depuis le 16 mars 2026." in words_of(erasures.receipt(done, "fr"))


def test_the_receipt_stands_in_the_persons_language_beside_french(days: Keeper, cast: Cast) -> None:
    text = words_of(erasures.receipt(erased(cast), "en"))
    assert "Receipt of erasure" in text
    assert "Reçu d’effacement" in text
    arabic = erasures.receipt(erased(cast), "ar")
    assert any(ord(sign) > 0x600 for sign in words_of(arabic))
    assert len(pypdfium2.PdfDocument(arabic)) == 1


def test_every_kind_of_row_on_the_receipt_exists() -> None:
    assert set(erasures.KINDS) <= set(shredding.known())


@pytest.mark.parametrize(("told", "spoken"), [("ar", "ar"), ("en", "en"), ("", "fr"), ("xx", "fr")])
def test_the_language_is_the_one_that_the_person_told(cast: Cast, told: str, spoken: str) -> None:
    person = actions.open_record(by=cast.claire, structure=cast.halte.pk, name="Zoé", language=told)
    assert erasures.language_of(person.pk) == spoken
    Person.objects.for_system("a test").update(sealed_language=b"damaged")
    assert erasures.language_of(person.pk) == "fr"


# --- the command ---


@pytest.fixture
def amina(cast: Cast) -> Person:
    return actions.open_record(by=cast.claire, structure=cast.halte.pk, name="Amina", language="ar")


def test_the_command_writes_the_receipt_in_the_persons_language(
    cast: Cast, days: Keeper, amina: Person, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "recu.pdf"
    call_command("erase_person", str(amina.pk), "--yes", "--receipt", str(file))
    number = ids.spelled(Erasure.objects.get().number)
    assert f"Reference: {number}" in capsys.readouterr().out
    text = words_of(file.read_bytes())
    assert number in text
    assert any(ord(sign) > 0x600 for sign in text)
    assert not Person.objects.for_system("a test").exists()


def test_the_command_without_a_receipt_still_says_the_reference(
    cast: Cast, days: Keeper, amina: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("erase_person", str(amina.pk), "--yes")
    out = capsys.readouterr().out
    assert "people.person: 1" in out
    assert ids.spelled(Erasure.objects.get().number) in out


def test_a_receipt_that_cannot_be_written_erases_nobody(
    cast: Cast, days: Keeper, amina: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "recu.pdf"
    taken.write_bytes(b"another receipt")
    for path in (taken, tmp_path / "nowhere" / "recu.pdf"):
        with pytest.raises(CommandError, match="Nothing was erased"):
            call_command("erase_person", str(amina.pk), "--yes", "--receipt", str(path))
    monkeypatch.setattr(pdf, "FONT_FOLDERS", (str(tmp_path),))
    pdf.fonts.cache_clear()
    try:
        with pytest.raises(CommandError, match="fonts-noto-core"):
            call_command("erase_person", str(amina.pk), "--yes", "--receipt", str(tmp_path / "b.pdf"))
    finally:
        pdf.fonts.cache_clear()
    assert taken.read_bytes() == b"another receipt"
    assert [path.name for path in tmp_path.iterdir()] == ["recu.pdf"]
    assert Person.objects.for_system("a test").count() == 1


def test_without_the_keeper_nobody_is_erased_and_no_file_stays(
    cast: Cast, amina: Person, tmp_path: Path
) -> None:
    with keeper_absent(), pytest.raises(KeeperAbsent):
        call_command("erase_person", str(amina.pk), "--yes", "--receipt", str(tmp_path / "recu.pdf"))
    assert list(tmp_path.iterdir()) == []
    assert Person.objects.for_system("a test").count() == 1


def test_a_receipt_that_fails_at_the_end_leaves_the_reference(
    cast: Cast,
    days: Keeper,
    amina: Person,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(pdf, "typeset", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call_command("erase_person", str(amina.pk), "--yes", "--receipt", str(tmp_path / "recu.pdf"))
    assert ids.spelled(Erasure.objects.get().number) in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_whom_somebody_else_erases_meanwhile_is_not_erased_twice(
    cast: Cast, days: Keeper, amina: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "erase", lambda person: None)
    with pytest.raises(CommandError, match="Somebody else"):
        call_command("erase_person", str(amina.pk), "--yes")


def test_nobody_of_that_identifier_and_a_wrong_answer_erase_nobody(
    cast: Cast, amina: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError, match="Nobody has"):
        call_command("erase_person", str(cast.claire.pk), "--yes")
    monkeypatch.setattr("builtins.input", lambda question: "oui")
    with pytest.raises(CommandError, match="Nothing was erased"):
        call_command("erase_person", str(amina.pk))
    assert Person.objects.for_system("a test").count() == 1


# --- anyone who holds the reference ---


@pytest.fixture
def erasure(clock: object) -> Erasure:
    return Erasure.objects.create(day=41)


def asked(reference: str) -> Any:
    return Client().post(reverse("erasure"), {"reference": reference})


def test_the_reference_shows_the_two_dates_and_nothing_else(erasure: Erasure) -> None:
    page = Client().get(reverse("erasure")).content.decode()
    assert "Quelle est votre référence\u202f?" in page
    answer = asked(erasure.number)
    assert answer.status_code == 200
    html = answer.content.decode()
    assert "<h1>Cet effacement est fait</h1>" in html
    assert re.findall(r"<dd>(.*?)</dd>", html) == [
        f'<bdi class="code">{ids.spelled(erasure.number)}</bdi>',
        "Depuis le 16\xa0mars\xa02026\xa010:00, sauvegardes comprises.",
        "De vieilles copies des clés peuvent exister. "
        "Elles ne serviront plus à rien, au plus tôt le 30\xa0mars\xa02026.",
    ]
    assert f'href="{reverse("erasure")}">Vérifier une autre référence</a>' in html
    assert "<form" not in answer.content.decode().partition("<main")[2].partition("</main")[0]


def test_the_reference_shows_the_real_date_once_it_is_known(erasure: Erasure) -> None:
    Erasure.objects.update(copies_dead_at=timezone.now())
    assert (
        "Elles ne servent plus à rien depuis le 16\xa0mars\xa02026." in asked(erasure.number).content.decode()
    )


def test_the_reference_is_read_however_it_is_typed(erasure: Erasure) -> None:
    spelled = ids.spelled(erasure.number)
    for typed in (spelled, spelled.lower(), f" {spelled.replace(' ', '-')}. "):
        assert asked(typed).status_code == 200, typed


def test_a_reference_that_is_not_known_or_mistyped_says_what_to_do(erasure: Erasure) -> None:
    for typed in (ids.reference(), erasure.number[:-1], "0" * 9, str(erasure.pk)):
        answer = asked(typed)
        assert answer.status_code == 422
        assert answer.context["form"].errors == {
            "reference": ["Cette référence n’est pas connue ici. Vérifiez chaque lettre et chaque chiffre."]
        }
    assert asked(" ").context["form"].errors == {"reference": ["Écrivez la référence de votre reçu."]}


def test_nobody_can_try_them_all(erasure: Erasure, clock: time_machine.Traveller) -> None:
    for _try in range(60):
        assert asked(ids.reference()).status_code == 422
    answer = asked(erasure.number)
    assert answer.status_code == 422
    assert "Trop d’essais." in answer.content.decode()
    clock.shift(2)
    assert asked(erasure.number).status_code == 200
