"""The root behind k of n passphrases: any k holders open it, fewer do not, and an altered file opens nothing."""

import base64
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import argon2
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from havre.keeper import roots
from havre.keeper.places import CannotStart
from havre.keeper.roots import asking
from havre.keeper.roots.kept import Kept
from havre.keeper.roots.passphrases import COST, MAX_SHARES, Cost, Passphrases, Split, parsed_split
from tests.keeper import gf256_second as second

HOLDERS = [
    "le phare de la pointe",
    "une valise sous le pont",
    "trois oranges en hiver",
    "la clé dans la boîte",
    "un chien nommé Samedi",
]
CHEAP = Cost(memory=8, passes=1, lanes=1)
ROOT = Path(__file__).parents[2]


class Table:
    """The holders who are there: gives the first passphrases of `there`, and counts what was asked."""

    def __init__(self, there: list[str] = HOLDERS, new: list[str] = HOLDERS) -> None:
        self.there, self.new = there, new
        self.asked: list[tuple[int, bool]] = []

    def __call__(self, count: int, *, new: bool) -> list[str]:
        self.asked.append((count, new))
        return (self.new if new else self.there)[:count]


def kept(table: Table, split: Split | None = None) -> Kept:
    return Kept(Passphrases(table, split, CHEAP))


def made(home: Path, split: Split = Split(2, 3)) -> bytes:  # noqa: B008
    return kept(Table(), split).create(home)


def saved(home: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((home / "root.shares").read_bytes())
    return content


def save(home: Path, content: object) -> None:
    (home / "root.shares").write_text(json.dumps(content))


def refusal(home: Path, there: list[str]) -> str:
    with pytest.raises(CannotStart) as refused:
        kept(Table(there)).load(home)
    sentence = str(refused.value)
    assert not [word for word in there if word in sentence]
    return sentence


# --- k of n ---


@pytest.mark.parametrize("split", [Split(1, 1), Split(1, 3), Split(2, 3), Split(3, 5), Split(4, 4)])
def test_any_k_holders_open_the_root_in_any_order(home: Path, split: Split) -> None:
    root = made(home, split)
    for there in combinations(HOLDERS[: split.n], split.k):
        table = Table(list(there[::-1]))
        assert kept(table).load(home) == root
        assert table.asked == [(split.k, False)]


@pytest.mark.parametrize("split", [Split(2, 2), Split(3, 5)])
def test_one_holder_too_few_opens_nothing(home: Path, split: Split) -> None:
    made(home, split)
    for there in combinations(HOLDERS[: split.n], split.k - 1):
        assert f"passphrase number {split.k} of {split.k}" in refusal(home, [*there, "une autre phrase ici"])
        assert f"passphrase number {split.k} of {split.k}" in refusal(home, [*there, there[0]])


def test_the_wrong_passphrases_are_numbered(home: Path) -> None:
    made(home, Split(3, 5))
    said = refusal(home, ["rien de tout cela", HOLDERS[4], "ni ceci non plus"])
    assert said.startswith("root.shares is not opened by the passphrase number 1, 3 of 3: it is wrong")


def test_a_passphrase_reads_the_same_however_it_is_typed(home: Path) -> None:
    """The é in two characters, and the spaces of a careless hand."""
    root = made(home, Split(1, 4))
    typed = "  la cle\N{COMBINING ACUTE ACCENT}  dans la boi\N{COMBINING CIRCUMFLEX ACCENT}te "
    assert typed.split() != HOLDERS[3].split()
    assert kept(Table([typed])).load(home) == root


def test_a_caller_who_gives_too_few_is_told(home: Path) -> None:
    made(home)
    assert refusal(home, HOLDERS[:1]) == "2 passphrases are awaited; 1 came."


# --- what is kept ---


def test_the_file_holds_no_root_no_share_and_no_passphrase(home: Path) -> None:
    root = made(home)
    content = (home / "root.shares").read_text()
    assert (home / "root.shares").stat().st_mode & 0o777 == 0o600
    for secret in (root.hex(), root[:8].hex(), *HOLDERS):
        assert secret not in content


def test_the_file_is_read_by_a_second_program(home: Path) -> None:
    """From the words of the module alone: Argon2id by another entry of its library, and the second sharing."""
    root = made(home, Split(2, 3))
    content = saved(home)
    head = {name: content[name] for name in ("argon2id", "check", "k", "n", "set", "version")}
    shares = {}
    for number in (1, 3):
        one = content["shares"][number - 1]
        raw = argon2.low_level.hash_secret(
            HOLDERS[number - 1].encode(), bytes.fromhex(one["salt"]), 1, 8, 1, 32, argon2.Type.ID
        )
        text = raw.decode().rpartition("$")[2]
        key = base64.b64decode(text + "=" * (-len(text) % 4))
        context = json.dumps([head, number], sort_keys=True).encode()
        shares[number] = AESGCM(key).decrypt(bytes(12), bytes.fromhex(one["sealed"]), context)
    assert second.coefficients(shares)[0] == root


def test_a_guess_costs_what_owasp_asks_and_more(home: Path) -> None:
    """OWASP, "Password Storage": at least 19 MiB, 2 passes, 1 lane; RFC 9106, §4: 64 MiB, 3 passes, 4 lanes."""
    root = Kept(Passphrases(Table(), Split(1, 1))).create(home)
    assert saved(home)["argon2id"] == COST._asdict() == {"memory": 65536, "passes": 3, "lanes": 4}
    assert Kept(Passphrases(Table())).load(home) == root


def test_a_machine_too_small_for_a_guess_is_told() -> None:
    code = """if True:
        import resource
        from havre.keeper.places import CannotStart
        from havre.keeper.roots.passphrases import Cost, Passphrases, Split
        resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
        try:
            holder = Passphrases(lambda count, new: ["le phare de la pointe"], Split(1, 1), Cost(1 << 20, 1, 1))
            holder.seal(bytes(32), None)
        except CannotStart as refused:
            print(refused)
    """
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout == "A passphrase takes 1024 MiB of memory, which are not free.\n"


def test_two_files_share_no_salt_and_no_set(home: Path) -> None:
    made(home)
    first = saved(home)
    (home / "root.shares").unlink()
    made(home)
    salts = [share["salt"] for content in (first, saved(home)) for share in content["shares"]]
    assert len(set(salts)) == 6
    assert first["set"] != saved(home)["set"]


# --- an altered file ---


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(k=1),
        lambda content: content.update(n=4),
        lambda content: content["shares"].append(content["shares"][0]),
        lambda content: content["shares"].pop(),
        lambda content: content["shares"].reverse(),
        lambda content: content["argon2id"].update(memory=16),
        lambda content: content.update(check="00" * 16),
        lambda content: content.update(set="00" * 16),
        lambda content: content["shares"][0].update(sealed="00" * 48),
        lambda content: content["shares"][0].update(salt="00" * 16),
        lambda content: content["shares"][0].update(salt=""),
        lambda content: content["shares"][0].update(sealed="00" * 47),
        lambda content: content.update(version=2),
        lambda content: content.update(k="2"),
        lambda content: content.update(k=0),
        lambda content: content.pop("check"),
        lambda content: content.update(shares=7),
        lambda content: content.update(more="x"),
    ],
)
def test_an_altered_file_is_one_sentence(home: Path, change: Callable[[dict[str, Any]], None]) -> None:
    made(home, Split(2, 3))
    content = saved(home)
    change(content)
    save(home, content)
    said = refusal(home, [HOLDERS[0], HOLDERS[2]])
    assert "damaged: put the saved one back" in said or "the file was altered" in said


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 60_000])
def test_what_is_no_such_file_is_one_sentence(home: Path, content: bytes) -> None:
    (home / "root.shares").write_bytes(content)
    (home / "root.shares").chmod(0o600)
    assert "root.shares is damaged: put the saved one back." in refusal(home, HOLDERS)


@pytest.mark.parametrize(
    "cost", [{"memory": 1 << 21}, {"passes": 1000}, {"lanes": 64}, {"memory": 64.5}, {"more": 1}]
)
def test_an_altered_file_cannot_take_the_machine(home: Path, cost: dict[str, Any]) -> None:
    made(home)
    content = saved(home)
    content["argon2id"].update(cost)
    save(home, content)
    table = Table()
    with pytest.raises(CannotStart, match="damaged"):
        kept(table).load(home)
    assert not table.asked


def test_good_shares_of_another_root_are_refused(home: Path) -> None:
    """Whoever has two passphrases could seal two shares of a root of their own under the same head."""
    made(home, Split(2, 3))
    content = saved(home)
    head = {name: value for name, value in content.items() if name != "shares"}
    forged = second.shares([bytes(32), bytes(range(32))], 3)
    for number, one in enumerate(content["shares"], 1):
        key = argon2.low_level.hash_secret_raw(
            HOLDERS[number - 1].encode(), bytes.fromhex(one["salt"]), 1, 8, 1, 32, argon2.Type.ID
        )
        context = json.dumps([head, number], sort_keys=True).encode()
        one["sealed"] = AESGCM(key).encrypt(bytes(12), forged[number], context).hex()
    save(home, content)
    assert "root.shares is damaged" in refusal(home, HOLDERS)


# --- making, changing ---


@pytest.mark.parametrize("weak", ["", "court", "onze lettre", "  a  b  c  d  ", "x" * 11])
def test_a_weak_passphrase_is_refused_with_the_rule(home: Path, weak: str) -> None:
    with pytest.raises(CannotStart, match=r"number 2 is refused: .* at least 12 characters; four words"):
        kept(Table(new=[HOLDERS[0], weak]), Split(1, 2)).create(home)
    assert not list(home.iterdir())


def test_two_holders_never_have_the_same_passphrase(home: Path) -> None:
    with pytest.raises(CannotStart, match="are the same"):
        kept(Table(new=[HOLDERS[0], f" {HOLDERS[0]} "]), Split(1, 2)).create(home)
    assert not list(home.iterdir())


def test_a_first_root_needs_to_know_its_split(home: Path) -> None:
    with pytest.raises(CannotStart, match="--split 3/5"):
        kept(Table()).create(home)


def test_a_split_is_read_as_k_of_n() -> None:
    assert parsed_split("3/5") == Split(3, 5)
    assert parsed_split(f"1/{MAX_SHARES}") == Split(1, MAX_SHARES)


@pytest.mark.parametrize("text", ["", "3", "5/3", "0/3", "3/11", "3/5/7", "a/b", "-1/3", "3 of 5"])
def test_another_split_is_refused(text: str) -> None:
    with pytest.raises(CannotStart, match=r"--split is K/N, with 1 <= K <= N <= 10") as refused:
        parsed_split(text)
    assert repr(text) in str(refused.value)


def test_new_passphrases_keep_the_root_and_end_the_old_ones(home: Path) -> None:
    """A holder leaves: two of the three give theirs, and the house is now shared among four."""
    root = made(home, Split(2, 3))
    newcomers = [word[::-1] for word in HOLDERS]
    with (home / "root.shares").open("rb") as held:
        kept(Table(new=newcomers), Split(3, 4)).reseal(home)
        assert not any(held.read())
    assert kept(Table(newcomers[1:])).load(home) == root
    assert "number 1, 2, 3 of 3" in refusal(home, HOLDERS)
    assert [path.name for path in home.iterdir()] == ["root.shares"]


def test_new_passphrases_keep_the_split_unless_told(home: Path) -> None:
    made(home, Split(2, 3))
    table = Table(new=[word[::-1] for word in HOLDERS])
    kept(table).reseal(home)
    assert table.asked == [(2, False), (3, True)]
    assert (saved(home)["k"], saved(home)["n"]) == (2, 3)


def test_a_rotation_asks_the_holders_once_and_all_for_the_new_root(home: Path) -> None:
    """As the command does: the new root's keeping knows the split from the file alone."""
    made(home, Split(2, 3))
    table = Table()
    roots.settled(kept(table), home, lambda _: True, pytest.fail)
    root = roots.rotate(kept(table), kept(table), home, lambda _: None, pytest.fail)
    assert table.asked == [(2, False), (3, True)]
    assert (saved(home)["k"], saved(home)["n"]) == (2, 3)
    assert kept(Table()).load(home) == root


def test_a_rotation_cut_is_ended_with_the_new_passphrases(home: Path) -> None:
    made(home, Split(2, 3))
    newcomers = [word[::-1] for word in HOLDERS]
    pending = kept(Table(new=newcomers), Split(2, 3)).prepare_next(home)
    with pytest.raises(CannotStart, match=r"root\.shares\.next is not opened"):
        roots.settled(kept(Table()), home, pending.__eq__, pytest.fail)
    table = Table(newcomers)
    assert roots.settled(kept(table), home, pending.__eq__, pytest.fail) == pending
    assert table.asked == [(2, False)]


def test_passphrases_are_asked_once_for_the_two_files(home: Path) -> None:
    root = made(home, Split(2, 3))
    kept(Table(), Split(2, 3)).prepare_next(home)
    table = Table()
    assert roots.settled(kept(table), home, root.__eq__, pytest.fail) == root
    assert table.asked == [(2, False)]


# --- asking ---


@pytest.mark.parametrize("new", [False, True])
def test_without_a_terminal_they_are_read_one_a_line(monkeypatch: pytest.MonkeyPatch, new: bool) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("un deux trois \r\nquatre cinq\nsix\n"))
    assert asking.ask_operator(2, new=new) == ["un deux trois ", "quatre cinq"]
    assert asking.ask_operator(1, new=new) == ["six"]
    with pytest.raises(
        CannotStart, match="2 passphrases are awaited on the standard input, one a line; 0 came"
    ):
        asking.ask_operator(2, new=new)


TYPIST = "from havre.keeper.roots.asking import ask_operator; print(ask_operator({count}, new={new}))"


def typed(count: int, lines: list[str], *, new: bool) -> tuple[str, str]:
    """What a terminal showed, and what was answered, when these lines were typed in it."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TYPIST.format(count=count, new=new)],
        cwd=ROOT,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
    )
    os.close(theirs)
    shown = ""
    for line in lines:
        while not shown.endswith(": "):
            shown += os.read(ours, 1000).decode()
        os.write(ours, line.encode() + b"\n")
        shown += "|"
    answer, _ = process.communicate(timeout=10)
    os.close(ours)
    return shown.replace("\r\n", "\n"), answer.strip()


def test_on_a_terminal_they_are_typed_unseen() -> None:
    shown, answer = typed(2, HOLDERS[:2], new=False)
    assert answer == repr(HOLDERS[:2])
    assert shown == "Passphrase 1 of 2: |\nPassphrase 2 of 2: |"


def test_on_a_terminal_a_new_one_is_typed_twice_and_weak_ones_are_asked_again() -> None:
    shown, answer = typed(1, ["court", HOLDERS[0], HOLDERS[1], HOLDERS[0], HOLDERS[0]], new=True)
    assert answer == repr(HOLDERS[:1])
    assert "at least 12 characters" in shown
    assert "The two differ: once more." in shown
    assert shown.count("New passphrase 1 of 1: ") == 3
    assert not [word for word in (*HOLDERS, "court") if word in shown]
