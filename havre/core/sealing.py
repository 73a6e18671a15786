"""Sealed columns: text that lies unreadable in the database, opened in batches through the keeper.

A SealedRow declares `sealed_name = SealedField("names")`, `name = ClearText()`, and whose keys seal it.
`seal(row, …)` writes, `unseal(rows, …)` reads: the clear text is then at `row.name`, in memory only. Reading it
unopened raises NotOpened.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable
from typing import Any, cast, overload
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils.translation import gettext

from havre.core import fieldseal
from havre.core.keeper_client import Actor, KeeperClient

logger = logging.getLogger(__name__)
PREFIX = "sealed_"
BATCH = 100  # subjects in one call to the keeper (`vault.md`)


class NotOpened(AttributeError):
    """The code reads a sealed column that it has not asked the keeper to open."""

    silent_variable_failure = False


@functools.cache
def keeper() -> KeeperClient:
    """The keeper's client; raises KeeperAbsent when called while the keeper does not answer."""
    return KeeperClient(settings.KEEPER, certificates=settings.KEEPER_CERTIFICATES)


class ClearText:
    """The clear text of the sealed column of the same name: `name = ClearText()` beside `sealed_name`."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._column = PREFIX + name

    @overload
    def __get__(self, row: None, owner: type) -> ClearText: ...

    @overload
    def __get__(self, row: models.Model, owner: type) -> str: ...

    def __get__(self, row: models.Model | None, owner: type) -> str | ClearText:
        if row is None:
            return self
        try:
            return cast(str, row.__dict__["_clear"][self._column])
        except KeyError:
            raise NotOpened(f"{owner.__name__}.{self._column} has not been opened") from None


class SealedField(models.BinaryField):  # type: ignore[type-arg]
    """Text sealed with the key of one class (`names`, `papers`, `contacts`, `notes`, `messages`, `private`)."""

    def __init__(self, key_class: str, **options: Any) -> None:
        self.key_class = key_class
        options.setdefault("default", b"")
        super().__init__(**options)

    def deconstruct(self) -> Any:
        name, path, arguments, options = super().deconstruct()
        return name, path, [self.key_class, *arguments], options


class SealedRow(models.Model):
    """A model with sealed columns."""

    class Meta:
        abstract = True

    @property
    def seal_subject(self) -> UUID:
        """Whose keys seal this row: a person, a user or a structure."""
        raise TypeError(f"{type(self).__name__} does not say whose keys seal it")


def _context(row: SealedRow, column: str) -> bytes:
    return f"{row._meta.db_table}|{column}|{row.pk}".encode()


def seal(row: SealedRow, *, by: Actor, **texts: str) -> None:
    """Seal texts into a row's columns, named without their prefix; the caller saves the row."""
    for name, text in texts.items():
        column = PREFIX + name
        field: Any = row._meta.get_field(column)
        row.__dict__.setdefault("_clear", {})[column] = text
        if text:
            key = keeper().fields([row.seal_subject], field.key_class, by, "write")[row.seal_subject]
            setattr(row, column, fieldseal.seal_text(key, _context(row, column), text))
        else:
            setattr(row, column, b"")


class Unreadable(str):
    """What stands for a text whose key is gone or whose bytes are damaged; it hides no other row."""

    __slots__ = ()


def unseal[Row: SealedRow](rows: Iterable[Row], *names: str, by: Actor, purpose: str) -> list[Row]:
    """Open the named columns of some rows, at most 100 subjects a call; answers the same rows, as a list.

    `purpose` is a short ASCII word for the keeper. A text that cannot be opened becomes Unreadable, and is logged.
    """
    rows = list(rows)
    for name in names:
        column = PREFIX + name
        keys = _keys(rows, column, by, purpose) if rows else {}
        for row in rows:
            row.__dict__.setdefault("_clear", {})[column] = _opened(row, column, keys)
    return rows


def leave_closed(rows: Iterable[SealedRow], *names: str) -> None:
    """Let a page be shown although the keeper is absent: the named columns read as Unreadable."""
    closed = {PREFIX + name: Unreadable(gettext("(illisible)")) for name in names}
    for row in rows:
        row.__dict__.setdefault("_clear", {}).update(closed)


def _keys(rows: list[Any], column: str, by: Actor, purpose: str) -> dict[UUID, bytes]:
    key_class: str = rows[0]._meta.get_field(column).key_class
    subjects = sorted({row.seal_subject for row in rows if getattr(row, column)})
    keys: dict[UUID, bytes] = {}
    for start in range(0, len(subjects), BATCH):
        keys |= keeper().fields(subjects[start : start + BATCH], key_class, by, purpose)
    return keys


def _opened(row: Any, column: str, keys: dict[UUID, bytes]) -> str:
    sealed = bytes(getattr(row, column))
    if not sealed:
        return ""
    try:
        return fieldseal.open_text(keys[row.seal_subject], _context(row, column), sealed)
    except (KeyError, fieldseal.FieldDamaged):
        logger.exception("%s of %s cannot be opened", column, row.pk)
        return Unreadable(gettext("(illisible)"))


def blind(scope: UUID | None, kind: str, *facts: str) -> list[str]:
    """Blind tokens of exact facts, in hexadecimal: equal facts give equal tokens, and nothing else is told."""
    return [token.hex() for token in keeper().tokens(scope, kind, [fact.encode() for fact in facts])]


WORKER = UUID(int=0)


def worker() -> Actor:
    """The actor of work that nobody waits for: previews, exports, the clock."""
    return Actor("worker", WORKER)
