"""The public pages: what anyone sees, without an account, a script or a cookie."""

from __future__ import annotations

import gzip
import re

import pytest
from django.test import Client

PAGES = ["/", "/aide/", "/mentions-legales/", "/accessibilite/", "/langues/", "/hors-ligne/"]


@pytest.fixture(params=["fr", "ar"])
def visitor(request: pytest.FixtureRequest) -> Client:
    return Client(headers={"accept-language": request.param})


def text(markup: str) -> str:
    words = re.sub(r"<svg.*?</svg>|<[^>]+>", "", markup, flags=re.DOTALL)
    return re.sub(r"[ \n]+", " ", words).strip(" \n")


@pytest.mark.parametrize("address", PAGES)
def test_a_public_page_has_one_title_and_sets_no_cookie(visitor: Client, address: str) -> None:
    response = visitor.get(address)
    page = response.content.decode()
    assert response.status_code == 200
    assert not response.cookies
    titles = re.findall(r"<h1>(.*?)</h1>", page, flags=re.DOTALL)
    assert len(titles) == 1
    title = re.search(r"<title>(.*?)</title>", page)
    assert title
    assert title[1] == f"{text(titles[0])} · Havre"


@pytest.mark.parametrize("address", PAGES)
def test_a_public_page_can_be_left_fast_without_a_script(visitor: Client, address: str) -> None:
    page = visitor.get(address).content.decode()
    assert re.search(r'<a class="leave[^>]*href="https://meteofrance\.com"[^>]*data-leave', page)


@pytest.mark.parametrize("address", PAGES)
def test_a_public_page_loads_nothing_from_elsewhere_and_no_htmx(visitor: Client, address: str) -> None:
    page = visitor.get(address).content.decode()
    assert not re.findall(r'(?:src|action)="(?:https?:)?//', page)
    assert not re.findall(r'<link[^>]*href="(?:https?:)?//', page)
    assert "htmx" not in page
    assert not re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)


@pytest.mark.parametrize("address", PAGES)
def test_a_public_page_is_light(visitor: Client, address: str) -> None:
    response = visitor.get(address, headers={"accept-encoding": "gzip"})
    assert response["Content-Encoding"] == "gzip"
    assert len(response.content) <= 15_000
    assert gzip.decompress(response.content)


def test_the_first_screen_offers_each_language_in_its_own_script(visitor: Client) -> None:
    page = visitor.get("/").content.decode()
    for code, name in (("fr", "Français"), ("en", "English"), ("ar", "العربية")):
        assert re.search(rf'<button name="language" value="{code}" lang="{code}"[^>]*>{name}</button>', page)


@pytest.mark.parametrize("address", ["tel:15", "tel:17", "tel:18", "tel:112", "sms:114", "tel:115"])
def test_the_first_screen_calls_for_help(visitor: Client, address: str) -> None:
    assert f'href="{address}"' in visitor.get("/").content.decode()


@pytest.mark.parametrize("address", PAGES)
def test_no_link_is_dead(visitor: Client, address: str) -> None:
    page = visitor.get(address).content.decode()
    for link in {
        link for link in re.findall(r'href="(/[^"#?]*)', page) if not link.startswith(("/static/", "/pro/"))
    }:
        assert visitor.get(link).status_code == 200, link


def test_an_unknown_address_is_explained(visitor: Client) -> None:
    response = visitor.get("/nulle-part/")
    assert response.status_code == 404
    assert "<h1>" in response.content.decode()


@pytest.mark.parametrize("address", PAGES)
def test_public_pages_are_only_read(visitor: Client, address: str) -> None:
    assert visitor.post(address).status_code == 405
