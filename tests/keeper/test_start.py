"""Starting and stopping: private files, one sentence for a mistake, one keeper at a time."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from havre.core.keeper_client import KeeperClient
from havre.keeper.places import CannotStart, private_folder
from tests.keeper.process import ROOT, KeeperProcess


def test_a_first_start_makes_private_folders_and_files(keeper: KeeperProcess) -> None:
    line = keeper.start()
    assert line == f"keeper ready on {keeper.socket}: subjects 0, damaged 0\n"
    modes = {path: path.stat().st_mode & 0o777 for path in (keeper.home, keeper.socket.parent)}
    assert set(modes.values()) == {0o700}
    files = [keeper.home / "root.key", keeper.home / "store.log", keeper.socket]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert len((keeper.home / "root.key").read_bytes()) == 32
    assert sorted(path.name for path in keeper.home.iterdir()) == [
        "days.keys",
        "journal",
        "root.key",
        "store.log",
        "store.past",
    ]


def test_sigterm_ends_it_cleanly_and_removes_its_socket(keeper: KeeperProcess) -> None:
    keeper.start()
    assert keeper.stop() == 0
    assert not keeper.socket.exists()


def test_it_starts_in_less_than_the_time_to_notice(keeper: KeeperProcess) -> None:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        keeper.start()
        times.append(time.perf_counter() - start)
        keeper.stop()
    assert min(times) < 1


def test_it_never_imports_django_nor_the_rest_of_havre() -> None:
    code = "import sys, havre.keeper.__main__; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    ours = {name for name in loaded if name.startswith("havre.")}
    assert not [name for name in loaded if name.partition(".")[0] == "django"]
    assert not [name for name in ours if not name.startswith("havre.keeper")]


def test_no_core_is_dumped_and_no_process_of_the_user_reads_its_memory(keeper: KeeperProcess) -> None:
    keeper.start()
    assert keeper.process is not None
    limits = Path(f"/proc/{keeper.process.pid}/limits").read_text()
    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"]
    # The kernel gives the files of a process that is not dumpable to root.
    assert Path(f"/proc/{keeper.process.pid}/environ").stat().st_uid == 0


def test_a_socket_left_by_a_dead_keeper_is_replaced(keeper: KeeperProcess) -> None:
    keeper.start()
    keeper.kill()
    assert keeper.socket.exists()
    keeper.start()
    assert KeeperClient(keeper.socket).check()["role"] == "primary"


def test_a_second_keeper_is_refused_and_the_first_goes_on(keeper: KeeperProcess) -> None:
    keeper.start()
    assert "already running" in keeper.refusal()
    other_home = KeeperProcess(keeper.home.parent)
    other_home.home = keeper.home.with_name("other")
    assert "keeper already running" in other_home.refusal()
    assert KeeperClient(keeper.socket).check()["role"] == "primary"


def test_without_a_store_no_create_refuses(keeper: KeeperProcess) -> None:
    assert "There is no keeper in" in keeper.refusal("--no-create")
    assert not keeper.home.exists()


def test_a_lost_root_key_is_never_replaced_by_a_new_one(keeper: KeeperProcess) -> None:
    keeper.start()
    keeper.stop()
    (keeper.home / "root.key").unlink()
    assert "put the saved one back" in keeper.refusal()
    assert not (keeper.home / "root.key").exists()


def test_an_open_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    with pytest.raises(CannotStart, match="chmod 700"):
        private_folder(tmp_path)


def test_a_socket_path_that_is_too_long_is_said_in_one_sentence(keeper: KeeperProcess) -> None:
    keeper.socket = keeper.socket.with_name("x" * 120)
    assert "cannot be opened" in keeper.refusal()


def test_what_it_prints_holds_no_key(keeper: KeeperProcess) -> None:
    process = keeper.popen()
    assert process.stdout is not None
    process.stdout.readline()
    client, subject = KeeperClient(keeper.socket), uuid4()
    client.create(subject)
    client.seal_key(subject, "shared")
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(os.fspath(keeper.socket))
        raw.sendall(b"\xff" * 100)
        raw.recv(1000)
    process.terminate()
    assert process.communicate(timeout=5) == ("", "")
