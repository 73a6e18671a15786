"""A real house for the browser: `bin/havre serve` on the demonstration's territory, in a home of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pyotp
from playwright.sync_api import Page

from demo import cast
from tests.frame.houses import environment, free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class House:
    """A running instance: its address, its home folder, its supervisor."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]

    def state(self) -> str:
        """What /healthz says: ok, degraded, or nothing."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:  # noqa: S310 -- our own address
                return str(json.load(answer)["state"])
        except OSError:
            return ""

    def wait(self, state: str = "ok", seconds: float = START_SECONDS) -> None:
        limit = time.monotonic() + seconds
        while self.state() != state:
            assert self.process.poll() is None, "the house fell: see serve.log in its home"
            assert time.monotonic() < limit, f"the house is not {state} after {seconds} s"
            time.sleep(0.2)

    def pids(self, module: str) -> list[int]:
        """The processes of this house that run a module, found by its name and this home's path."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                try:
                    words = (folder / "cmdline").read_bytes().decode(errors="replace")
                except OSError:
                    continue
                if module in words and str(self.home) in words:
                    found.append(int(folder.name))
        return found

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)


def start(home: Path) -> House:
    """Serve the demonstration from `home` on a free port."""
    port = free_port()
    own = {"HAVRE_HOME": str(home), "HAVRE_DEMO": "1", "HAVRE_URL": f"http://127.0.0.1:{port}"}
    home.mkdir(parents=True, exist_ok=True)
    log = (home.parent / f"{home.name}.log").open("wb")
    process = subprocess.Popen(
        [str(ROOT / "bin/havre"), "serve", "--port", str(port)],
        env=environment(**own),
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
    )
    house = House(f"http://127.0.0.1:{port}", home, process)
    try:
        house.wait()
    except BaseException:
        house.stop()
        raise
    return house


def sign_in(page: Page, house: House, key: str) -> None:
    """Sign in as somebody of the demonstration, by the real door: password, then the code of the moment."""
    worker = next(worker for worker in cast.WORKERS if worker.key == key)
    page.goto(f"{house.url}/connexion/")
    page.locator("[name=email]").fill(worker.email)
    page.locator("[name=password]").fill(cast.PASSWORD)
    page.locator("main form button").last.click()
    page.locator("[name=code]").fill(pyotp.TOTP(worker.secret).now())
    page.locator("main form button").last.click()
    page.wait_for_url("**/pro/")
