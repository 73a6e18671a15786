"""How personal data is kept, given back and erased: each app registers its models here, and a test walks them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

type Export = Callable[[UUID], list[dict[str, Any]]]
type Erase = Callable[[UUID], int]


@dataclass(frozen=True)
class Shredder:
    """What an app does with one model's rows about a subject (a person or a user).

    `retention` says how long rows live and why; `export` gives them back; `erase` removes them and counts.
    """

    model: str
    retention: str
    export: Export
    erase: Erase


_shredders: dict[str, Shredder] = {}


def register(shredders: Iterable[Shredder]) -> None:
    _shredders.update({shredder.model: shredder for shredder in shredders})


def known() -> dict[str, Shredder]:
    return dict(_shredders)


def erase_all(subject: UUID) -> dict[str, int]:
    """Erase every row about a subject, the latest registered (upper layers) first; counts per model."""
    return {model: shredder.erase(subject) for model, shredder in reversed(_shredders.items())}


def export_all(subject: UUID) -> dict[str, list[dict[str, Any]]]:
    """All that is kept about a subject, per model, in open forms (dict of JSON values)."""
    return {model: shredder.export(subject) for model, shredder in _shredders.items()}
