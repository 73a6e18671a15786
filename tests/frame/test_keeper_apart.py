"""The keeper apart from the rest, for real: another user of the system, another machine, a folder of its own."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from havre.core.keeper_client import KeeperClient
from havre.keeper import house as keeper_house
from havre.keeper import tls
from havre.keeper.places import Folder, Pair
from tests.frame.houses import PROJECT, House, command, environment, eventually, free_port, house
from tests.keeper.process import KeeperProcess

pytestmark = pytest.mark.house
WORDS = {"web": "granian", "worker": "havre worker", "tick": "havre tick"}


def test_no_process_but_the_keeper_is_told_where_the_keys_are_or_holds_one() -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        house(
            HAVRE_KEEPER_HOME=f"{name}/keys", HAVRE_KEEPER_COPY=f"{name}/copy", VAULT_TOKEN="s.vault"
        ) as built,
    ):
        folder = Path(name)
        KeeperClient(built.home / "run" / "keeper.sock").create(UUID(int=2000))
        keys = _keys(folder)
        assert len(keys) == 8
        assert _found(os.getpid(), keys) == sorted(keys)  # the search sees
        for words in WORDS.values():
            process = built.process(words)
            told = _told(process)
            assert b"HAVRE_HOME=" in told
            assert b"s.vault" not in told
            assert name.encode() + b"/" not in told
            assert not [path for path in _opened(process) if path.startswith(name)]
            assert _found(process, [b"HAVRE_HOME="])
            assert _found(process, [b"s.vault", f"{name}/keys".encode(), *keys]) == []


def _keys(folder: Path) -> list[bytes]:
    """The root, the day keys, and what the store holds, read from a copy of the keeper's files."""
    shutil.copytree(folder / "keys", folder / "read")
    root = (folder / "read" / "root.key").read_bytes()
    opened = keeper_house.House(folder / "read", Pair(Folder(folder / "read"), None), root)
    subject, house = opened.store.keys(UUID(int=2000).bytes), opened.store.house
    days = [opened.days.key(opened.days.newest) or b""]
    opened.close()
    shred = [subject.papers, subject.fields, house.papers, house.fields]
    return [root, *days, *shred, root.hex().encode(), subject.papers.hex().encode()]


def _opened(process: int) -> list[str]:
    """The files that a process has open or mapped."""
    folder = Path("/proc", str(process))
    mapped = [line.split(maxsplit=5)[-1] for line in (folder / "maps").read_text().splitlines()]
    return mapped + [str(path.readlink()) for path in (folder / "fd").iterdir()]


def _found(process: int, words: list[bytes]) -> list[bytes]:
    """Those of the words that lie in the memory of a process."""
    found = set()
    folder = Path("/proc", str(process))
    with (folder / "mem").open("rb", buffering=0) as memory:
        for line in (folder / "maps").read_text().splitlines():
            start, end = (int(at, 16) for at in line.split()[0].split("-"))
            with contextlib.suppress(OSError, OverflowError):  # what the kernel keeps for itself
                memory.seek(start)
                content = memory.read(end - start)
                found |= {word for word in words if word in content}
    return sorted(found)


def _told(process: int) -> bytes:
    """Its command line and environment, as the system holds them."""
    folder = Path("/proc", str(process))
    return b"\0".join((folder / name).read_bytes() for name in ("cmdline", "environ"))


def test_a_house_whose_keeper_is_elsewhere_starts_none_and_waits_for_it(tmp_path: Path) -> None:
    tls.make_certificates(tmp_path / "c", {"keeper": ["127.0.0.1"]}, ["web"])
    port = free_port()
    listening = ("--listen", f"127.0.0.1:{port}", "--certificates", str(tmp_path / "c" / "keeper"))
    with tempfile.TemporaryDirectory() as folder:
        keeper = KeeperProcess(Path(folder) / "far", "serve", *listening)
        built = House(
            Path(folder) / "home",
            HAVRE_KEEPER=f"tls://127.0.0.1:{port}",
            HAVRE_KEEPER_CERTIFICATES=str(tmp_path / "c" / "web"),
        )
        try:
            eventually(lambda: "waiting for the keeper at tls://" in built.words(), 10, built.words)
            keeper.start()
            built.wait_until_well()
            assert not [line for line in built.processes().values() if "havre.keeper" in line]
            assert not (built.home / "keeper").exists()
            keeper.kill()
            eventually(lambda: built.health()["processes"]["keeper"]["state"] == "absent", 5)
            keeper.start()
            built.wait_until_well()
        finally:
            built.end()
            if keeper.process is not None:
                keeper.kill()


# --- two users ---


def test_under_a_user_of_its_own_the_keeper_is_out_of_the_others_reach() -> None:
    """Where the tests do not run as root, the sentence that says why that cannot be."""
    names = {"HAVRE_USER": "nobody", "HAVRE_KEEPER_USER": "daemon"}
    with tempfile.TemporaryDirectory(prefix="havre-apart-") as name:
        folder = Path(name)
        if os.geteuid() != 0:
            refused = command("serve", HAVRE_HOME=str(folder / "home"), **names)
            assert refused.returncode == 2
            assert "only root starts a process under another user" in refused.stderr
            return
        folder.chmod(0o755)
        before = _python_for_all(folder)
        built = House(folder / "home", *before, **names)
        try:
            built.wait_until_well()
            _look(built, before)
            _run_a_command_of_the_keeper(built, before, names)
            built.stop(signal.SIGKILL)
            eventually(lambda: not built.processes(), 6, lambda: str(built.processes()))
        finally:
            built.end()


def _look(built: House, before: list[str]) -> None:
    keeper = built.process("havre.keeper")
    assert {_user(built.process(words)) for words in WORDS.values()} == {"nobody"}
    assert _user(keeper) == "daemon"
    sees = partial(_seen, before)
    closed = [built.home / name for name in ("keeper/root.key", "keeper/store.log", "keeper-copy/store.log")]
    closed += [Path("/proc", str(keeper), name) for name in ("environ", "maps", "mem")]
    for path in closed:
        assert path.exists()
        assert "Permission denied" in sees("nobody", f"open({str(path)!r})")
    assert sees("daemon", f"open({str(closed[0])!r})") == ""
    ask = (
        "from havre.core.keeper_client import KeeperClient; "
        f"print(KeeperClient('{built.home}/keeper-run/keeper.sock').check()['role'])"
    )
    assert sees("nobody", ask) == "primary"
    assert "Permission denied" in sees("games", ask)
    assert (built.home / "keeper").stat().st_mode & 0o777 == 0o700
    assert built.home.stat().st_mode & 0o777 == 0o710


def _run_a_command_of_the_keeper(built: House, before: list[str], names: dict[str, str]) -> None:
    """Root asks; the keeper's user does it, so that no file of the keeper's ever becomes root's."""
    out = built.home.parent / "out"
    out.mkdir()
    out.chmod(0o777)
    words = [
        *before,
        sys.executable,
        "-m",
        "havre",
        "keeper",
        "certificates",
        str(out / "c"),
        "--client",
        "web",
    ]
    subprocess.run(words, cwd=PROJECT, env=environment(HAVRE_HOME=str(built.home), **names), check=True)
    assert (out / "c" / "web").owner() == "daemon"


def _user(process: int) -> str:
    """The one user of a process, real, effective and saved."""
    status = Path("/proc", str(process), "status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("Uid:")]
    (user,) = set(line.split()[1:])
    return pwd.getpwuid(int(user)).pw_name


def _seen(before: list[str], user: str, code: str) -> str:
    """What a program prints when this user runs it."""
    who = pwd.getpwnam(user)
    become = f"import os; os.setgroups([]); os.setgid({who.pw_gid}); os.setuid({who.pw_uid}); "
    words = [*before, sys.executable, "-c", become + code]
    done = subprocess.run(words, cwd=PROJECT, env=environment(), capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()


_SHOWN = """
prefix=$1 closed=$2 apart=$3; shift 3
mkdir -p "$apart"; mount --bind "$prefix" "$apart"
mount -t tmpfs -o mode=755 tmpfs "$closed"; mkdir -p "$prefix"
mount --bind "$apart" "$prefix"; exec "$@"
"""


def _python_for_all(folder: Path) -> list[str]:
    """What must come before Python for every user to run it: nothing, unless ours lies in a closed folder.

    Then a mount namespace shows, in the place of that folder, our Python and nothing else.
    """
    prefix = Path(sys.base_prefix)
    closed = [parent for parent in prefix.parents if not parent.stat().st_mode & 0o001]
    if not closed:
        return []
    return ["unshare", "-m", "sh", "-ec", _SHOWN, "sh", str(prefix), str(closed[-1]), str(folder / "python")]
