"""Sealed files at rest: bound to their place, whole or absent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings

from havre.core import blobs, container
from havre.core.blobs import Place
from havre.core.container import ContainerDamaged
from havre.core.ids import uuid7

OWNER, KEY = UUID(int=9), bytes(range(32))


def place(blob: UUID | None = None) -> Place:
    return Place(blob or uuid7(), OWNER, UUID(int=3), 1)


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "BLOBS", tmp_path / "blobs")


def lies() -> list[Path]:
    return [path for path in Path(settings.BLOBS).rglob("*") if path.is_file()]


def read(where: Place, name: str = "original", key: bytes = KEY) -> bytes:
    return b"".join(blobs.chunks(where, name, key))


def test_what_is_put_comes_back() -> None:
    where = place()
    blobs.put(where, "original", KEY, [b"un ", b"", b"deux" * 9000])
    assert read(where) == b"un " + b"deux" * 9000
    (path,) = lies()
    assert blobs.verify(where, "original", KEY) == path.stat().st_size
    assert b"deux" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("changed", [{"owner": UUID(int=8)}, {"of": UUID(int=4)}, {"number": 2}])
def test_a_file_opens_for_its_own_row_only(changed: dict[str, Any]) -> None:
    where = place()
    blobs.put(where, "original", KEY, [b"un"])
    for taken in (read, lambda other: blobs.verify(other, "original", KEY)):
        with pytest.raises(ContainerDamaged):
            taken(replace(where, **changed))
    with pytest.raises(ContainerDamaged):
        read(where, key=bytes(32))


def test_two_papers_cannot_change_places() -> None:
    first, second = place(), replace(place(), of=UUID(int=4))
    for where in (first, second):
        blobs.put(where, "original", KEY, [b"un"])
    first.folder.rename(first.folder.with_name("aside"))
    second.folder.rename(first.folder)
    first.folder.with_name("aside").rename(second.folder)
    for where in (first, second):
        with pytest.raises(ContainerDamaged):
            read(where)


def test_two_names_of_one_object_cannot_change_places() -> None:
    where = place()
    for name in ("page-1", "page-2"):
        blobs.put(where, name, KEY, [name.encode()])
    first, second = sorted(lies())
    second.write_bytes(first.read_bytes())
    with pytest.raises(ContainerDamaged):
        read(where, "page-2")


def test_a_file_put_again_takes_the_place_of_the_first() -> None:
    where = place()
    for word in (b"un", b"deux"):
        blobs.put(where, "original", KEY, [word])
    assert read(where) == b"deux"
    assert len(lies()) == 1


def test_a_source_that_fails_leaves_nothing_and_spoils_nothing() -> None:
    where = place()
    blobs.put(where, "original", KEY, [b"un"])

    def failing() -> Any:
        yield b"deux"
        raise ContainerDamaged("the arrival was altered")

    with pytest.raises(ContainerDamaged):
        blobs.put(where, "original", KEY, failing())
    assert read(where) == b"un"
    assert len(lies()) == 1


def test_what_is_not_there_is_not_found_and_deleting_twice_is_no_fault() -> None:
    where = place()
    with pytest.raises(FileNotFoundError):
        read(where)
    blobs.put(where, "original", KEY, [b"un"])
    blobs.put(where, "page-1", KEY, [b"un"])
    blobs.delete(where.blob)
    blobs.delete(where.blob)
    assert lies() == []
    with pytest.raises(FileNotFoundError):
        read(where)


def test_a_reader_that_stops_early_closes_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    where = place()
    blobs.put(where, "original", KEY, [bytes(100_000)])
    closed: list[bool] = []
    open_from = container.open_from

    def watched(*arguments: Any) -> Any:
        context = open_from(*arguments)
        leave = context.__exit__

        def noted(*error: Any) -> Any:
            closed.append(True)
            return leave(*error)

        monkeypatch.setattr(type(context), "__exit__", lambda _self, *error: noted(*error))
        return context

    monkeypatch.setattr(container, "open_from", watched)
    chunks = blobs.chunks(where, "original", KEY)
    next(chunks)
    del chunks
    assert closed == [True]


def test_all_folders_are_those_of_objects_and_nothing_else() -> None:
    places = [place() for _ in range(5)]
    for where in places:
        blobs.put(where, "original", KEY, [b"un"])
    strange = Path(settings.BLOBS) / "lost+found" / str(uuid7())
    misplaced = places[0].folder.parent / str(UUID(int=(places[0].blob.int ^ 1)))
    named = places[0].folder.parent / "not-an-id"
    for folder in (strange, misplaced, named):
        folder.mkdir(parents=True)
    found = [one for part in blobs.all_folders() for one in part]
    assert sorted(found) == sorted((where.blob, where.folder) for where in places)
