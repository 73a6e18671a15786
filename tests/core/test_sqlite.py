"""SQLite as the house uses it: a safe version, durable, one writer at a time in the order of arrival."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.db.utils import ConnectionHandler

from havre.config import env
from havre.config.env import WrongSetting
from havre.core.sqlite import base
from havre.core.sqlite.base import FIRST_SAFE, Database, FairLock


@pytest.fixture
def house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any
) -> Iterator[ConnectionHandler]:
    """The real settings of an instance, on a home of its own."""
    handler = ConnectionHandler({"default": env.database("", tmp_path)})
    monkeypatch.setattr(transaction, "get_connection", lambda _using=None: handler["default"])
    with django_db_blocker.unblock():
        ask(handler, "CREATE TABLE line (word TEXT)")
        yield handler
        handler["default"].close()


def ask(house: ConnectionHandler, sql: str) -> Any:
    with house["default"].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else None


def words(house: ConnectionHandler) -> list[str]:
    return [word for (word,) in ask(house, "SELECT word FROM line ORDER BY rowid")]


def test_the_library_in_use_cannot_corrupt_its_file(house: ConnectionHandler) -> None:
    assert Database.sqlite_version_info >= FIRST_SAFE
    ((version,),) = ask(house, "SELECT sqlite_version()")
    assert tuple(map(int, version.split("."))) >= FIRST_SAFE


def test_a_library_too_old_stops_the_start_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> Any:
        raise ImportError

    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    monkeypatch.setattr("havre.core.sqlite.base.importlib.import_module", missing)
    with pytest.raises(WrongSetting, match="install the package pysqlite3"):
        base._library()


def test_a_recent_library_of_python_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", FIRST_SAFE)
    assert base._library() is sqlite3


def test_python_s_own_module_keeps_its_name() -> None:
    assert __import__("sqlite3") is sqlite3


def test_the_real_settings_survive_a_power_cut(house: ConnectionHandler) -> None:
    assert ask(house, "PRAGMA journal_mode") == [("wal",)]
    assert ask(house, "PRAGMA synchronous") == [(2,)], "FULL"
    assert ask(house, "PRAGMA foreign_keys") == [(1,)]
    assert ask(house, "PRAGMA busy_timeout") == [(5000,)]
    assert ask(house, "PRAGMA temp_store") == [(2,)], "no clear text in a temporary file"
    assert house["default"].settings_dict["ATOMIC_REQUESTS"] is False


def test_a_transaction_takes_the_lock_of_writers_at_its_start(
    house: ConnectionHandler, tmp_path: Path
) -> None:
    with transaction.atomic():
        other = Database.connect(tmp_path / "havre.sqlite3", timeout=0, isolation_level=None)
        with pytest.raises(Database.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM line").fetchone() == (0,), "readers never wait"
    other.execute("BEGIN IMMEDIATE")
    other.close()


# --- turns ---


def test_a_fair_lock_serves_in_the_order_of_arrival() -> None:
    lock, served = FairLock(), []

    def one(number: int) -> None:
        lock.acquire()
        served.append(number)
        lock.release()

    lock.acquire()
    threads = []
    for number in range(8):
        threads.append(threading.Thread(target=one, args=(number,)))
        threads[-1].start()
        _until(lambda number=number: len(lock._waiting) == number + 1)
    lock.release()
    for thread in threads:
        thread.join(5)
    assert served == list(range(8))
    assert not lock._held


def test_a_fair_lock_lets_one_in_at_a_time() -> None:
    lock, inside, most = FairLock(), 0, 0

    def work() -> None:
        nonlocal inside, most
        for _one in range(30):
            lock.acquire()
            inside += 1
            most = max(most, inside)
            inside -= 1
            lock.release()

    threads = [threading.Thread(target=work) for _one in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (most, inside) == (1, 0)


def _until(true: Any) -> None:
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_transaction_waits_for_the_one_before_it_and_goes_on_after_its_rollback(
    house: ConnectionHandler,
) -> None:
    begun = threading.Event()

    def second() -> None:
        begun.set()
        with transaction.atomic():
            ask(house, "INSERT INTO line VALUES ('second')")
        house["default"].close()

    thread = threading.Thread(target=second)
    with transaction.atomic():
        ask(house, "INSERT INTO line VALUES ('first')")
        thread.start()
        begun.wait(5)
        _until(lambda: base._writers._waiting)
        assert words(house) == ["first"]
        transaction.set_rollback(True)
    thread.join(5)
    assert not thread.is_alive()
    assert words(house) == ["second"]
    assert not base._writers._held


@pytest.mark.parametrize("end", ["commit", "rollback", "fault in SQL", "inner rollback", "closed"])
def test_each_end_of_a_transaction_gives_the_turn_back(house: ConnectionHandler, end: str) -> None:
    connection: Any = house["default"]
    match end:
        case "commit":
            with transaction.atomic():
                ask(house, "INSERT INTO line VALUES ('x')")
        case "rollback":
            with transaction.atomic():
                transaction.set_rollback(True)
        case "fault in SQL":
            with pytest.raises(OperationalError), transaction.atomic():
                ask(house, "INSERT INTO nowhere VALUES (1)")
        case "inner rollback":
            with transaction.atomic():
                ask(house, "INSERT INTO line VALUES ('x')")
                with pytest.raises(RuntimeError), transaction.atomic():
                    raise RuntimeError
                assert base._writers._held
        case "closed":
            connection.set_autocommit(True)
            connection._start_transaction_under_autocommit()
            connection.close()
    assert not base._writers._held
    assert words(house) == (["x"] if end in ("commit", "inner rollback") else [])


def test_a_start_that_fails_gives_the_turn_back(house: ConnectionHandler, tmp_path: Path) -> None:
    ask(house, "PRAGMA busy_timeout=0")
    other = Database.connect(tmp_path / "havre.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"), transaction.atomic():
        pytest.fail("another process writes")
    assert not base._writers._held
    other.execute("ROLLBACK")
    other.close()
    with transaction.atomic():
        ask(house, "INSERT INTO line VALUES ('after')")
    assert words(house) == ["after"]


def test_many_writers_lose_nothing(house: ConnectionHandler) -> None:
    def write(number: int) -> None:
        for turn in range(5):
            with transaction.atomic():
                ask(house, f"INSERT INTO line VALUES ('{number}.{turn}')")  # noqa: S608
        house["default"].close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(words(house)) == sorted(f"{number}.{turn}" for number in range(4) for turn in range(5))
