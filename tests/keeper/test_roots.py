"""Who keeps the root: one contract, a file or a credential, and the moves from one to the other."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from havre.keeper import roots
from havre.keeper.places import CannotStart
from havre.keeper.roots.credential import Credential
from havre.keeper.roots.kept import Clear, Kept
from havre.keeper.roots.passphrases import Cost, Passphrases, Split

ROOT, OTHER = bytes(range(32)), bytes(range(32, 64))


def ask(count: int, *, new: bool) -> list[str]:
    return ["le phare de la pointe", "une valise sous le pont"][:count]


def never(_: bytes) -> None:
    pytest.fail("The day keys were wrapped anew.")


@pytest.fixture
def file() -> Kept:
    return Kept(Clear())


@pytest.fixture
def shares() -> Kept:
    return Kept(Passphrases(ask, Split(2, 2), Cost(memory=8, passes=1, lanes=1)))


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "havre-root").write_bytes(ROOT)
    return folder


@pytest.fixture
def credential(credentials: Path) -> Credential:
    return Credential({"CREDENTIALS_DIRECTORY": os.fspath(credentials)})


# --- the choice ---


@pytest.mark.parametrize(
    "text", ["file", "credential", "passphrases", "transit", "transit:havre", "transit:a/b/c"]
)
def test_each_word_is_its_provider(text: str) -> None:
    assert roots.provider(text).name == text.partition(":")[0]


@pytest.mark.parametrize(
    "text", ["", "File", "vault", "file:", "file:x", "passphrases:3/5", "transit:", "root.key"]
)
def test_an_unknown_word_is_refused_with_the_list(text: str) -> None:
    with pytest.raises(CannotStart, match="file, credential, passphrases or transit") as refused:
        roots.provider(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(
    "text", ["transit:../sys", "transit:a b", "transit:/key", "transit:mount/", "transit:a?b"]
)
def test_a_transit_key_is_a_plain_name(text: str) -> None:
    with pytest.raises(CannotStart, match="KEY is expected"):
        roots.provider(text)


def test_a_split_is_for_passphrases_alone() -> None:
    with pytest.raises(CannotStart, match="passphrases alone"):
        roots.provider("file", split="3/5")


def test_the_root_in_a_file_needs_no_network_and_no_passphrase_code() -> None:
    code = "import sys; from havre.keeper import roots; roots.provider('file'); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "havre.keeper.roots.kept" in loaded
    assert not {"ssl", "http.client", "argon2", "django"} & set(loaded)


# --- a file ---


def test_a_root_in_a_file_is_private_random_and_made_once(file: Kept, home: Path, tmp_path: Path) -> None:
    root = file.create(home)
    assert (home / "root.key").read_bytes() == root == file.load(home) == file.create(home)
    assert (home / "root.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.iterdir()] == ["root.key"]
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    assert len(root) == len(file.create(other)) == roots.ROOT_BYTES
    assert file.load(other) != root


def test_a_root_that_another_keeper_made_at_the_same_instant_is_taken(
    file: Kept, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def late(source: Path, target: Path, **options: bool) -> None:
        if not (home / "root.key").exists():
            (home / "root.key").write_bytes(ROOT)
            (home / "root.key").chmod(0o600)
        link(source, target, **options)

    monkeypatch.setattr(os, "link", late)
    assert file.create(home) == ROOT


def test_an_absent_root_says_how_to_make_one(file: Kept, home: Path) -> None:
    with pytest.raises(
        CannotStart,
        match=r"no root key at .*root\.key: put the saved one back, or start once without --no-create",
    ):
        file.load(home)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_root_that_others_read_is_refused(file: Kept, home: Path, mode: int) -> None:
    file.create(home)
    (home / "root.key").chmod(mode)
    with pytest.raises(CannotStart, match="readable by other users: run chmod 600"):
        file.load(home)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_root_of_a_wrong_length_is_refused(file: Kept, home: Path, size: int) -> None:
    (home / "root.key").write_bytes(bytes(size))
    (home / "root.key").chmod(0o600)
    with pytest.raises(CannotStart, match="not 32 bytes"):
        file.load(home)


def test_a_root_that_cannot_be_read_says_why(file: Kept, home: Path) -> None:
    (home / "root.key").mkdir()
    with pytest.raises(CannotStart, match="cannot be read: Is a directory"):
        file.load(home)


@pytest.mark.parametrize("left", ["store.log", "days.keys"])
def test_a_store_that_lost_its_root_gets_no_other(file: Kept, shares: Kept, home: Path, left: str) -> None:
    (home / left).write_bytes(b"x")
    for provider, name in [(file, r"root\.key"), (shares, r"root\.shares")]:
        with pytest.raises(
            CannotStart, match=f"has lost its {name}: put the saved one back before starting\\."
        ):
            provider.create(home)
        with pytest.raises(CannotStart, match=f"has lost its {name}"):
            provider.load(home)
    assert [path.name for path in home.iterdir()] == [left]


def test_a_root_in_a_file_is_not_sealed_again(file: Kept, home: Path) -> None:
    file.create(home)
    with pytest.raises(CannotStart, match="rotate"):
        file.reseal(home)


# --- a credential ---


@pytest.mark.parametrize("content", [ROOT, ROOT.hex().encode(), ROOT.hex().upper().encode() + b"\n"])
def test_a_credential_is_32_bytes_or_64_digits(
    credentials: Path, credential: Credential, home: Path, content: bytes
) -> None:
    (credentials / "havre-root").write_bytes(content)
    (credentials / "havre-root").chmod(0o440)
    assert credential.load(home) == credential.create(home) == ROOT
    assert not list(home.iterdir())


@pytest.mark.parametrize(
    "content", [b"", ROOT[:31], ROOT + b"\0", b"0" * 63, b"g" * 64, b"0123456789abcdef" * 2]
)
def test_another_credential_is_refused_and_not_shown(
    credentials: Path, credential: Credential, home: Path, content: bytes
) -> None:
    (credentials / "havre-root").write_bytes(content)
    with pytest.raises(CannotStart, match="neither 32 bytes nor 64 hex digits") as refused:
        credential.load(home)
    assert "0123" not in str(refused.value)


def test_an_absent_credential_says_which_command_makes_one(
    credentials: Path, credential: Credential, home: Path
) -> None:
    (credentials / "havre-root").unlink()
    for refused in (credential.load, credential.create):
        with pytest.raises(
            CannotStart, match=r"systemd-creds encrypt --name=havre-root .*LoadCredentialEncrypted"
        ):
            refused(home)
    with pytest.raises(CannotStart, match="needs a systemd service"):
        Credential({}).load(home)


def test_a_credential_is_rotated_by_a_second_one(
    credentials: Path, credential: Credential, home: Path
) -> None:
    with pytest.raises(CannotStart, match="systemd-creds encrypt --name=havre-root-next"):
        roots.rotate(credential, credential, home, never, pytest.fail)
    (credentials / "havre-root-next").write_bytes(OTHER.hex().encode())
    wrapped, said = list[bytes](), list[str]()
    assert roots.rotate(credential, credential, home, wrapped.append, said.append) == OTHER
    assert wrapped == [OTHER]
    assert "again under the name havre-root" in said[0]
    assert roots.settled(credential, home, OTHER.__eq__, said.append) == OTHER
    assert said[1] == said[0]
    (credentials / "havre-root-next").rename(credentials / "havre-root")
    assert roots.settled(credential, home, OTHER.__eq__, pytest.fail) == OTHER


def test_the_same_credential_twice_is_no_rotation(
    credentials: Path, credential: Credential, home: Path
) -> None:
    (credentials / "havre-root-next").write_bytes(ROOT.hex().encode())
    with pytest.raises(CannotStart, match="is the same"):
        credential.prepare_next(home)


def test_a_credential_is_not_sealed_by_the_keeper(credential: Credential, home: Path) -> None:
    with pytest.raises(CannotStart, match="systemd-creds"):
        credential.reseal(home)


# --- the start ---


def test_a_new_house_gets_a_root_only_when_asked(file: Kept, home: Path) -> None:
    with pytest.raises(CannotStart, match="no root key"):
        roots.settled(file, home, lambda _: True, pytest.fail)
    root = roots.settled(file, home, lambda _: True, pytest.fail, create=True)
    assert roots.settled(file, home, root.__eq__, pytest.fail, create=True) == root


def test_a_root_that_opens_nothing_is_refused_and_kept(file: Kept, home: Path) -> None:
    root = file.create(home)
    with pytest.raises(
        CannotStart, match=r"--root file does not open the day keys .*put the right one back\."
    ):
        roots.settled(file, home, lambda _: False, pytest.fail)
    assert file.load(home) == root


def test_a_rotation_that_did_not_reach_the_day_keys_is_undone(file: Kept, home: Path) -> None:
    root = file.create(home)
    pending = file.prepare_next(home)
    assert file.load_next(home) == pending != root == file.load(home)
    assert (home / "root.key.next").stat().st_mode & 0o777 == 0o600
    assert roots.settled(file, home, root.__eq__, pytest.fail) == root
    assert file.load_next(home) is None


def test_a_rotation_that_reached_the_day_keys_is_finished(file: Kept, home: Path) -> None:
    file.create(home)
    pending = file.prepare_next(home)
    assert roots.settled(file, home, pending.__eq__, pytest.fail) == file.load(home) == pending
    assert file.load_next(home) is None


def test_the_pending_root_wins_when_both_open(file: Kept, home: Path) -> None:
    """A second copy that stayed behind may still open with the old root."""
    file.create(home)
    pending = file.prepare_next(home)
    assert roots.settled(file, home, lambda _: True, pytest.fail) == file.load(home) == pending


def test_a_pending_root_is_never_replaced_by_another(file: Kept, home: Path) -> None:
    file.create(home)
    pending = file.prepare_next(home)
    with pytest.raises(CannotStart, match="left from a rotation that was cut: start the keeper once"):
        file.prepare_next(home)
    assert file.load_next(home) == pending


def test_a_pending_root_that_cannot_be_read_is_told_and_kept(file: Kept, home: Path) -> None:
    root, said = file.create(home), list[str]()
    file.prepare_next(home)
    (home / "root.key.next").chmod(0o644)
    assert roots.settled(file, home, root.__eq__, said.append) == root
    assert "root.key.next is readable by other users" in said[0]
    assert (home / "root.key.next").exists()
    with pytest.raises(CannotStart, match=r"root\.key\.next is readable by other users"):
        roots.settled(file, home, lambda _: False, pytest.fail)


# --- from one provider to another ---


def test_a_root_passes_from_a_file_to_passphrases_and_back(file: Kept, shares: Kept, home: Path) -> None:
    first = file.create(home)
    second = roots.rotate(file, shares, home, lambda _: None, pytest.fail)
    assert [path.name for path in home.iterdir()] == ["root.shares"]
    assert roots.settled(shares, home, second.__eq__, pytest.fail) == second
    third = roots.rotate(shares, file, home, lambda _: None, pytest.fail)
    assert [path.name for path in home.iterdir()] == ["root.key"]
    assert len({first, second, third}) == 3


def test_a_root_that_goes_to_a_credential_or_leaves_it_says_what_to_do(
    file: Kept, credential: Credential, credentials: Path, home: Path
) -> None:
    (credentials / "havre-root-next").write_bytes(OTHER)
    file.create(home)
    said = list[str]()
    assert roots.rotate(file, credential, home, lambda _: None, said.append) == OTHER
    assert not list(home.iterdir())
    root = roots.rotate(credential, file, home, lambda _: None, said.append)
    assert file.load(home) == root
    assert ["again under the name" in said[0], "take it away from the service" in said[1]] == [True, True]


def test_a_move_cut_before_its_end_names_the_other_provider(file: Kept, shares: Kept, home: Path) -> None:
    first, said = file.create(home), list[str]()
    (home / "days.keys").write_bytes(b"x")

    def cut(_: bytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        roots.rotate(file, shares, home, cut, pytest.fail)
    pending = shares.load_next(home)
    assert pending
    with pytest.raises(CannotStart, match=r"start with --root passphrases, whose file is there\."):
        roots.settled(file, home, pending.__eq__, pytest.fail)
    with pytest.raises(CannotStart, match="start with --root file"):
        roots.settled(shares, home, first.__eq__, pytest.fail, create=True)
    assert roots.settled(shares, home, pending.__eq__, said.append) == pending
    assert [line.partition(" is not the root in use")[0] for line in said] == [str(home / "root.key")]


def test_a_move_that_was_undone_can_be_asked_again(file: Kept, shares: Kept, home: Path) -> None:
    first, said = file.create(home), list[str]()
    shares.prepare_next(home)
    assert roots.settled(file, home, first.__eq__, said.append) == first
    assert "root.shares.next" in said[0]
    second = roots.rotate(file, shares, home, lambda _: None, pytest.fail)
    assert roots.settled(shares, home, second.__eq__, pytest.fail) == second


@pytest.mark.parametrize(
    "fault", [lambda home: (home / "root.key").chmod(0o644), lambda home: (home / "root.key").unlink()]
)
def test_no_sentence_holds_the_root(file: Kept, home: Path, fault: Callable[[Path], None]) -> None:
    root = file.create(home)
    (home / "store.log").touch()
    fault(home)
    with pytest.raises(CannotStart) as refused:
        file.create(home)
    for form in (root.hex(), repr(root)[2:12]):
        assert form not in str(refused.value) + repr(refused.value) + repr(file)
