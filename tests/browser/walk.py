"""The steps of the main journey, as hands make them; the same with and without JavaScript."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.house import House

LONG = 30_000  # milliseconds


def press(page: Page) -> None:
    """The main button of the page's form."""
    page.locator("main form .actions button.button").last.click()


def open_record(page: Page, house: House, name: str, language: str) -> str:
    """A new record; answers its address."""
    page.goto(f"{house.url}/personnes/nouvelle/")
    page.locator("[name=name]").fill(name)
    page.locator("[name=birth]").fill("27/03/1974")
    page.locator(f"[name=language][value={language}]").check()
    press(page)
    page.wait_for_url(re.compile(r"/personnes/[0-9a-f-]{36}/$"))
    return page.url


def prepare_accord(page: Page, record: str, language: str, *structures: str) -> None:
    """Choose structures beside one's own, and hand the screen to the person."""
    page.goto(f"{record}accord/")
    for structure in structures:
        page.get_by_label(structure).check()
    page.locator("[name=duration][value='365']").check()
    page.locator(f"[name=language][value={language}]").check()
    press(page)
    page.wait_for_url("**/accord/signature/**")


def draw_signature(page: Page) -> None:
    """A finger's three waves on the pad."""
    pad = page.locator("[data-signature] canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box
    page.mouse.move(box["x"] + 30, box["y"] + 60)
    page.mouse.down()
    for step in range(1, 25):
        page.mouse.move(box["x"] + 30 + step * 8, box["y"] + 60 + (step % 6) * 10)
    page.mouse.up()


def say_yes(page: Page, *, javascript: bool) -> str:
    """Sign and agree; answers the accord's address."""
    if javascript:
        draw_signature(page)
    else:
        page.locator("[name=written]").fill("Bruno")
    page.locator(".choice button").click()
    page.wait_for_url("**/merci/")
    page.locator("main a.button").click()
    page.wait_for_url(re.compile(r"/accords/[0-9a-f-]{36}/$"))
    return page.url


def bring_paper(page: Page, record: str, file: Path, kind: str = "identity-card") -> str:
    """Choose a photo, say what it is, and wait for its pages; answers the document's address."""
    page.goto(f"{record}documents/ajouter/")
    page.locator("[name=paper]").set_input_files(file)
    page.locator("[name=kind]").select_option(kind)
    press(page)
    page.wait_for_url(re.compile(r"/documents/[0-9a-f-]{36}/$"))
    expect(page.locator(".pages img").first).to_be_visible(timeout=LONG)
    return page.url


def picture_is_drawn(page: Page, selector: str = ".pages img") -> bool:
    """Whether the browser has really decoded the picture (asked without the page's own scripts)."""
    address = page.locator(selector).first.get_attribute("src")
    assert address
    answer = page.request.get(page.url.split("/documents/")[0] + address)
    return answer.ok and answer.body()[:3] == b"\xff\xd8\xff"


def no_sideways_scroll(page: Page) -> bool:
    """Whether the page fits its width (asked of the layout, so it works without the page's scripts)."""
    width = page.viewport_size["width"] if page.viewport_size else 0
    return all(
        box["x"] >= -1 and box["x"] + box["width"] <= width + 1
        for locator in page.locator("main, header, footer, main h1, main .card, main .list, main form").all()
        if (box := locator.bounding_box())
    )
