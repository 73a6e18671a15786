"""What stands on a person's page: each app above this one registers its section."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from havre.people.models import Person

type Context = Callable[[HttpRequest, Person], dict[str, Any] | None]


@dataclass(frozen=True)
class Section:
    """A partial and what it needs; the context may be None: then the section is not for this user."""

    order: int
    template: str
    context: Context


_sections: list[Section] = []


def register(order: int, template: str, context: Context) -> None:
    _sections.append(Section(order, template, context))
    _sections.sort(key=lambda section: section.order)


def of(request: HttpRequest, person: Person) -> list[tuple[str, dict[str, Any]]]:
    """The sections of a person's page for this request: (template, context)."""
    found = [(section.template, section.context(request, person)) for section in _sections]
    return [(template, context) for template, context in found if context is not None]
