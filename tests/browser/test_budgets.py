"""What a cold first view weighs, and that nothing comes from anywhere else."""

from __future__ import annotations

from playwright.sync_api import Response

from tests.browser.conftest import Opener
from tests.browser.house import House

KB = 1024


def _weights(house: House, opened: Opener, address: str) -> list[tuple[str, str, int]]:
    """(address, type, bytes on the wire) of every request of a cold view."""
    page = opened(width=360, service_workers="block").new_page()
    seen: list[Response] = []
    page.on("response", lambda answer: seen.append(answer))
    page.goto(house.url + address, wait_until="networkidle")
    return [(r.url, r.request.resource_type, r.request.sizes()["responseBodySize"]) for r in seen]


def test_the_first_public_page_is_light_and_calls_nobody_else(house: House, opened: Opener) -> None:
    weights = _weights(house, opened, "/")
    by_type: dict[str, int] = {}
    for url, kind, size in weights:
        assert url.startswith(house.url), url
        by_type[kind] = by_type.get(kind, 0) + size
    assert by_type["document"] <= 15 * KB, by_type
    assert by_type["stylesheet"] <= 12 * KB, by_type
    assert by_type["script"] <= 20 * KB, by_type
    assert sum(by_type.values()) <= 60 * KB, by_type
    assert len(weights) <= 10, weights
    assert "font" not in by_type


def test_a_repeat_view_of_the_shell_needs_no_network(house: House, opened: Opener) -> None:
    context = opened(width=360)
    page = context.new_page()
    page.goto(house.url + "/")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.goto(house.url + "/")
    context.set_offline(True)
    page.goto(house.url + "/nulle-part/")
    assert page.locator("h1").inner_text()
    assert page.evaluate("getComputedStyle(document.querySelector('main')).fontFamily") != ""
    assert page.locator("a[href^='tel:']").count() >= 1


def test_nothing_of_a_signed_in_page_stays_in_the_browser(house: House, opened: Opener) -> None:
    context = opened("claire")
    page = context.new_page()
    page.goto(house.url + "/personnes/")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    kept = page.evaluate(
        """async () => {
          const urls = [];
          for (const name of await caches.keys())
            for (const request of await (await caches.open(name)).keys()) urls.push(new URL(request.url).pathname);
          return urls;
        }"""
    )
    assert kept
    assert not [url for url in kept if url.startswith(("/personnes", "/documents", "/pro", "/accords"))]
    answer = context.request.get(house.url + "/personnes/")
    assert answer.headers["cache-control"] == "no-store"
