"""Erasing and giving back: every model once, upper layers first."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from havre.core import shredding
from havre.core.shredding import Shredder

SUBJECT = UUID(int=1)


@pytest.fixture
def erased(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A register of our own, with three models; gives the order in which they are erased."""
    order: list[str] = []
    monkeypatch.setattr(shredding, "_shredders", {})

    def shredder(model: str) -> Shredder:
        def export(id: UUID) -> list[dict[str, Any]]:
            return [{"of": str(id)}]

        def erase(id: UUID) -> int:
            order.append(model)
            return len(order)

        return Shredder(model, "as long as needed", export, erase)

    shredding.register([shredder("low.one")])
    shredding.register([shredder("up.one"), shredder("up.two")])
    return order


def test_the_latest_registered_are_erased_first(erased: list[str]) -> None:
    assert shredding.erase_all(SUBJECT) == {"up.two": 1, "up.one": 2, "low.one": 3}
    assert erased == ["up.two", "up.one", "low.one"]


def test_everything_is_given_back(erased: list[str]) -> None:
    assert shredding.export_all(SUBJECT) == {
        model: [{"of": str(SUBJECT)}] for model in ("low.one", "up.one", "up.two")
    }


def test_the_list_of_shredders_is_not_ours_to_change(erased: list[str]) -> None:
    shredding.known().clear()
    assert set(shredding.known()) == {"low.one", "up.one", "up.two"}


def test_a_fault_in_one_stops_the_others(erased: list[str]) -> None:
    def broken(_id: UUID) -> int:
        raise RuntimeError

    shredding.register([Shredder("top.one", "short", lambda _id: [], broken)])
    with pytest.raises(RuntimeError):
        shredding.erase_all(SUBJECT)
    assert erased == [], "the caller's transaction takes everything back"
