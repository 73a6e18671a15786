"""The thinnest main job in a real browser: consent, a photo sealed, found again and printed from another town."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import expect

from demo import specimens
from tests.browser import house as houses
from tests.browser import walk
from tests.browser.conftest import Opener
from tests.browser.house import House


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo as an old phone takes it, of a typeset specimen."""
    bruno = specimens.Holder("Lefèvre", "Bruno", date(1974, 3, 27), "Lille", ("Sans adresse",), sex="M")
    made = specimens.specimen("identity_card", bruno, date(2026, 11, 21), seed=4, style="table")
    file = tmp_path_factory.mktemp("photo") / "IMG_0412.jpg"
    file.write_bytes(made.data)
    return file


@pytest.mark.parametrize(
    ("language", "width", "javascript"),
    [("fr", 360, True), ("ar", 360, False), ("fr", 1280, False), ("ar", 1280, True)],
)
def test_a_photo_sealed_in_lille_is_found_and_printed_in_lyon(
    house: House, opened: Opener, photo: Path, language: str, width: int, javascript: bool
) -> None:
    name = f"Bruno {language} {width}"
    claire = opened("claire", language=language, width=width, javascript=javascript).new_page()
    record = walk.open_record(claire, house, name, language)
    assert walk.no_sideways_scroll(claire)
    walk.prepare_accord(claire, record, language, "CHRS Les Tilleuls")
    assert claire.locator("html").get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
    yes, no = claire.locator(".choice > *").all()
    boxes = [yes.bounding_box(), no.bounding_box()]
    assert boxes[0]
    assert boxes[1]
    assert abs(boxes[0]["width"] - boxes[1]["width"]) < 2
    assert abs(boxes[0]["height"] - boxes[1]["height"]) < 2
    accord = walk.say_yes(claire, javascript=javascript)
    receipt = claire.request.get(f"{accord}recu.pdf")
    assert receipt.body().startswith(b"%PDF")
    document = walk.bring_paper(claire, record, photo)
    assert walk.picture_is_drawn(claire)
    assert walk.no_sideways_scroll(claire)

    driss = opened("driss", language=language, width=width, javascript=javascript).new_page()
    driss.goto(f"{house.url}/personnes/?q={language}+{width}")
    assert name in driss.locator("h1").inner_text()  # one person of that name: the record itself
    driss.locator(f"a[href='{document.removeprefix(house.url)}']").first.click()
    expect(driss.locator(".pages img").first).to_be_visible()
    assert walk.picture_is_drawn(driss)
    driss.locator("a[href$='/impression/']").click()
    driss.wait_for_url("**/impression/")
    assert walk.picture_is_drawn(driss)
    assert len(driss.pdf()) > 20_000

    journal = claire.request.get(f"{record}journal/").text()
    assert "Driss Benali" in journal
    assert "CHRS Les Tilleuls" in journal

    elise = opened("elise", language=language, width=width, javascript=javascript).new_page()
    for address in (document, f"{document}impression/", f"{document}original/", record, accord):
        answer = elise.goto(address)
        assert answer
        assert answer.status == 404, address


def test_an_invited_professional_takes_a_seat_with_a_password_and_a_code_without_javascript(
    house: House, opened: Opener
) -> None:
    import pyotp

    gaelle = opened("gaelle", javascript=False).new_page()
    gaelle.goto(f"{house.url}/structure/")
    gaelle.locator("[name=email]").fill("nouvelle@demo.exemple")
    gaelle.locator("[name=role][value=professional]").check()
    gaelle.locator("form:has([name=email]) button").click()
    page = opened(javascript=False).new_page()
    link = ""
    for _attempt in range(40):
        page.goto(f"{house.url}/demonstration/messages/")
        found = page.locator("a[href*='/invitation/']")
        if found.count():
            link = found.first.get_attribute("href") or ""
            break
        page.wait_for_timeout(250)
    assert link, "the invitation has not left"
    page.goto(link)
    page.locator("[name=name]").fill("Ines Nouvelle")
    page.locator("[name=password]").fill("motdepasse2026")
    walk.press(page)
    expect(page.locator(".error-summary")).to_be_visible()
    page.locator("[name=password]").fill("quatre mots sans lien")
    walk.press(page)
    page.wait_for_url("**/connexion/code/**")
    page.locator("summary").first.click()
    secret = re.sub(r"\s", "", page.locator(".steps .code").inner_text())
    page.locator("[name=code]").fill(pyotp.TOTP(secret).now())
    walk.press(page)
    page.wait_for_url("**/pro/")
    assert page.goto(link)
    assert page.locator("h1").inner_text().startswith("Cette invitation")


def test_signing_in_without_javascript_works_and_signing_out_closes_the_door(
    house: House, opened: Opener
) -> None:
    context = opened(javascript=False)
    page = context.new_page()
    houses.sign_in(page, house, "rachid")
    page.locator("header form button").click()
    page.wait_for_url(f"{house.url}/?sorti")
    page.goto(f"{house.url}/pro/")
    assert "/connexion/" in page.url


def test_non_merci_brings_back_to_the_record_and_opens_nothing(house: House, opened: Opener) -> None:
    claire = opened("claire").new_page()
    record = walk.open_record(claire, house, "Liliane Non", "fr")
    walk.prepare_accord(claire, record, "fr")
    claire.locator(".choice a").click()
    claire.wait_for_url("**/accord/refus/**")
    assert claire.locator("a[href^='/personnes/']").count() == 1
    claire.locator("main a.button").click()
    claire.wait_for_url(record)
    assert claire.locator("a[href$='/documents/ajouter/']").count() == 0


def test_a_tall_photo_is_printed_on_one_sheet(house: House, opened: Opener, tmp_path: Path) -> None:
    import io

    import pypdfium2
    from PIL import Image

    tall = io.BytesIO()
    Image.new("RGB", (1080, 2340), "#ddd").save(tall, "JPEG")
    file = tmp_path / "tall.jpg"
    file.write_bytes(tall.getvalue())
    claire = opened("claire", width=360).new_page()
    claire.goto(f"{house.url}/personnes/?q=olivier")
    document = walk.bring_paper(claire, claire.url, file)
    claire.goto(f"{document}impression/")
    assert len(pypdfium2.PdfDocument(claire.pdf(format="A4"))) == 1


def test_from_the_start_page_a_paper_is_added_in_three_interactions(
    house: House, opened: Opener, photo: Path
) -> None:
    claire = opened("claire", width=360).new_page()
    claire.goto(f"{house.url}/personnes/?q=liliane")
    claire.goto(f"{house.url}/pro/")
    claire.locator("a[href$='/documents/ajouter/']").first.click()  # 1
    claire.locator("[name=paper]").set_input_files(photo)  # 2
    walk.press(claire)  # 3
    expect(claire.locator(".pages img").first).to_be_visible(timeout=walk.LONG)
