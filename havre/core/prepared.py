"""Queries compiled once: for the few that every page makes, where building the SQL costs more than running it.

Measured on the signed-in empty page: the ORM spent a third of the CPU in building the same two statements again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import QuerySet


@dataclass(frozen=True)
class _Statement:
    """The SQL, which argument goes to each of its places (or a constant), and how columns become Python values."""

    sql: str
    places: Sequence[tuple[int | None, Any]]
    compiler: Any
    converters: dict[Any, Any]


class Prepared:
    """`build(*arguments)` makes a `values_list` queryset; `rows(*arguments)` runs it, compiled once per database.

    `sample` holds one distinct value for each argument, by which its places in the SQL are found; no constant
    of the query may equal one.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]], *sample: str | datetime | UUID) -> None:
        self._build = build
        self._sample = sample
        self._statements: dict[str, _Statement] = {}

    def rows(self, *arguments: str | datetime | UUID) -> list[tuple[Any, ...]]:
        """The rows, as the queryset would give them."""
        connection = connections[DEFAULT_DB_ALIAS]
        statement = self._statements.get(connection.vendor) or self._compiled(connection)
        values = [
            constant if place is None else _adapted(connection, arguments[place])
            for place, constant in statement.places
        ]
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, values)
            rows = cursor.fetchall()
        if statement.converters:
            rows = statement.compiler.apply_converters(rows, statement.converters)
        return [tuple(row) for row in rows]

    def _compiled(self, connection: Any) -> _Statement:
        compiler = self._build(*self._sample).query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        samples = [_adapted(connection, value) for value in self._sample]
        if not all(sample in parameters for sample in samples):
            raise ValueError("an argument does not stand in the query")
        places = [(samples.index(value), None) if value in samples else (None, value) for value in parameters]
        converters = compiler.get_converters([column for column, _sql, _alias in compiler.select])
        statement = _Statement(sql, places, compiler, converters)
        self._statements[connection.vendor] = statement
        return statement


def _adapted(connection: Any, value: str | datetime | UUID) -> Any:
    """A value as the database's driver takes it."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value
