"""`bin/bench page`: what a page costs: the CPU of a signed-in page without rows, the weight of the first public one."""

from __future__ import annotations

import gzip
import io
import statistics
import time
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit
from wsgiref.util import setup_testing_defaults

from bench.stage import instance

LIMIT_MS = 2.5
WARM_UP, RUNS, BATCHES, PAUSE = 50, 100, 12, 0.25
type Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def main(arguments: list[str]) -> int:
    """1 when a signed-in page costs more than the limit."""
    with instance():
        from havre.config.wsgi import application

        ratio = _print_cost(application)
        _print_weight(application)
    return 1 if ratio > 1 else 0


# --- the signed-in page ---


def _print_cost(application: Application) -> float:
    cookie = _professional()
    for _ in range(WARM_UP):
        _get(application, "/pro/", cookie)
    batches = [_batch(application, cookie) for _ in range(BATCHES)]
    median = min(statistics.median(batch) for batch in batches)
    costs = sorted(cost for batch in batches for cost in batch)
    size = len(_get(application, "/pro/", cookie)[2])
    print(f"signed-in page without rows: {median:.2f} ms of CPU (median of the quietest batch; {size} bytes)")
    whole = f"of all {len(costs)}: median {statistics.median(costs):.2f} ms"
    print(f"  {whole}, quickest {costs[0]:.2f} ms, 95 in 100 under {costs[int(len(costs) * 0.95)]:.2f} ms")
    print(f"  ratio to the limit of {LIMIT_MS} ms: {median / LIMIT_MS:.2f}")
    return median / LIMIT_MS


def _batch(application: Application, cookie: str) -> list[float]:
    """Some requests, after a pause: neighbours on the same machine come and go, and their noise only adds."""
    time.sleep(PAUSE)
    return [_cost(application, cookie) for _ in range(RUNS)]


def _cost(application: Application, cookie: str) -> float:
    start = time.process_time()
    status, _, _ = _get(application, "/pro/", cookie)
    cost = (time.process_time() - start) * 1000
    assert status.startswith("200"), status
    return cost


def _professional() -> str:
    """The session cookie of a professional who sits in a structure where nothing is to be done."""
    from django.conf import settings
    from django.test import Client

    from havre.accounts import actions as accounts
    from havre.organisations import actions as organisations
    from havre.organisations.models import Role

    user = accounts.create_professional(name="Claire Martel", email="claire@exemple.test", password=None)
    structure = organisations.create_structure("Halte Exemple", "Lille")
    organisations.join(user, structure, Role.PROFESSIONAL, by=None)
    browser = Client()
    browser.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"


# --- the first public page ---


class _Links(HTMLParser):
    """What a browser fetches at once with a page."""

    FETCHED = {"link": "href", "script": "src", "img": "src"}
    RELATIONS = {"stylesheet", "icon", "manifest", "preload", "modulepreload"}

    def __init__(self) -> None:
        super().__init__()
        self.addresses: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        address = values.get(self.FETCHED.get(tag, ""))
        if address and (tag != "link" or self.RELATIONS & set((values.get("rel") or "").split())):
            self.addresses.add(address)


def _print_weight(application: Application) -> None:
    status, headers, body = _get(application, "/", "")
    assert status.startswith("200"), status
    links = _Links()
    links.feed((gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body).decode())
    weights = {"HTML": len(body), "CSS": 0, "JS": 0, "other": 0}
    for address in sorted(links.addresses):
        weights[_kind(address)] += len(_get(application, urlsplit(address).path, "")[2])
    print(
        f"first public page, compressed: {sum(weights.values())} bytes in {1 + len(links.addresses)} requests"
    )
    print("  " + ", ".join(f"{kind} {weight}" for kind, weight in weights.items()))


def _kind(address: str) -> str:
    path = urlsplit(address).path
    return "CSS" if path.endswith(".css") else "JS" if path.endswith(".js") else "other"


def _get(application: Application, path: str, cookie: str) -> tuple[str, dict[str, str], bytes]:
    """One request through the whole application: status line, headers, body as sent."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ |= {
        "PATH_INFO": path,
        "HTTP_COOKIE": cookie,
        "HTTP_ACCEPT_ENCODING": "gzip",
        "wsgi.input": io.BytesIO(),
    }
    environ |= {"HTTP_HOST": "localhost", "SERVER_NAME": "localhost"}
    answer: list[Any] = []
    body = application(environ, lambda status, headers, *_: answer.extend((status, dict(headers))))
    try:
        return answer[0], answer[1], b"".join(body)
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()
