"""The kinds of work items: their words, and the page where the work is done; every app registers its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from havre.inbox.models import WorkItem


@dataclass(frozen=True)
class Kind:
    """`reason` is a lazy sentence that says why the item is there; `url` gives the page of its object."""

    reason: Any
    url: Callable[[WorkItem], str]


_kinds: dict[str, Kind] = {}


def register(name: str, reason: Any, url: Callable[[WorkItem], str]) -> None:
    _kinds[name] = Kind(reason, url)


def of(item: WorkItem) -> Kind | None:
    """The kind of an item; None when the app that wrote it is gone."""
    return _kinds.get(item.kind)


def known() -> set[str]:
    return set(_kinds)


def object_url(pattern: Callable[[UUID], str]) -> Callable[[WorkItem], str]:
    return lambda item: pattern(item.object_id)
