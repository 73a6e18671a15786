"""What no row knows is removed a day later, and never what a row knows, nor what is on its way, nor a whole vault."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.core.management import call_command

from havre.core import blobs, periodic, shelves
from havre.core.ids import uuid7
from havre.organisations import actions as organisations
from havre.organisations.models import Role
from havre.outbox import actions as outbox
from havre.outbox.models import Message
from havre.people.models import Person
from havre.vault import shelf
from havre.vault.models import Document, Version
from tests.cast import Cast
from tests.vault.papers import folder

pytestmark = pytest.mark.django_db

A_DAY = 24 * 3600


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "HOME", tmp_path / "home")


def aged(path: Path, seconds: float = A_DAY + 60) -> Path:
    """The same file or folder, with all in it, last written so many seconds ago."""
    then = time.time() - seconds
    for one in (*(path.iterdir() if path.is_dir() else ()), path):
        os.utime(one, (then, then))
    return path


def orphan(name: str = "original", blob: UUID | None = None) -> Path:
    """The folder of a paper whose row was never written."""
    made = blobs.folder(blob or uuid7())
    made.mkdir(parents=True)
    (made / name).write_bytes(b"sealed")
    return made


def unfinished(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / ".original.0123456789abcdef.tmp"
    made.write_bytes(b"sealed")
    return made


def lying() -> set[Path]:
    roots = (Path(settings.BLOBS), Path(settings.OUTBOX_FILES))
    return {path for root in roots for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def papers(cast: Cast, bruno: Person) -> list[Document]:
    """Three old papers that their rows know."""
    made = [cast.paper(bruno) for _ in range(3)]
    for document in made:
        aged(folder(document), 100 * A_DAY)
    return made


def test_what_no_row_knows_goes_a_day_later_and_nothing_else_does(papers: list[Document]) -> None:
    kept = lying()
    old, empty = aged(orphan()), blobs.folder(uuid7())
    empty.mkdir(parents=True)
    aged(empty)
    half = aged(unfinished(folder(papers[0])))
    young, written = orphan(), orphan()
    aged(written)
    os.utime(written / "original")
    on_its_way = unfinished(folder(papers[1]))
    removed = shelves.sweep()
    assert set(removed) == {old, empty, half}
    assert lying() == kept | {young / "original", written / "original", on_its_way}
    assert shelves.sweep() == []


def test_messages_too(cast: Cast, papers: list[Document]) -> None:
    organisations.invite(cast.halte, email="amina.diallo@exemple.test", role=Role.READER, by=None)
    outbox.send_due()
    known = aged(outbox.file_of(Message.objects.get()))
    strange = known.with_name(f"{uuid7()}.sealed")
    strange.write_bytes(b"sealed")
    aged(strange)
    half, other = aged(unfinished(known.parent)), known.with_name("readme.sealed")
    other.write_bytes(b"not named by an identifier")
    aged(other)
    assert set(shelves.sweep()) == {strange, half}
    assert known.exists()
    assert other.exists()


def test_what_is_not_a_paper_s_folder_is_left_alone(papers: list[Document]) -> None:
    root = Path(settings.BLOBS)
    strange = [root / "lost+found" / "x", root / "ab" / "not-an-id", root / "zz" / str(uuid7())]
    for path in strange:
        path.mkdir(parents=True)
        aged(path)
    (root / "a-file").write_bytes(b"x")
    aged(root / "a-file")
    assert shelves.sweep() == []
    assert all(path.exists() for path in strange)


def test_the_clock_sweeps_every_day(papers: list[Document]) -> None:
    old = aged(orphan())
    job = periodic.tick.jobs["core.strays"]
    assert job.every == A_DAY
    job.function()
    assert not old.exists()


def test_a_row_written_at_the_last_moment_saves_its_paper(
    papers: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is asked after the age was read, so no row that came before that answer is missed."""
    blob = uuid7()
    made = aged(orphan(blob=blob))

    def just_then(path: Path) -> float:
        found = shelves.last_written(path)
        if path == made:
            Version.objects.filter(document=papers[0]).update(blob=blob)
        return found

    monkeypatch.setattr(shelf, "last_written", just_then)
    assert made not in shelves.sweep()
    assert made.exists()


# --- another database than the files' own ---


@pytest.mark.parametrize(("rows", "strays", "removed"), [(3, 3, 3), (3, 4, 0), (0, 1, 0)])
def test_the_clock_removes_no_more_than_the_rows_that_there_are(
    papers: list[Document], rows: int, strays: int, removed: int, caplog: pytest.LogCaptureFixture
) -> None:
    made = [aged(orphan()) for _ in range(strays)]
    if not rows:
        for document in papers:
            made.append(folder(document))
            Version.objects.filter(document=document).delete()
    assert len(shelves.sweep()) == removed
    assert sum(not path.exists() for path in made) == removed
    told = "belong to none of the" in caplog.text
    assert told is (removed == 0)


def test_the_clock_removes_a_few_at_most(
    papers: list[Document], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shelves, "A_FEW", 2)
    for _ in range(3):
        aged(orphan())
    with caplog.at_level(logging.ERROR):
        assert shelves.sweep() == []
    assert "3 sealed files or folders belong to none of the 3 papers: none was removed" in caplog.text
    assert len(shelves.sweep(by_hand=True)) == 3


def test_by_hand_nothing_goes_when_the_database_knows_nothing(papers: list[Document]) -> None:
    """The wrong database, beside the right files."""
    Version.objects.all().delete()
    assert shelves.sweep(by_hand=True) == []
    assert len(lying()) == 3


# --- the command ---


def report(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, list[str]]:
    capsys.readouterr()
    call_command("vault", "verify", "--json", *words)
    told: dict[str, list[str]] = json.loads(capsys.readouterr().out)
    return told


def test_the_command_lists_them_and_sweeps_when_asked(
    papers: list[Document], capsys: pytest.CaptureFixture[str]
) -> None:
    old, young = aged(orphan()), orphan()
    told = report(capsys)
    assert (told["strays"], told["swept"], told["faults"]) == ([str(old)], [], [])
    assert old.exists()
    told = report(capsys, "--sweep")
    assert told["strays"] == told["swept"] == [str(old)]
    assert not old.exists()
    assert young.exists()
    assert report(capsys)["strays"] == []


def test_the_command_says_them(papers: list[Document], capsys: pytest.CaptureFixture[str]) -> None:
    old = aged(orphan())
    call_command("vault", "verify")
    assert f"{old}: belongs to nobody\n" in capsys.readouterr().out
    call_command("vault", "verify", "--sweep")
    assert f"{old}: belongs to nobody, removed\n" in capsys.readouterr().out
