"""The messages that Havre can send: data, registered by the app whose facts cause them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import translation


@dataclass(frozen=True)
class Notice:
    """`title` and `body` are lazy texts with `%(name)s` places; `still_true` is asked again at the last moment."""

    key: str
    title: Any
    body: Any
    still_true: Callable[[UUID], bool]

    def words(self, language: str, parameters: dict[str, str]) -> tuple[str, str]:
        """The title and the body as they leave, in one language."""
        with translation.override(language):
            return str(self.title) % parameters, str(self.body) % parameters


_notices: dict[str, Notice] = {}


def register(notice: Notice) -> Notice:
    _notices[notice.key] = notice
    return notice


def get(key: str) -> Notice:
    return _notices[key]


def known() -> list[Notice]:
    return list(_notices.values())
