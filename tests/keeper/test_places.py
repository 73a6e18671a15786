"""Places: a folder that one keeper holds, and a pair that never tells what only one of the two has."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from havre.keeper.places import CannotStart, Folder, Pair, private_folder
from tests.keeper.fates import Fate, away, name_of, small_files
from tests.keeper.houses import opened, pair, stored

NAMES = ("a", "b")


# --- a folder ---


def test_a_file_is_written_in_place_and_replaced_whole(home: Path) -> None:
    with closing(Folder(home)) as folder:
        assert folder.read("a") is None
        folder.write("a", 0, b"one two")
        folder.write("a", 4, b"TWO three")
        assert folder.read("a") == b"one TWO three"
        folder.write("a", 0, b"ONE")
        assert folder.read("a") == b"ONE TWO three"
        inode = (home / "a").stat().st_ino
        folder.replace("a", b"new")
        assert (home / "a").stat().st_ino != inode
        folder.write("a", 3, b"er")  # of the new file, and not of the one that went
        assert folder.read("a") == b"newer"
    assert [path.name for path in home.iterdir()] == ["a"]
    assert (home / "a").stat().st_mode & 0o777 == 0o600


def test_a_whole_file_and_its_name_are_on_the_disk_before_it_returns(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real = os.fsync

    def follow(file: int) -> None:
        steps.append(name_of(file).name)
        real(file)

    monkeypatch.setattr(os, "fsync", follow)
    with closing(Folder(home)) as folder:
        folder.replace("a", b"whole")
        assert steps == ["a.new", "home"]
        folder.write("b", 0, b"fresh")
        assert steps == ["a.new", "home", "home"]


def test_a_replacement_that_failed_leaves_the_old_file_and_nothing_else(home: Path) -> None:
    with closing(Folder(home)) as folder:
        folder.replace("a", b"old")
        with small_files(10), pytest.raises(OSError, match="File too large"):
            folder.replace("a", b"x" * 100)
        assert folder.read("a") == b"old"
        assert [path.name for path in home.iterdir()] == ["a"]


def test_half_a_file_left_by_a_crash_is_removed(home: Path) -> None:
    (home / "a.new").write_bytes(b"half")
    with closing(Folder(home)):
        assert list(home.iterdir()) == []


def test_two_keepers_never_share_a_folder(home: Path, copy: Path, tmp_path: Path) -> None:
    held = r"^A keeper already running holds .*\.$"
    with opened(home, copy):
        for own, second in (
            (home, tmp_path / "x"),
            (tmp_path / "y", copy),
            (copy, None),
            (tmp_path / "z", home),
        ):
            with pytest.raises(CannotStart, match=held), opened(own, second):
                pass
    with opened(home, copy):
        pass


def test_a_copy_in_the_same_folder_is_refused(home: Path) -> None:
    with pytest.raises(CannotStart, match="holds"):
        pair(home, home)
    with stored(home):
        pass


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o770])
def test_a_folder_that_others_may_enter_is_refused(home: Path, mode: int) -> None:
    home.chmod(mode)
    with pytest.raises(CannotStart, match=r"is open to other users: run chmod 700 on it\.$"):
        Folder(home)


def test_a_folder_is_made_private(tmp_path: Path) -> None:
    made = private_folder(tmp_path / "one" / "two")
    assert made.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_one_sentence(home: Path) -> None:
    (home / "file").write_bytes(b"")
    with pytest.raises(CannotStart, match=r"^The folder .*/file/sub cannot be created: Not a directory\.$"):
        Folder(home / "file" / "sub")


# --- a pair ---


def same(home: Path, copy: Path) -> bool:
    """Whether both places hold the same files."""
    return {path.name: path.read_bytes() for path in home.iterdir()} == {
        path.name: path.read_bytes() for path in copy.iterdir()
    }


ACTS: list[Callable[[Pair], None]] = [
    lambda files: files.write("a", 3, b"more"),
    lambda files: files.replace("a", b"whole"),
]


def caught_up(files: Pair) -> bool:
    """Write again all that our own folder has."""
    with files.catching_up():
        for name in NAMES:
            if (content := files.own.read(name)) is not None:
                files.replace(name, content)
    return files.confirmed


@pytest.mark.parametrize("act", ACTS)
def test_both_places_have_it_when_it_returns(home: Path, copy: Path, act: Callable[[Pair], None]) -> None:
    with closing(pair(home, copy)) as files:
        files.replace("a", b"one")
        act(files)
        assert same(home, copy)
        assert files.contents("a") == [(home / "a").read_bytes()] * 2
        assert files.contents("none") == [b"", b""]
        assert files.confirmed


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("part", [0, 0.5, 1])
def test_when_the_copy_fails_the_keeper_goes_on_alone_and_says_so(
    home: Path, copy: Path, act: Callable[[Pair], None], part: float
) -> None:
    fate = Fate(part=part, dies=False)
    with closing(pair(home, copy, around=fate.around)) as files:
        files.replace("a", b"one")
        fate.at = fate.steps + 2
        act(files)
        assert (files.behind, files.confirmed) == ("No space left on device", False)
        left = (copy / "a").read_bytes()
        for again in ACTS:  # though it answers again: it would hold some and not all
            again(files)
        assert (copy / "a").read_bytes() == left
        assert files.contents("a") == [(home / "a").read_bytes()]
        assert caught_up(files)
        assert (files.behind, files.confirmed) == (None, True)
        assert files.own.read("a") == files.copy.read("a")  # type: ignore[union-attr]
        act(files)
    (copy / "b").unlink(missing_ok=True)
    assert same(home, copy)


def test_a_copy_that_fails_again_stays_behind(home: Path, copy: Path) -> None:
    with closing(pair(home, copy)) as files:
        with away(files.copy):
            files.replace("a", b"one")
            files.replace("a", b"two")
            assert not caught_up(files)
            assert files.behind == "Input/output error"
        assert (copy / "a").exists() is False
        assert caught_up(files)
        assert (copy / "a").read_bytes() == b"two"


def test_a_copy_that_cannot_be_read_is_behind(home: Path, copy: Path) -> None:
    with closing(pair(home, copy)) as files, away(files.copy):
        assert files.contents("a") == [b""]
        assert files.behind


@pytest.mark.parametrize("act", ACTS)
def test_a_strict_keeper_writes_nothing_while_its_copy_cannot(
    home: Path, copy: Path, act: Callable[[Pair], None]
) -> None:
    with closing(pair(home, copy, strict=True)) as files:
        files.replace("a", b"one")
        with away(files.copy):
            with pytest.raises(OSError, match="Input/output error"):
                act(files)
            alone = (home / "a").read_bytes()
            for again in ACTS:
                with pytest.raises(OSError, match="second copy is behind"):
                    again(files)
            assert (home / "a").read_bytes() == alone
        assert caught_up(files)
        act(files)
    assert same(home, copy)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("strict", [True, False])
def test_what_our_own_folder_refused_is_not_in_the_copy(
    home: Path, copy: Path, act: Callable[[Pair], None], strict: bool
) -> None:
    fate = Fate(dies=False)
    with closing(pair(home, copy, around=fate.around, strict=strict)) as files:
        files.replace("a", b"one")
        fate.at = fate.steps + 1
        with pytest.raises(OSError, match="No space"):
            act(files)
        assert files.confirmed
    assert same(home, copy)
    assert (copy / "a").read_bytes() == b"one"


def test_without_a_copy_all_is_confirmed(home: Path) -> None:
    with closing(pair(home)) as files:
        files.replace("a", b"one")
        assert files.confirmed
        assert caught_up(files)
        assert files.contents("a") == [b"one"]
