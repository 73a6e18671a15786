"""Django's SQLite backend on a SQLite recent enough to be trusted, with one first-come-first-served lock for writers.

Versions 3.7.0 to 3.51.2 can corrupt a WAL database when two connections write and checkpoint at once
(docs/decisions/0001-sqlite-build.md), and Python's own is often older; the wheel `pysqlite3` carries a newer one.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from collections import deque
from typing import Any

from havre.config.env import WrongSetting

FIRST_SAFE = (3, 51, 3)


def _library() -> Any:
    """The DB-API module to use: Python's own when recent enough, else the wheel's."""
    import sqlite3

    if sqlite3.sqlite_version_info >= FIRST_SAFE:
        return sqlite3
    try:
        return importlib.import_module("pysqlite3")
    except ImportError:
        raise WrongSetting(
            f"SQLite {sqlite3.sqlite_version} can corrupt its file; install the package pysqlite3 "
            f"or a SQLite of at least {'.'.join(map(str, FIRST_SAFE))}."
        ) from None


_NAMES = ("sqlite3", "sqlite3.dbapi2")


def _django_backend() -> Any:
    """Import Django's backend with `sqlite3` meaning our library, then put the names back."""
    library = _library()
    kept = {name: sys.modules.get(name) for name in _NAMES}
    sys.modules.update({"sqlite3": library, "sqlite3.dbapi2": library.dbapi2})
    try:
        return importlib.import_module("django.db.backends.sqlite3.base")
    finally:
        for name, module in kept.items():
            if module is not None:
                sys.modules[name] = module
            else:
                del sys.modules[name]


_backend = _django_backend()
Database = _backend.Database
if Database.sqlite_version_info < FIRST_SAFE:
    raise WrongSetting(
        f"SQLite {Database.sqlite_version} can corrupt its file; upgrade the package pysqlite3."
    )


class FairLock:
    """A lock that serves its callers in the order of their arrival (threading.Lock does not)."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    def acquire(self) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()

    def release(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False


_writers = FairLock()


class DatabaseFeatures(_backend.DatabaseFeatures):  # type: ignore[misc,name-defined]
    """SQLite's own default; the library does not expose `getlimit` on every build."""

    max_query_params = 32_766


class DatabaseOperations(_backend.DatabaseOperations):  # type: ignore[misc,name-defined]
    """As Django's, without asking the connection for limits that not every build can tell."""

    def bulk_batch_size(self, fields: Any, objs: Any) -> int:
        parameters: int = min(2_000, self.connection.features.max_query_params)
        return max(1, parameters // max(1, len(fields)))

    def _quote_params_for_last_executed_query(self, params: Any) -> Any:
        """The parameters as SQL, for the log of queries that tests read."""
        quoted: tuple[Any, ...] = ()
        for start in range(0, len(params), 2_000):
            lot = params[start : start + 2_000]
            sql = "SELECT " + ", ".join(["QUOTE(?)"] * len(lot))
            with contextlib.closing(self.connection.connection.cursor()) as cursor:
                quoted += cursor.execute(sql, lot).fetchone()
        return quoted


class DatabaseWrapper(_backend.DatabaseWrapper):  # type: ignore[misc,name-defined]
    """A connection whose transactions wait their turn within the process before they ask for SQLite's lock."""

    features_class = DatabaseFeatures
    ops_class = DatabaseOperations
    _turn = False

    def _start_transaction_under_autocommit(self) -> None:
        _writers.acquire()
        self._turn = True
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        if self._turn:
            self._turn = False
            _writers.release()

    def _commit(self) -> Any:
        try:
            return super()._commit()
        finally:
            if not self.connection.in_transaction:
                self._leave()

    def _rollback(self) -> Any:
        try:
            return super()._rollback()
        finally:
            self._leave()

    def _close(self) -> Any:
        try:
            return super()._close()
        finally:
            self._leave()
