"""The kinds of work items: their words, and the page where the work is done; every app registers its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from havre.inbox.models import WorkItem


@dataclass(frozen=True)
class Kind:
    """`reason` is a lazy sentence that says why the item is there; `url` gives the page of its object.

    `told` gives more precise reasons for some objects, all asked at once. Not `by_hand`: the list shows the item, and
    only its own page, or time, closes it.
    """

    reason: Any
    url: Callable[[WorkItem], str]
    told: Callable[[list[UUID]], dict[UUID, Any]] | None = None
    by_hand: bool = True


_kinds: dict[str, Kind] = {}


def register(name: str, reason: Any, url: Callable[[WorkItem], str], **more: Any) -> None:
    _kinds[name] = Kind(reason, url, **more)


def of(item: WorkItem) -> Kind | None:
    """The kind of an item; None when the app that wrote it is gone."""
    return _kinds.get(item.kind)


def reasons(items: list[WorkItem]) -> dict[tuple[str, UUID], Any]:
    """Why items are there, by their kind and object."""
    found: dict[tuple[str, UUID], Any] = {}
    for name in {item.kind for item in items} & known():
        ids = [item.object_id for item in items if item.kind == name]
        kind = _kinds[name]
        told = kind.told(ids) if kind.told else {}
        found |= {(name, one): told.get(one, kind.reason) for one in ids}
    return found


def known() -> set[str]:
    return set(_kinds)


def not_by_hand() -> list[str]:
    return [name for name, kind in _kinds.items() if not kind.by_hand]


def object_url(pattern: Callable[[UUID], str]) -> Callable[[WorkItem], str]:
    return lambda item: pattern(item.object_id)
