"""The drills of docs/keeper.md, and the operator's commands, with real processes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from havre.core.keeper_client import Actor, KeeperClient, SubjectErased
from tests.keeper.process import ROOT, KeeperProcess

WORKER = Actor("worker", UUID(int=9))
AMINA, BRUNO = uuid4(), uuid4()
PHRASES = "la mer monte au port\nune lampe sur le quai\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def kept(keeper: KeeperProcess) -> KeeperProcess:
    """A keeper with a second copy beside its home."""
    keeper.words = ("serve", "--copy", os.fspath(copy_of(keeper)))
    return keeper


def copy_of(keeper: KeeperProcess) -> Path:
    return keeper.home.parent / "copy"


def command(keeper: KeeperProcess, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """One of the keeper's commands, as `bin/havre keeper …` gives it."""
    where = ["--home", os.fspath(keeper.home), "--socket", os.fspath(keeper.socket)]
    where += ["--copy", os.fspath(copy_of(keeper))]
    return subprocess.run(
        [sys.executable, "-m", "havre.keeper", *words, *where],
        cwd=ROOT,
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def first_paper(keeper: KeeperProcess) -> tuple[bytes, bytes]:
    client = KeeperClient(keeper.socket)
    client.create(AMINA)
    return client.seal_key(AMINA, "shared")


def opened(keeper: KeeperProcess, wrapped: bytes) -> bytes:
    return KeeperClient(keeper.socket).open_key(AMINA, "shared", wrapped, WORKER, "drill")


def test_this_machine_is_gone(kept: KeeperProcess) -> None:
    """Second copy and root on another machine: the first paper opens, and the erased stay erased."""
    kept.start()
    saved_root = (kept.home / "root.key").read_bytes()
    dek, wrapped = first_paper(kept)
    client = KeeperClient(kept.socket)
    client.create(BRUNO)
    client.erase(BRUNO)
    client.rotate()
    late, late_wrapped = client.seal_key(AMINA, "shared")
    kept.kill()
    shutil.rmtree(kept.home)

    copy_of(kept).rename(kept.home)
    (kept.home / "root.key").touch(mode=0o600)
    (kept.home / "root.key").write_bytes(saved_root)
    kept.words = ("serve", "--copy", os.fspath(kept.home.parent / "new-copy"))
    kept.start()
    assert (opened(kept, wrapped), opened(kept, late_wrapped)) == (dek, late)
    with pytest.raises(SubjectErased):
        KeeperClient(kept.socket).seal_key(BRUNO, "shared")
    assert (kept.home.parent / "new-copy" / "store.log").read_bytes() == (
        kept.home / "store.log"
    ).read_bytes()


def test_without_its_root_the_second_copy_is_not_enough(kept: KeeperProcess) -> None:
    kept.start()
    kept.stop()
    shutil.rmtree(kept.home)
    copy_of(kept).rename(kept.home)
    assert "put the saved one back" in kept.refusal()


def test_check_prints_the_health_and_says_what_to_mend(kept: KeeperProcess) -> None:
    kept.start()
    answer = command(kept, "check")
    assert json.loads(answer.stdout)["copy"]["state"] == "ok"
    assert answer.returncode == 1
    assert answer.stderr == "The second copy is on the same disk as the first.\n"
    kept.stop()
    gone = command(kept, "check")
    assert (gone.returncode, gone.stdout) == (2, "")
    assert gone.stderr.startswith(f"No keeper answers on {kept.socket}")


def test_rotate_makes_a_day_key_and_everything_still_opens(kept: KeeperProcess) -> None:
    kept.start()
    dek, wrapped = first_paper(kept)
    assert command(kept, "rotate").stdout == "day key 2 seals the store now\n"
    assert opened(kept, wrapped) == dek
    kept.stop()
    kept.start()
    assert opened(kept, wrapped) == dek


def test_journal_verify_finds_the_line_that_was_altered(kept: KeeperProcess) -> None:
    kept.start()
    _, wrapped = first_paper(kept)
    opened(kept, wrapped)
    kept.stop()
    whole = command(kept, "journal", "verify")
    assert (whole.returncode, whole.stdout) == (0, "the journal is whole: lines 1 to 4\n")
    (lines,) = (kept.home / "journal").iterdir()
    lines.write_bytes(lines.read_bytes().replace(b'"purpose":"drill"', b'"purpose":"drilI"'))
    altered = command(kept, "journal", "verify")
    assert altered.returncode == 1
    assert "After line 3" in altered.stderr


def test_the_ledger_kept_off_site_erases_again_what_an_old_store_brings_back(
    kept: KeeperProcess, folder: Path
) -> None:
    kept.start()
    first_paper(kept)
    kept.stop()
    shutil.copytree(kept.home, folder / "monday")
    kept.start()
    KeeperClient(kept.socket).erase(AMINA)
    kept.stop()
    assert command(kept, "ledger", "copy", str(folder / "off-site")).returncode == 0
    shutil.rmtree(kept.home)
    shutil.rmtree(copy_of(kept))
    shutil.copytree(folder / "monday", kept.home)
    merged = command(kept, "ledger", "merge", str(folder / "off-site"))
    assert merged.stdout == "1 entries taken\n", merged.stderr
    kept.start()
    with pytest.raises(SubjectErased):
        KeeperClient(kept.socket).seal_key(AMINA, "shared")


def test_a_new_root_even_in_another_keeping_opens_what_the_old_one_did(kept: KeeperProcess) -> None:
    kept.start()
    dek, wrapped = first_paper(kept)
    running = command(kept, "root", "rotate")
    assert (running.returncode, "already running" in running.stderr) == (2, True)
    kept.stop()
    old = (kept.home / "root.key").read_bytes()
    assert command(kept, "root", "rotate").returncode == 0
    assert (kept.home / "root.key").read_bytes() != old
    kept.start()
    assert opened(kept, wrapped) == dek
    kept.stop()
    moved = command(kept, "root", "rotate", "--to", "passphrases", "--split", "2/2", typed=PHRASES)
    assert moved.returncode == 0, moved.stderr
    assert not (kept.home / "root.key").exists()
    assert "root.key" in kept.refusal()
    back = command(kept, "root", "rotate", "--root", "passphrases", "--to", "file", typed=PHRASES)
    assert back.returncode == 0, back.stderr
    kept.start()
    assert opened(kept, wrapped) == dek


def test_an_unknown_command_is_said_with_the_list(kept: KeeperProcess) -> None:
    answer = command(kept, "dance")
    assert answer.returncode == 2
    assert "journal-verify" in answer.stderr
