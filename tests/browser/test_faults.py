"""What goes wrong in a day: a session that ends while typing, a keeper that dies, files that lie."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pysqlite3
import pytest
from playwright.sync_api import expect

from tests.browser import walk
from tests.browser.conftest import Opener
from tests.browser.house import ROOT, House
from tests.frame.houses import environment
from tests.reading import samples


def _age_sessions(house: House, email: str) -> None:
    """Make somebody's sessions look idle for an hour, as a clock would."""
    code = (
        "from havre.accounts.models import Session; from datetime import timedelta; from django.db.models import F;"
        "from havre.accounts.actions import email_token;"
        f"Session.objects.filter(user__email_token=email_token('{email}'))"
        ".update(seen_at=F('seen_at') - timedelta(hours=1))"
    )
    subprocess.run(
        [sys.executable, "-m", "havre", "shell", "--no-imports", "-c", code],
        env=environment(HAVRE_HOME=str(house.home), HAVRE_DEMO="1"),
        cwd=ROOT,
        check=True,
        capture_output=True,
    )


@pytest.mark.parametrize("javascript", [True, False])
def test_what_was_typed_when_the_session_ended_is_there_after_signing_in(
    house: House, opened: Opener, javascript: bool
) -> None:
    import pyotp

    from demo import cast

    worker = next(w for w in cast.WORKERS if w.key == ("sonia" if javascript else "nour"))
    page = opened(worker.key, javascript=javascript).new_page()
    page.goto(f"{house.url}/personnes/nouvelle/")
    page.locator("[name=name]").fill("Écrit avant la fin")
    _age_sessions(house, worker.email)
    walk.press(page)
    page.wait_for_url("**/connexion/**")
    page.locator("[name=email]").fill(worker.email)
    page.locator("[name=password]").fill(cast.PASSWORD)
    walk.press(page)
    page.locator("[name=code]").fill(pyotp.TOTP(worker.secret).at(int(time.time()) + 30))
    walk.press(page)
    page.wait_for_url("**/personnes/nouvelle/**")
    assert page.locator("[name=name]").input_value() == "Écrit avant la fin"


def test_without_the_keeper_pages_say_what_is_missing_and_come_back_with_it(
    house: House, opened: Opener
) -> None:
    page = opened("lena").new_page()
    (keeper,) = house.pids("havre.keeper")
    os.kill(keeper, signal.SIGSTOP)
    try:
        answer = page.goto(f"{house.url}/mon-compte/")
        assert answer
        assert answer.status == 503
        assert "Rien n’est perdu" in page.content()
        public = page.goto(f"{house.url}/aide/")
        assert public
        assert public.ok
    finally:
        os.kill(keeper, signal.SIGKILL)
    house.wait("ok", 30)
    back = page.goto(f"{house.url}/mon-compte/")
    assert back
    assert back.ok
    assert house.pids("havre.keeper") != [keeper]


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("vide.jpg", b"", "vide"),
        ("menteur.pdf", b"<html><script>alert(1)</script></html>", "ni une photo ni un PDF"),
        ("programme.jpg", b"MZ" + bytes(2000), "ni une photo ni un PDF"),
    ],
)
@pytest.mark.parametrize("javascript", [True, False])
def test_a_file_that_cannot_be_taken_gets_a_sentence_and_the_title_stays(
    house: House, opened: Opener, tmp_path: Path, name: str, data: bytes, sentence: str, javascript: bool
) -> None:
    page = opened("claire", javascript=javascript).new_page()
    page.goto(f"{house.url}/personnes/?q=mamadou")
    page.locator("a[href$='/documents/ajouter/']").first.click()
    file = tmp_path / name
    file.write_bytes(data)
    page.locator("[name=paper]").set_input_files(file)
    page.locator("[name=title]").fill("Mon titre")
    walk.press(page)
    expect(page.locator(".error-summary")).to_contain_text(sentence)
    assert page.locator("[name=title]").input_value() == "Mon titre"


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (lambda: samples.encrypted_pdf(opens_without_password=False), "mot de passe"),
        (lambda: b"%PDF-1.7\n" + bytes(500), "abîmé"),
        (samples.pdf_bomb, "trop lourd"),
    ],
)
def test_a_pdf_that_cannot_be_shown_is_kept_and_says_why(
    house: House, opened: Opener, tmp_path: Path, made: Callable[[], bytes], sentence: str
) -> None:
    page = opened("claire").new_page()
    page.goto(f"{house.url}/personnes/?q=liliane")
    page.locator("a[href$='/documents/ajouter/']").first.click()
    file = tmp_path / "papier.pdf"
    file.write_bytes(made())
    page.locator("[name=paper]").set_input_files(file)
    walk.press(page)
    expect(page.locator(".notice-warning")).to_contain_text(sentence, timeout=walk.LONG)
    original = page.request.get(f"{page.url}original/")
    assert original.body() == file.read_bytes()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_base_that_is_locked_keeps_the_photo_and_takes_it_a_moment_later(
    house: House, opened: Opener, tmp_path: Path, javascript: bool
) -> None:
    page = opened("claire", javascript=javascript).new_page()
    page.goto(f"{house.url}/personnes/?q=olivier")
    page.locator("a[href$='/documents/ajouter/']").first.click()
    file = tmp_path / "photo.jpg"
    file.write_bytes(samples.photo())
    page.locator("[name=paper]").set_input_files(file)
    page.locator("[name=title]").fill("Pendant la panne")
    other = pysqlite3.connect(str(house.home / "havre.sqlite3"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        walk.press(page)
        expect(page.locator(".error-summary")).to_contain_text("La base est occupée", timeout=walk.LONG)
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert page.locator("[name=title]").input_value() == "Pendant la panne"
    walk.press(page)
    page.wait_for_url(re.compile(r"/documents/[0-9a-f-]{36}/$"))
    expect(page.locator("h1")).to_have_text("Pendant la panne")


def test_a_reading_server_that_was_killed_is_back_for_the_next_paper(
    house: House, opened: Opener, tmp_path: Path
) -> None:
    for reader in house.pids("havre.reading"):
        os.kill(reader, signal.SIGKILL)
    page = opened("claire").new_page()
    page.goto(f"{house.url}/personnes/?q=rada")
    file = tmp_path / "photo.jpg"
    file.write_bytes(samples.photo())
    walk.bring_paper(page, page.url, file)
    assert walk.picture_is_drawn(page)
