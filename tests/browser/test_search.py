"""Looking for somebody while typing, on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser import walk
from tests.browser.conftest import Opener
from tests.browser.house import House


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_typing_finds_by_sound_without_leaving_the_page(house: House, opened: Opener, language: str) -> None:
    page = opened("claire", language=language, width=360).new_page()
    page.goto(f"{house.url}/personnes/")
    field, names = page.locator("#q"), page.locator("#found .list-title")
    for typed, found in (
        ("mamadu", "Mamadou Sissoko"),
        ("أمينة", "Amina Tesfay"),
        ("lefebvre b", "Bruno Lefèvre"),
    ):
        field.fill("")
        field.press_sequentially(typed)
        expect(names).to_have_text([found])
        assert walk.no_sideways_scroll(page)
    assert page.locator("#found .notice").count() == 1, "it only sounds so"
    field.fill("")
    field.press_sequentially("b")
    expect(page.locator("#found .list")).to_have_count(0)
    assert page.url == f"{house.url}/personnes/"
