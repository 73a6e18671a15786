"""What stops the start, in one sentence and with exit code 2."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.frame.houses import PROJECT, command, environment, free_port


def _refusal(home: Path, *words: str, **more: str) -> str:
    done = command("serve", *words, HAVRE_HOME=str(home), **more)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.startswith("Havre cannot start: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HAVRE_PORT", "http", "HAVRE_PORT='http': write a whole number from 1 to 65535."),
        ("HAVRE_URL", "havre.example/app", "HAVRE_URL"),
        ("HAVRE_TIME_ZONE", "Paris", "write an IANA time zone"),
        ("HAVRE_DATABASE_URL", "mysql://a/b", "HAVRE_DATABASE_URL"),
        ("HAVRE_COLOUR", "blue", "HAVRE_COLOUR is not a setting; docs/settings.md lists them."),
    ],
)
def test_a_wrong_setting_stops_the_start_in_one_sentence(
    tmp_path: Path, name: str, value: str, words: str
) -> None:
    assert words in _refusal(tmp_path, **{name: value})


def test_a_wrong_port_on_the_command_line_is_named_too(tmp_path: Path) -> None:
    assert "HAVRE_PORT='80000'" in _refusal(tmp_path, "--port", "80000")


def test_a_home_too_deep_for_a_socket_is_refused(tmp_path: Path) -> None:
    assert "choose a shorter path" in _refusal(tmp_path / ("x" * 100))


def test_a_home_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be made (Not a directory)" in _refusal(tmp_path / "file" / "home")


def test_a_port_that_another_program_holds_is_refused(tmp_path: Path) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert f"HAVRE_PORT={port}: another program listens there" in _refusal(tmp_path, "--port", port)


def test_an_address_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    words = _refusal(tmp_path, "--port", str(free_port()), HAVRE_ADDRESS="192.0.2.1")
    assert "HAVRE_ADDRESS=192.0.2.1" in words


def test_a_home_in_use_is_refused_and_free_again_once_its_holder_is_gone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(parents=True)
    with (tmp_path / "run" / "house.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "already in use" in _refusal(tmp_path)
    assert "already in use" not in _refusal(tmp_path, HAVRE_ADDRESS="192.0.2.1")


def test_a_wrong_setting_stops_any_other_command_with_the_same_sentence(tmp_path: Path) -> None:
    done = command("tick", "--once", HAVRE_HOME=str(tmp_path), HAVRE_DEMO="yes")
    assert done.returncode == 2
    assert done.stderr == "Havre cannot start: HAVRE_DEMO='yes': write 1 for yes, 0 for no.\n"


def test_the_supervisor_keeps_django_out_of_its_memory() -> None:
    code = "import sys; import havre.config.supervisor; sys.exit('django' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env=environment(), check=True)
