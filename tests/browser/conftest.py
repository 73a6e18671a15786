"""One real house and one Chromium for the whole suite; every test gets a context of its own, traced."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser import house as houses
from tests.browser.house import House

ARTIFACTS = Path(os.environ.get("HAVRE_ARTIFACTS", houses.ROOT / "artifacts"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """The demonstration, served by its own supervisor."""
    with tempfile.TemporaryDirectory(prefix="havre-b-") as folder:
        running = houses.start(Path(folder) / "home")
        yield running
        running.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=houses.CHROMIUM, args=houses.FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def seats(house: House, chromium: Browser) -> Callable[[str], Any]:
    """The storage state of somebody who has signed in by the real door, once for the suite."""
    states: dict[str, Any] = {}

    def state(key: str) -> Any:
        if key not in states:
            context = chromium.new_context()
            houses.sign_in(context.new_page(), house, key)
            states[key] = context.storage_state()
            context.close()
        return states[key]

    return state


type Opener = Callable[..., BrowserContext]


@pytest.fixture
def opened(
    house: House, chromium: Browser, seats: Callable[[str], Any], request: pytest.FixtureRequest
) -> Iterator[Opener]:
    """Opens browsers: `opened("claire", language="ar", width=360, javascript=False)`; traces are kept."""
    contexts: list[BrowserContext] = []

    def open_(
        who: str = "",
        *,
        language: str = "fr",
        width: int = 1280,
        height: int = 900,
        javascript: bool = True,
        **more: Any,
    ) -> BrowserContext:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            storage_state=seats(who) if who else None,
            java_script_enabled=javascript,
            locale=language,
            **more,
        )
        context.set_default_timeout(15_000)
        context.add_cookies([{"name": "havre-langue", "value": language, "url": house.url}])
        context.tracing.start(screenshots=True, snapshots=True)
        contexts.append(context)
        return context

    yield open_
    for number, context in enumerate(contexts):
        name = "".join(sign if sign.isalnum() else "-" for sign in request.node.name)[:80]
        context.tracing.stop(path=ARTIFACTS / "traces" / f"{name}-{number}.zip")
        context.close()
