"""A crash or a power cut between any two steps leaves a root that opens, and nothing of the one that went."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from havre.keeper import roots
from havre.keeper.places import CannotStart
from havre.keeper.roots import Provider, private
from havre.keeper.roots.kept import Clear, Kept
from havre.keeper.roots.passphrases import Cost, Passphrases, Split
from tests.keeper.power import Cut, Disk, restored

HOLDERS = ["le phare de la pointe", "une valise sous le pont"]


def ask(count: int, *, new: bool) -> list[str]:
    return HOLDERS[:count]


def clear() -> Kept:
    return Kept(Clear())


def shared() -> Kept:
    return Kept(Passphrases(ask, Split(1, 2), Cost(memory=8, passes=1, lanes=1)))


PROVIDERS = [pytest.param(clear, id="file"), pytest.param(shared, id="passphrases")]
MOVES = [
    pytest.param(clear, clear, id="file-to-file"),
    pytest.param(shared, shared, id="passphrases-to-passphrases"),
    pytest.param(clear, shared, id="file-to-passphrases"),
    pytest.param(shared, clear, id="passphrases-to-file"),
]


def after(
    cut: Cut, folder: Path, provider: Provider, opens: Callable[[bytes], bool], *, create: bool = False
) -> bytes:
    """The root of a keeper that starts where the power cut left it."""
    return roots.settled(provider, restored(cut, folder), opens, lambda _: None, create=create)


@pytest.mark.parametrize("new", PROVIDERS)
def test_a_first_root_is_there_whole_or_not_at_all(
    new: Callable[[], Kept], home: Path, tmp_path: Path
) -> None:
    disk = Disk(home)
    with disk.followed():
        root = new().create(home)
        disk.moment = "made"
    assert len(disk.cuts) > 5
    for number, cut in enumerate(disk.cuts):
        found = after(cut, tmp_path / str(number), new(), lambda _: True, create=True)
        assert len(found) == 32
        if cut.moment == "made":
            assert found == root


@pytest.mark.parametrize(("old", "new"), MOVES)
def test_a_rotation_is_finished_or_undone_wherever_the_power_went(
    old: Callable[[], Kept], new: Callable[[], Kept], home: Path, tmp_path: Path
) -> None:
    before = old().create(home)
    disk = Disk(home)

    def rewrap(_: bytes) -> None:
        disk.moment = "rewrapped"

    with disk.followed():
        root = roots.rotate(old(), new(), home, rewrap, lambda _: None)
        disk.moment = "done"
    assert {cut.moment for cut in disk.cuts} == {"before", "rewrapped", "done"}
    for number, cut in enumerate(disk.cuts):
        lives = before if cut.moment == "before" else root
        provider = old() if cut.moment == "before" else new()
        assert after(cut, tmp_path / str(number), provider, lives.__eq__) == lives, cut


@pytest.mark.parametrize("new", PROVIDERS)
def test_a_start_leaves_one_file_only(new: Callable[[], Kept], home: Path, tmp_path: Path) -> None:
    before = new().create(home)
    present = {path.name for path in home.iterdir()}
    disk = Disk(home)
    with disk.followed():
        root = roots.rotate(
            new(), new(), home, lambda _: setattr(disk, "moment", "rewrapped"), lambda _: None
        )
    litter = set()
    for number, cut in enumerate(disk.cuts):
        folder = tmp_path / str(number)
        after(cut, folder, new(), (before if cut.moment == "before" else root).__eq__)
        assert {path.name for path in folder.iterdir()} == present
        litter |= cut.files.keys() - present
    assert {name.rpartition(".")[2] for name in litter} == {"next", "old", "tmp"}


@pytest.mark.parametrize(("old", "new"), MOVES)
def test_the_old_root_is_overwritten_where_it_lay(
    old: Callable[[], Kept], new: Callable[[], Kept], home: Path
) -> None:
    old().create(home)
    (file,) = home.iterdir()
    with file.open("rb") as held:
        size = file.stat().st_size
        roots.rotate(old(), new(), home, lambda _: None, lambda _: None)
        assert held.read() == bytes(size)


def test_the_old_root_is_overwritten_at_the_next_start_after_a_crash(home: Path, tmp_path: Path) -> None:
    clear().create(home)
    root = clear().prepare_next(home)
    disk = Disk(home)
    with disk.followed():
        clear().promote(home)
    promoted = [cut for cut in disk.cuts if "root.key.old" in cut.files and cut.files["root.key"] == root]
    assert promoted
    for number, cut in enumerate(promoted):
        folder = restored(cut, tmp_path / str(number))
        with (folder / "root.key.old").open("rb") as held:
            assert roots.settled(clear(), folder, root.__eq__, pytest.fail) == root
            assert held.read() == bytes(32)


def test_bytes_that_have_another_name_are_never_overwritten(home: Path) -> None:
    """A crash just after the old root got its second name leaves the only root under both."""
    root = clear().create(home)
    (home / "root.key.old").hardlink_to(home / "root.key")
    (home / "root.key.77.tmp").hardlink_to(home / "root.key")
    assert roots.settled(clear(), home, root.__eq__, pytest.fail) == root
    assert clear().load(home) == root
    assert [path.name for path in home.iterdir()] == ["root.key"]


@pytest.mark.parametrize("new", PROVIDERS)
def test_a_pending_root_goes_whole_or_stays_whole(
    new: Callable[[], Kept], home: Path, tmp_path: Path
) -> None:
    root = new().create(home)
    new().prepare_next(home)
    disk = Disk(home)
    with disk.followed():
        new().drop_next(home)
    for number, cut in enumerate(disk.cuts):
        folder = restored(cut, tmp_path / str(number))
        assert roots.settled(new(), folder, root.__eq__, pytest.fail) == root
        assert len(list(folder.iterdir())) == 1


def test_what_was_promoted_or_forgotten_is_so_for_good(home: Path) -> None:
    root = clear().prepare_next(home)
    disk = Disk(home)
    with disk.followed():
        clear().promote(home)
        disk.moment = "promoted"
        disk.note()
        disk.moment = "being forgotten"
        clear().forget(home)
        disk.moment = "forgotten"
    last = {
        moment: [cut.files for cut in disk.cuts if cut.moment == moment]
        for moment in ("promoted", "forgotten")
    }
    assert last == {"promoted": [{"root.key": root}], "forgotten": [{}]}


def test_a_read_only_file_is_replaced_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run as a user whom no mode stops, so the system's refusal is played."""
    clear().create(home)
    (home / "root.key").chmod(0o400)
    real = os.open

    def refusing(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_WRONLY and Path(path).exists() and not Path(path).stat().st_mode & 0o200:
            raise PermissionError(13, "Permission denied")
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", refusing)
    root = roots.rotate(clear(), clear(), home, lambda _: None, pytest.fail)
    assert clear().load(home) == root


def test_a_disk_that_refuses_is_one_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(CannotStart, match=r"root\.key cannot be written: No space left on device\."):
        clear().create(home)
    monkeypatch.undo()
    assert len(clear().create(home)) == 32
    assert private.put(home / "long", bytes(private.MAX_BYTES + 1))
    with pytest.raises(CannotStart, match="is too long"):
        private.read(home / "long")
