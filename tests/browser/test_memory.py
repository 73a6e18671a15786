"""What the processes beside the keeper hold while they work: no shred key, no day key, no root."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page

from havre.keeper.days import Days
from havre.keeper.keys import derive
from havre.keeper.places import Folder, Pair
from havre.keeper.store import HOUSE, Store
from tests.browser import walk
from tests.browser.conftest import Opener
from tests.browser.house import House

PIECE = 8 << 20
OVERLAP = 128


def secrets(house: House, tmp_path: Path) -> dict[str, bytes]:
    """What must stay in the keeper, read from a copy of its files as only its own user can."""
    copy = tmp_path / "keeper"
    copy.mkdir(mode=0o700)
    for name in ("root.key", "store.log", "days.keys", "erased.ledger"):
        if (house.home / "keeper" / name).exists():
            shutil.copyfile(house.home / "keeper" / name, copy / name)
    root = (copy / "root.key").read_bytes()
    files = Pair(Folder(copy), None)
    days = Days(files, root)
    store = Store(files, days)
    found = {"the root": root, "the key that wraps the day keys": derive(root, "days")}
    found |= {
        f"day key {number}": key
        for number in range(days.oldest, days.newest + 1)
        if (key := days.key(number))
    }
    for subject in (*HOUSE, *store.subjects()):
        keys = store._keys[subject]
        found |= {f"SKp of {subject.hex()}": keys.papers, f"SKf of {subject.hex()}": keys.fields}
        found |= {f"what SKp wraps with for {subject.hex()}": derive(keys.papers, "papers/shared")}
    store.close()
    return found


def others(house: House) -> dict[int, str]:
    """The processes of this house that are not the keeper, by id."""
    mark = f"HAVRE_HOME={house.home}\0".encode()
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                ours, words = mark in (folder / "environ").read_bytes(), (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if ours and b"havre.keeper" not in words:
                found[int(folder.name)] = words.replace(b"\0", b" ").decode()
    return found


def memory(pid: int) -> Iterator[bytes]:
    """All that a process may read and write of its own, in pieces that overlap."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as source:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            where, modes, *_ = line.split()
            if not modes.startswith("rw"):
                continue
            start, end = (int(one, 16) for one in where.split("-"))
            for at in range(start, end, PIECE):
                try:
                    source.seek(at)
                    yield source.read(min(PIECE + OVERLAP, end - at))
                except OSError:  # a page that is not there
                    continue


def found_in(pid: int, wanted: dict[str, bytes]) -> set[str]:
    """Which of these lie in a process's memory; the few that belong to the house, in hexadecimal too."""
    forms = list(wanted.items())
    forms += [(name, value.hex().encode()) for name, value in wanted.items() if "SK" not in name]
    seen: set[str] = set()
    for piece in memory(pid):
        seen |= {name for name, form in forms if form in piece}
    return seen


def open_papers(page: Page, house: House) -> None:
    """What a professional does in a morning: a new record, a list of names, records, papers, a download."""
    walk.open_record(page, house, "Mémoire Ouverte", "fr")
    page.goto(f"{house.url}/personnes/")
    names = page.locator("main a[href^='/personnes/']").evaluate_all("all => all.map(one => one.href)")
    papers = set()
    for name in names[:6]:
        page.goto(name)
        found = page.locator("main a[href^='/documents/']").evaluate_all("all => all.map(one => one.href)")
        papers |= set(found)
    assert papers, "the demonstration shows no paper to this professional"
    for paper in sorted(papers)[:3]:
        page.goto(paper)
        assert walk.picture_is_drawn(page)


def test_no_process_but_the_keeper_holds_a_key_that_opens_everything(
    house: House, opened: Opener, tmp_path: Path
) -> None:
    open_papers(opened("claire").new_page(), house)
    wanted = secrets(house, tmp_path)
    control = {"the house's own signing key": (house.home / "secret_key").read_bytes()}
    processes = others(house)
    assert any("granian" in words for words in processes.values())
    controlled = set()
    for pid, words in processes.items():
        assert not found_in(pid, wanted), words
        controlled |= found_in(pid, control)
    assert controlled == set(control), "the search finds nothing, not even what is there"
