"""The whole house, started, killed and stopped for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.frame.houses import PROJECT, House, command, environment, eventually, house

pytestmark = pytest.mark.house


@pytest.fixture(scope="module")
def shared() -> Iterator[House]:
    """One house for the tests that leave it as it was."""
    with house() as built:
        yield built


def test_every_process_answers_for_itself(shared: House) -> None:
    processes = shared.health()["processes"]
    assert set(processes) == {"web", "worker", "tick", "keeper", "database"}
    assert {process["state"] for process in processes.values()} == {"ok"}


def test_the_home_is_closed_to_others(shared: House) -> None:
    assert {path.name: path.stat().st_mode & 0o777 for path in shared.home.iterdir() if path.is_dir()} | {
        "static": 0o700
    } == dict.fromkeys((path.name for path in shared.home.iterdir() if path.is_dir()), 0o700)
    assert shared.home.stat().st_mode & 0o777 == 0o700


def test_a_second_supervisor_is_refused_in_one_sentence(shared: House) -> None:
    refused = command("serve", "--port", "1", HAVRE_HOME=str(shared.home))
    assert refused.returncode == 2
    assert "already in use by another bin/havre serve" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert shared.health()["state"] == "ok"


@pytest.mark.parametrize("words", ["havre.keeper", "granian", "havre worker", "havre tick"])
def test_a_killed_process_comes_back(shared: House, words: str) -> None:
    before = shared.process(words)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: before not in shared.processes(), 5)
    eventually(lambda: any(words in line for line in shared.processes().values()), 15, shared.words)
    shared.wait_until_well()
    assert "stopped (signal 9); it starts again in" in shared.words()


def test_a_task_survives_the_worker_that_was_killed_in_it(shared: House, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    _enqueue(shared, f"slow_chore.enqueue({str(trace)!r}, 3)")
    eventually(lambda: trace.exists() and "started" in trace.read_text(), 15, shared.words)
    os.kill(shared.process("havre worker"), signal.SIGKILL)
    eventually(lambda: "done" in trace.read_text(), 60, shared.words)
    assert trace.read_text() == "started\nstarted\ndone\n"


def _enqueue(built: House, line: str) -> None:
    code = f"import django; django.setup(); from tests.frame.chores import slow_chore; {line}"
    variables = {"HAVRE_HOME": str(built.home), "DJANGO_SETTINGS_MODULE": "havre.config.settings"}
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env=environment(**variables), check=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything_within_five_seconds_and_the_next_start_is_quick(
    number: signal.Signals,
) -> None:
    with house() as first:
        assert len(first.processes()) >= 6
        assert first.stop(number) < 5
        assert first.supervisor.returncode == 0
        assert first.processes() == {}
        before, start = _yardstick(first.home), time.monotonic()
        second = House(first.home)
        eventually(second.health, 30, second.words)
        took = time.monotonic() - start
        second.end()
        assert took < max(5, 4 * max(before, _yardstick(first.home)))


def _yardstick(home: Path) -> float:
    """The seconds that one command takes just now: about 1 on a machine that does nothing else."""
    start = time.monotonic()
    assert command("prepare", HAVRE_HOME=str(home)).returncode == 0
    return time.monotonic() - start


def test_a_supervisor_killed_at_once_leaves_nothing() -> None:
    with house() as built:
        built.stop(signal.SIGKILL)
        eventually(lambda: not built.processes(), 6, lambda: str(built.processes()))


def test_a_supervisor_killed_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    built = House(tmp_path / "home")
    eventually(built.processes, 10)
    built.stop(signal.SIGKILL)
    eventually(lambda: not built.processes(), 6, lambda: str(built.processes()))
    built.end()
