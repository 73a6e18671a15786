"""What stops the start, in one sentence and with exit code 2."""

from __future__ import annotations

import fcntl
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from havre.config import env, supervisor, users
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
        ("HAVRE_KEEPER", "tls://keeper.example", "a host and a port, like keeper.example:7443."),
        ("HAVRE_KEEPER_LISTEN", "7443", "a host and a port, like keeper.example:7443."),
        ("HAVRE_KEEPER_COPY", "ftp://a:1", "a host and a port, like keeper.example:7443."),
        ("HAVRE_KEEPER_ROOT", "paper", "write file, credential, passphrases or transit:NAME."),
        ("HAVRE_KEEPER_SCALE", "nan", "write a number from 0.1 to 1000."),
        ("HAVRE_USER", "nobody-here", "HAVRE_USER=nobody-here: there is no such user on this system."),
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


# --- the keeper's settings ---

_SECRET = {
    "HAVRE_KEEPER_HOME": "/keeper",
    "HAVRE_KEEPER_COPY": "/copy",
    "HAVRE_KEEPER_ROOT": "transit:havre",
    "HAVRE_KEEPER_LISTEN": "0.0.0.0:7443",
    "HAVRE_KEEPER_SCALE": "2",
    "HAVRE_KEEPER_USERS": "farid",
    "CREDENTIALS_DIRECTORY": "/run/credentials",
    "VAULT_ADDR": "https://vault.example",
    "VAULT_TOKEN": "s.1234",
}


def test_what_leads_to_the_keys_is_taken_out_of_every_other_environment() -> None:
    kept = {
        "HAVRE_HOME": "/home",
        "HAVRE_KEEPER": "/socket",
        "HAVRE_KEEPER_CERTIFICATES": "/c",
        "PATH": "/bin",
    }
    assert supervisor._without_keys(_SECRET | kept) == kept


def test_the_keepers_command_line_says_what_the_settings_say() -> None:
    values = env.read(
        {
            "HAVRE_HOME": "/home",
            "HAVRE_KEEPER": "unix:/run/k/keeper.sock,tls://10.0.0.2:7443",
            "HAVRE_USER": "daemon",
            "HAVRE_KEEPER_USER": "nobody",
            **{name: value for name, value in _SECRET.items() if name.startswith("HAVRE_")},
        }
    )
    words = supervisor._keeper_command(values, "journal", "verify")[1:]
    assert words == [
        *("-m", "havre.keeper", "journal", "verify", "--home", "/keeper", "--socket", "/run/k/keeper.sock"),
        *("--copy", "/copy", "--root", "transit:havre", "--scale", "2", "--listen", "0.0.0.0:7443"),
        *("--certificates", "/keeper/certificates", "--allow", "daemon", "--allow", "farid"),
    ]


def test_with_no_setting_the_keeper_is_in_the_home_with_a_second_copy_beside() -> None:
    values = env.read({"HAVRE_HOME": "/home"})
    assert values["HAVRE_KEEPER"] == ["/home/run/keeper.sock"]
    assert supervisor._keeper_command(values)[3:] == [
        *("--home", "/home/keeper", "--socket", "/home/run/keeper.sock"),
        *("--copy", "/home/keeper-copy", "--root", "file", "--scale", "1"),
    ]


def test_a_keeper_alone_may_be_asked_anything_that_its_own_command_line_knows(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = command("keeper", "certificates", str(tmp_path / "c"), "--client", "web", HAVRE_HOME=str(home))
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'c' / 'web'}\n")
    done = command("keeper", "check", HAVRE_HOME=str(home))
    assert done.returncode == 2
    assert f"No keeper answers on {home}/run/keeper.sock" in done.stderr


def test_only_root_gives_the_keeper_a_user_of_its_own(tmp_path: Path) -> None:
    """The sentence that says so, to somebody who is not root."""
    me, other = os.geteuid() or 65534, "root"
    code = f"""
import os
from havre.config import env, users
if os.geteuid() == 0: os.setuid({me})
try: users.of(env.read({{"HAVRE_KEEPER_USER": {other!r}}}))
except env.WrongSetting as mistake: print(mistake)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert "HAVRE_KEEPER_USER=root: only root starts a process under another user" in done.stdout
    assert "`bin/havre keeper` under that user first" in done.stdout


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"HAVRE_KEEPER_USER": "daemon"}, "HAVRE_KEEPER_USER is set without HAVRE_USER"),
        ({"HAVRE_KEEPER_USER": "daemon", "HAVRE_USER": "daemon"}, "are the same user: choose two"),
    ],
)
def test_users_that_would_protect_nothing_are_refused(settings: dict[str, str], words: str) -> None:
    values = env.read(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: 0)
        with pytest.raises(env.WrongSetting, match=words):
            users.of(values)


def test_a_folder_that_is_anothers_and_holds_something_is_not_taken(tmp_path: Path) -> None:
    me, other = pwd.getpwuid(os.geteuid()), pwd.getpwnam("nobody")
    users.give("HAVRE_HOME", tmp_path / "new", me, me.pw_gid, 0o700)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    (tmp_path / "new" / "file").touch()
    with pytest.raises(env.WrongSetting, match="is not of the user nobody: give it"):
        users.give("HAVRE_HOME", tmp_path / "new", other, other.pw_gid, 0o700)
    users.give("HAVRE_HOME", tmp_path / "new", me, me.pw_gid, 0o710)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o710
