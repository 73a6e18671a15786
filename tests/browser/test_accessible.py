"""axe on every page, in French and in Arabic, at 320 px (a desk at 400 %) and on a desk, light, dark and printed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser import walk
from tests.browser.conftest import Opener
from tests.browser.house import House

PUBLIC = [
    "/",
    "/aide/",
    "/mentions-legales/",
    "/accessibilite/",
    "/langues/",
    "/effacement/",
    "/hors-ligne/",
    "/connexion/",
    "/rien-ici/",
    "/invitation/nimporte/",
]
TARGETS = "button:visible, .button:visible, nav a:visible, input:visible:not([type=hidden])"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def violations(page: Page) -> list[str]:
    """What axe finds, in words: rule, target and why."""
    found: dict[str, Any] = Axe().run(page, options=RULES).response
    return [
        f"{page.url} {rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def fits(page: Page) -> list[str]:
    """A sentence when the page scrolls sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{page.url} is {wide} px too wide"] if wide > 0 else []


def faults(context: BrowserContext, house: House, addresses: list[str]) -> list[str]:
    page = context.new_page()
    found = []
    for address in addresses:
        page.goto(address if address.startswith("http") else house.url + address)
        found += violations(page) + fits(page)
    return found


@pytest.mark.parametrize("language", ["fr", "ar"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_public_pages_have_no_fault(house: House, opened: Opener, language: str, width: int) -> None:
    assert faults(opened(language=language, width=width), house, PUBLIC) == []


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_every_state_of_the_grammar_has_no_fault(
    house: House, opened: Opener, theme: str, direction: str
) -> None:
    address = f"/grammaire/?dir={direction}&theme={theme}"
    assert faults(opened(width=320), house, [address]) == []


def test_dark_pages_have_no_fault(house: House, opened: Opener) -> None:
    assert faults(opened(color_scheme="dark"), house, ["/", "/connexion/"]) == []
    dark = opened("claire", color_scheme="dark")
    page = dark.new_page()
    page.goto(f"{house.url}/personnes/?q=mamadou")
    printed = (page.locator("a[href^='/documents/']").first.get_attribute("href") or "") + "impression/"
    assert faults(dark, house, ["/pro/", "/personnes/", page.url, printed]) == []


@pytest.mark.parametrize("language", ["fr", "ar"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_of_the_espace_pro_have_no_fault(
    house: House, opened: Opener, language: str, width: int
) -> None:
    context = opened("claire", language=language, width=width)
    page = context.new_page()
    page.goto(f"{house.url}/personnes/?q=mamadou")
    record = page.url
    document = page.locator("a[href^='/documents/']").first.get_attribute("href") or ""
    accord = page.locator("a[href^='/accords/']").first.get_attribute("href") or ""
    fresh = walk.open_record(page, house, "Axe", language)
    walk.prepare_accord(page, fresh, language)
    sign = page.url
    refused = sign.replace("/signature/", "/refus/")
    addresses = [
        "/pro/",
        "/personnes/",
        "/personnes/?q=zzzz",
        "/personnes/nouvelle/",
        "/mon-compte/",
        record,
        fresh,
    ]
    addresses += [f"{record}journal/", f"{record}documents/ajouter/", f"{fresh}accord/", sign, refused]
    addresses += [house.url + document, f"{house.url}{document}impression/", house.url + accord]
    assert faults(context, house, addresses) == []
    gaelle = opened("gaelle", language=language, width=width)
    assert faults(gaelle, house, ["/pro/", "/structure/"]) == []
    odile = opened("odile", language=language, width=width)
    assert faults(odile, house, ["/pro/", "/pro/instance/"]) == []


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_pages_that_refuse_have_no_fault_and_say_so_in_the_title(
    house: House, opened: Opener, language: str
) -> None:
    page = opened("claire", language=language, width=320).new_page()
    page.goto(f"{house.url}/personnes/nouvelle/")
    page.locator("[name=birth]").fill("32/13/1974")
    walk.press(page)
    summary = page.locator(".error-summary")
    assert summary.is_visible()
    assert page.evaluate("document.activeElement.closest('.error-summary') !== null")
    assert re.match("Erreur|خطأ", page.title())
    assert page.locator("[name=birth]").input_value() == "32/13/1974"
    assert violations(page) + fits(page) == []


def test_the_whole_sign_in_can_be_made_with_the_keyboard_alone(house: House, opened: Opener) -> None:
    page = opened().new_page()
    page.goto(f"{house.url}/connexion/")
    seen = []
    for _step in range(20):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.name || document.activeElement.tagName")
        seen.append(name)
        if name == "password":
            break
    assert "email" in seen
    page.keyboard.type("mot de passe faux")
    page.keyboard.press("Enter")
    expect(page.locator(".error-summary")).to_be_visible()


def test_every_target_is_at_least_44_pixels_on_a_phone(house: House, opened: Opener) -> None:
    public = opened(width=360).new_page()
    claire = opened("claire", width=360).new_page()
    small = []
    for page, address in ((public, "/"), (public, "/connexion/"), (claire, "/pro/"), (claire, "/personnes/")):
        page.goto(house.url + address)
        for target in page.locator(TARGETS).all():
            box = target.bounding_box()
            if box and box["height"] < 43.5 and target.get_attribute("type") not in ("radio", "checkbox"):
                small.append(
                    (address, target.inner_text()[:30] or target.get_attribute("name"), box["height"])
                )
    assert small == []
