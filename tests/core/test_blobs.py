"""Sealed files at rest: bound to their place, whole or absent."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings

from havre.core import blobs, container
from havre.core.container import ContainerDamaged
from havre.core.ids import uuid7

OWNER, KEY = UUID(int=9), bytes(range(32))
PLACE: dict[str, Any] = {"kind": "original", "owner": OWNER, "number": 1}


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "BLOBS", tmp_path / "blobs")


def lies() -> list[Path]:
    return [path for path in Path(settings.BLOBS).rglob("*") if path.is_file()]


def read(blob: UUID, name: str = "original", key: bytes = KEY, **place: Any) -> bytes:
    return b"".join(blobs.chunks(blob, name, key, **PLACE | place))


def test_what_is_put_comes_back() -> None:
    blob = uuid7()
    blobs.put(blob, "original", KEY, [b"un ", b"", b"deux" * 9000], **PLACE)
    assert read(blob) == b"un " + b"deux" * 9000
    (path,) = lies()
    assert b"deux" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == path.parent.stat().st_mode & 0o077 == 0


def test_a_file_opens_in_its_own_place_only() -> None:
    blob, other = uuid7(), uuid7()
    blobs.put(blob, "original", KEY, [b"un"], **PLACE)
    blobs.put(other, "original", KEY, [b"deux"], **PLACE)
    for place in ({"owner": UUID(int=8)}, {"number": 2}, {"kind": "pages"}, {"key": bytes(32)}):
        with pytest.raises(ContainerDamaged):
            read(blob, **place)
    first, second = (next(path for path in lies() if str(one) in str(path)) for one in (blob, other))
    second.write_bytes(first.read_bytes())
    with pytest.raises(ContainerDamaged):
        read(other)


def test_two_names_of_one_object_cannot_change_places() -> None:
    blob = uuid7()
    for name in ("page-1", "page-2"):
        blobs.put(blob, name, KEY, [name.encode()], **PLACE | {"kind": "pages"})
    first, second = sorted(lies())
    second.write_bytes(first.read_bytes())
    with pytest.raises(ContainerDamaged):
        read(blob, "page-2", kind="pages")


def test_a_file_put_again_takes_the_place_of_the_first() -> None:
    blob = uuid7()
    for word in (b"un", b"deux"):
        blobs.put(blob, "original", KEY, [word], **PLACE)
    assert read(blob) == b"deux"
    assert len(lies()) == 1


def test_a_source_that_fails_leaves_nothing_and_spoils_nothing() -> None:
    blob = uuid7()
    blobs.put(blob, "original", KEY, [b"un"], **PLACE)

    def failing() -> Any:
        yield b"deux"
        raise ContainerDamaged("the arrival was altered")

    with pytest.raises(ContainerDamaged):
        blobs.put(blob, "original", KEY, failing(), **PLACE)
    assert read(blob) == b"un"
    assert len(lies()) == 1


def test_what_is_not_there_is_not_found_and_deleting_twice_is_no_fault() -> None:
    blob = uuid7()
    with pytest.raises(FileNotFoundError):
        read(blob)
    blobs.put(blob, "original", KEY, [b"un"], **PLACE)
    blobs.put(blob, "page-1", KEY, [b"un"], **PLACE | {"kind": "pages"})
    blobs.delete(blob)
    blobs.delete(blob)
    assert lies() == []
    with pytest.raises(FileNotFoundError):
        read(blob)


def test_a_reader_that_stops_early_closes_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    blob = uuid7()
    blobs.put(blob, "original", KEY, [bytes(100_000)], **PLACE)
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
    chunks = blobs.chunks(blob, "original", KEY, **PLACE)
    next(chunks)
    del chunks
    assert closed == [True]
