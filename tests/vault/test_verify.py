"""`bin/havre vault verify`: every sealed file is read to its end, what is wrong is named, whatever interrupts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from havre.core import sealing, verification
from havre.core.ids import uuid7
from havre.core.keeper_client import KeeperAbsent, KeeperRefused
from havre.core.verification import AnotherRuns, Checked, Notes
from havre.organisations import actions as organisations
from havre.organisations.models import Role, Structure
from havre.outbox import actions as outbox
from havre.outbox.models import Message
from havre.people import actions as people
from havre.people.models import Person
from havre.vault import files
from havre.vault.management.commands import vault as command
from havre.vault.models import Document, Version
from tests import cast as stage
from tests.accounts.stagehands import keeper_absent
from tests.cast import Cast
from tests.vault import papers
from tests.vault.papers import flip, folder, version_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "HOME", tmp_path / "home")
    monkeypatch.setattr(verification, "WAIT_SECONDS", 0.01)


def notes_file() -> Path:
    return Path(settings.HOME) / "run" / "verify.jsonl"


class Verified:
    """What the command said, and how it ended."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *words: str) -> None:
        self.code, self.stopped = 0, ""
        capsys.readouterr()
        try:
            call_command("vault", "verify", *words)
        except SystemExit as end:
            self.code = int(str(end.code))
        except CommandError as end:
            self.code, self.stopped = end.returncode, str(end)
        self.said, self.error = capsys.readouterr()

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.said)
        return report


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str]) -> Callable[..., Verified]:
    return lambda *words: Verified(capsys, *words)


def send(structure: Structure) -> Message:
    """A message that has left: an invitation."""
    organisations.invite(structure, email="amina.diallo@exemple.test", role=Role.READER, by=None)
    assert outbox.send_due() == 1
    return Message.objects.get(subject=structure.pk)


@pytest.fixture
def whole(cast: Cast, bruno: Person) -> list[Document]:
    """Three papers of Bruno's, the second with two pages and a large original, and one message."""
    big = stage.photo() + os.urandom(60_000)
    three = [papers.draw(cast, bruno), cast.paper(bruno, big), papers.draw(cast, bruno)]
    send(cast.halte)
    return three


def test_a_house_without_fault_is_read_to_its_end(
    whole: list[Document], verify: Callable[..., Verified]
) -> None:
    verified = verify("--json")
    sealed = [*Path(settings.BLOBS).rglob("*"), *Path(settings.OUTBOX_FILES).rglob("*")]
    lying = [path for path in sealed if path.is_file()]
    assert verified.code == 0
    assert verified.error == "", "quiet when nobody looks"
    assert verified.report["checked"] == {"messages": 1, "papers": 3}
    assert verified.report["files"] == len(lying) == 8
    assert verified.report["bytes"] == sum(path.stat().st_size for path in lying)
    for nothing in ("faults", "unexpected", "strays", "swept"):
        assert verified.report[nothing] == []
    said = verify().said
    assert "1 messages, 3 papers verified: 8 files" in said
    assert said.endswith("Faults: 0.\n")


# --- what is wrong, named ---


def _chunk_2(document: Document) -> None:
    flip(folder(document) / "original", 56 + 2 * 16_400 + 100)


def _header(document: Document) -> None:
    flip(folder(document) / "original", 30)


def _missing(document: Document) -> None:
    (folder(document) / "original").unlink()


def _cut(document: Document) -> None:
    papers.cut(folder(document) / "original", 16_456)


def _unreadable(document: Document) -> None:
    (folder(document) / "original").unlink()
    (folder(document) / "original").mkdir()


def _key(document: Document) -> None:
    key = bytearray(version_of(document).wrapped_key)
    key[20] ^= 4
    Version.objects.filter(document=document).update(wrapped_key=bytes(key))


def _short_key(document: Document) -> None:
    Version.objects.filter(document=document).update(wrapped_key=b"short")


def _erased(document: Document) -> None:
    sealing.keeper().erase(document.person_id)


DAMAGE: dict[str, tuple[Callable[[Document], None], dict[str, Any], str]] = {
    "a chunk": (_chunk_2, {"file": "original", "reason": "altered", "chunk": 2}, "altered (chunk 2)"),
    "the header": (
        _header,
        {
            "file": "original",
            "reason": "altered",
            "detail": "The container was sealed under another key or context.",
        },
        "altered (The container was sealed under another key or context.)",
    ),
    "the end": (
        _cut,
        {
            "file": "original",
            "reason": "altered",
            "detail": "The container is cut: it has no final chunk.",
        },
        "it has no final chunk",
    ),
    "the file": (_missing, {"file": "original", "reason": "missing"}, "original: it is missing"),
    "the disk": (
        _unreadable,
        {"file": "original", "reason": "unreadable", "detail": "Is a directory"},
        "the disk does not give it (Is a directory)",
    ),
    "the key": (_key, {"file": None, "reason": "wrong_key"}, "its key opens nothing"),
    "half the key": (_short_key, {"file": None, "reason": "wrong_key"}, "its key opens nothing"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_fault_is_named_and_the_rest_is_read(
    whole: list[Document], damage: str, verify: Callable[..., Verified]
) -> None:
    spoil, reason, words = DAMAGE[damage]
    spoil(whole[1])
    verified = verify("--json")
    assert verified.code == 1
    assert verified.report["faults"] == [{"document": str(whole[1].pk), "version": 1} | reason]
    assert verified.report["checked"] == {"messages": 1, "papers": 3}
    said = verify()
    assert said.code == 1
    assert f"document {whole[1].pk}, version 1" in said.said
    assert words in said.said
    assert said.said.endswith("Faults: 1.\n")


def test_each_damaged_file_is_named(whole: list[Document], verify: Callable[..., Verified]) -> None:
    for name in ("page-1", "thumb-1"):
        flip(folder(whole[0]) / name, -1)
    (folder(whole[2]) / "page-1").unlink()
    found = [(one["document"], one["file"], one["reason"]) for one in verify("--json").report["faults"]]
    assert found == [
        (str(whole[0].pk), "page-1", "altered"),
        (str(whole[0].pk), "thumb-1", "altered"),
        (str(whole[2].pk), "page-1", "missing"),
    ]


def test_somebody_erased_whose_rows_stay_is_told(
    whole: list[Document], verify: Callable[..., Verified]
) -> None:
    _erased(whole[0])
    reasons = [one["reason"] for one in verify("--json").report["faults"]]
    assert reasons == ["subject_erased"] * 3
    assert "run erase_person again" in verify().said


def test_a_damaged_message_is_named(
    cast: Cast, whole: list[Document], verify: Callable[..., Verified]
) -> None:
    (message,) = Message.objects.all()
    flip(outbox.file_of(message), 70)
    stranger = send(cast.tilleuls)
    Message.objects.filter(pk=stranger.pk).update(subject=UUID(int=77))
    assert verify("--json").report["faults"] == [
        {"message": str(message.pk), "file": "letter", "reason": "altered", "chunk": 0},
        {"message": str(stranger.pk), "file": None, "reason": "subject_unknown"},
    ]


def test_papers_whose_rows_changed_places_are_named(
    whole: list[Document], verify: Callable[..., Verified]
) -> None:
    """The same person's, so the keeper opens both keys: it is the container that knows its document."""
    first, third = version_of(whole[0]), version_of(whole[2])
    Version.objects.filter(pk=first.pk).update(number=9)
    Version.objects.filter(pk=third.pk).update(document=whole[0])
    Version.objects.filter(pk=first.pk).update(document=whole[2], number=1)
    reasons = [(one["file"], one["reason"]) for one in verify("--json").report["faults"]]
    assert reasons == [(name, "altered") for name in ("original", "page-1", "thumb-1")] * 2


def test_a_file_that_should_not_be_there_is_told_and_is_no_fault(
    whole: list[Document], verify: Callable[..., Verified]
) -> None:
    for name in ("page-2", "notes.txt", ".page-1.0123456789abcdef.tmp"):
        (folder(whole[0]) / name).write_bytes(b"x")
    (folder(whole[1]) / "page-1").write_bytes(b"its pages are being made")
    verified = verify("--json")
    assert verified.code == 0
    assert verified.report["unexpected"] == [
        {"document": str(whole[0].pk), "version": 1, "file": name} for name in ("notes.txt", "page-2")
    ]
    assert f"document {whole[0].pk}, version 1, notes.txt: no row speaks of it" in verify().said


def test_nothing_clear_is_written(whole: list[Document], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Notes, "finish", lambda self: None)
    before = {path: path.read_bytes() for path in Path(settings.BLOBS).rglob("*") if path.is_file()}
    call_command("vault", "verify", "--json")
    assert {path: path.read_bytes() for path in Path(settings.BLOBS).rglob("*") if path.is_file()} == before
    assert [path for path in Path(settings.HOME).rglob("*") if path.is_file()] == [notes_file()]
    lines = [json.loads(line) for line in notes_file().read_text().splitlines()]
    assert [set(line) for line in lines] == [{"shelf", "id", "files", "size"}] * 4


# --- what changes meanwhile ---


def test_a_paper_erased_meanwhile_is_no_fault(
    whole: list[Document], verify: Callable[..., Verified], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = files.verify

    def gone(version: Version, name: str, dek: bytes) -> int:
        people.erase(version.document.person_id)
        return real(version, name, dek)

    monkeypatch.setattr(files, "verify", gone)
    verified = verify("--json")
    assert (verified.code, verified.report["faults"]) == (0, [])


def test_a_key_wrapped_again_meanwhile_is_no_fault(
    whole: list[Document], verify: Callable[..., Verified], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = bytes(version_of(whole[1]).wrapped_key)
    _key(whole[1])
    real = verification._key

    def late(kept: Any, waiting: Any) -> bytes:
        try:
            return real(kept, waiting)
        finally:
            if kept.facts.get("document") == str(whole[1].pk):
                Version.objects.filter(document=whole[1]).update(wrapped_key=right)

    monkeypatch.setattr(verification, "_key", late)
    verified = verify("--json")
    assert (verified.code, verified.report["checked"]["papers"]) == (0, 3)


# --- the keeper ---


class Moody:
    """The real keeper, which has something to say before some of its answers."""

    def __init__(self, *moods: Exception | None) -> None:
        self._real = sealing.keeper()
        self._moods = list(moods)
        self.asked: list[tuple[str, str]] = []

    def open_key(self, subject: UUID, part: str, wrapped: bytes, actor: Any, purpose: str) -> bytes:
        mood = self._moods.pop(0) if self._moods else None
        self.asked.append((actor.kind, purpose))
        if mood is not None:
            raise mood
        return self._real.open_key(subject, part, wrapped, actor, purpose)


ENOUGH = KeeperRefused("budget", "The budget of this class of actor is spent.")
BUSY = KeeperRefused("busy", "Too many connections.")
STANDBY = KeeperRefused("standby", "This keeper is a standby.")
ABSENT = KeeperAbsent("The keeper does not answer.")


def test_when_the_keeper_has_had_enough_it_waits_and_goes_on(
    whole: list[Document], verify: Callable[..., Verified], monkeypatch: pytest.MonkeyPatch
) -> None:
    moody = Moody(None, ENOUGH, ENOUGH, None, BUSY)
    monkeypatch.setattr(sealing, "keeper", lambda: moody)
    verified = verify("--json", "--progress")
    assert verified.code == 0
    assert verified.report["checked"] == {"messages": 1, "papers": 3}
    assert verified.error.count("The keeper has given enough keys for now (budget): waiting.") == 2
    assert verified.error.count("(busy): waiting.") == 1
    assert moody.asked == [("worker", "verify")] * 7


@pytest.mark.parametrize(
    ("mood", "words"), [(ABSENT, "The keeper does not answer."), (STANDBY, "The keeper refuses: This keeper")]
)
def test_when_the_keeper_cannot_it_stops_in_one_sentence_and_can_go_on(
    whole: list[Document],
    verify: Callable[..., Verified],
    monkeypatch: pytest.MonkeyPatch,
    mood: Exception,
    words: str,
) -> None:
    flip(folder(whole[0]) / "page-1", 100)
    moody = Moody(None, None, None, mood)
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "keeper", lambda: moody)
        stopped = verify("--json")
    assert stopped.code == 2
    assert stopped.stopped.startswith(words)
    assert stopped.stopped.endswith("To go on from here: bin/havre vault verify --resume")
    assert stopped.said == ""
    counting = Moody()
    monkeypatch.setattr(sealing, "keeper", lambda: counting)
    verified = verify("--resume", "--json")
    assert verified.code == 1, "what was found before counts"
    assert len(verified.report["faults"]) == 1
    assert verified.report["checked"] == {"messages": 1, "papers": 3}
    assert len(counting.asked) == 1, "only the last paper was left"


def test_without_a_keeper_nothing_is_said_of_papers(
    whole: list[Document], verify: Callable[..., Verified]
) -> None:
    with keeper_absent():
        verified = verify("--json")
    assert (verified.code, verified.said) == (2, "")


# --- interrupted ---


def test_a_run_that_is_not_resumed_begins_again(
    whole: list[Document], verify: Callable[..., Verified], monkeypatch: pytest.MonkeyPatch
) -> None:
    moody = Moody(None, None, ABSENT)
    monkeypatch.setattr(sealing, "keeper", lambda: moody)
    assert verify().code == 2
    for words, asked in ((("--json",), 4), (("--resume", "--json"), 4)):
        moody.asked.clear()
        assert verify(*words).report["checked"] == {"messages": 1, "papers": 3}
        assert len(moody.asked) == asked, "a run that ended leaves nothing to resume"
    assert notes_file().read_bytes() == b""


def test_what_was_found_before_is_said_again(
    whole: list[Document], verify: Callable[..., Verified], monkeypatch: pytest.MonkeyPatch
) -> None:
    _missing(whole[0])
    moody = Moody(None, None, ABSENT)
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "keeper", lambda: moody)
        verify()
    assert f"document {whole[0].pk}, version 1, original: it is missing" in verify("--resume").said


def test_two_runs_at_once_are_refused(whole: list[Document], verify: Callable[..., Verified]) -> None:
    held = Notes(notes_file(), resume=False)
    verified = verify()
    assert (verified.code, verified.stopped) == (2, "Another verification is under way.")
    held.close()
    assert verify().code == 0


SCRIPT = """
import sys
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
settings.BLOBS = sys.argv[2]
settings.OUTBOX_FILES = sys.argv[3]
settings.KEEPER = sys.argv[4]
from django.core.management import execute_from_command_line
execute_from_command_line(["havre", "vault", "verify", *sys.argv[5:]])
"""


def process(tmp_path: Path, *words: str) -> subprocess.Popen[str]:
    """The command in a process of its own, over this test's database, files and keeper."""
    places = (connection.settings_dict["NAME"], settings.BLOBS, settings.OUTBOX_FILES, settings.KEEPER)
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, places), *words],
        env=os.environ
        | {"DJANGO_SETTINGS_MODULE": "havre.config.settings", "HAVRE_HOME": str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_killed_run_goes_on_from_the_last_paper_finished(
    cast: Cast, bruno: Person, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """The third paper is a pipe that nobody fills: the run stands there, and dies there."""
    four = [cast.paper(bruno) for _ in range(4)]
    flip(folder(four[0]) / "original", 100)
    original = folder(four[2]) / "original"
    original.rename(original.with_name("aside"))
    os.mkfifo(original)
    run = process(tmp_path)
    _until(lambda: notes_file().exists() and notes_file().read_bytes().count(b"\n") == 2)
    run.send_signal(number)
    _said, error = run.communicate(timeout=30)
    assert run.returncode == code
    assert ("Interrupted. To go on from here" in error) is (number == signal.SIGINT)
    original.unlink()
    original.with_name("aside").rename(original)
    for done in four[:2]:
        (folder(done) / "original").unlink()
    resumed = process(tmp_path, "--resume", "--json")
    said, _error = resumed.communicate(timeout=30)
    assert resumed.returncode == 1
    report = json.loads(said)
    assert report["checked"] == {"papers": 4}
    assert [(one["document"], one["reason"]) for one in report["faults"]] == [(str(four[0].pk), "altered")]


def test_a_line_cut_by_a_kill_is_read_again(tmp_path: Path) -> None:
    path, ids = tmp_path / "notes", [uuid7() for _ in range(3)]
    notes = Notes(path, resume=False)
    for one in ids:
        notes.add(Checked("papers", one, files=2, size=10, faults=[{"file": "original"}]))
    notes.close()
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        notes = Notes(path, resume=True)
        done = whole[:cut].count(b"\n")
        assert notes.tally.rows.total() == len(notes.tally.faults) == done
        assert notes.tally.last == ({"papers": ids[done - 1]} if done else {})
        for one in ids[done:]:
            notes.add(Checked("papers", one, files=2, size=10, faults=[{"file": "original"}]))
        notes.close()
        assert path.read_bytes() == whole


def test_notes_have_one_writer(tmp_path: Path) -> None:
    notes = Notes(tmp_path / "notes", resume=False)
    with pytest.raises(AnotherRuns):
        Notes(tmp_path / "notes", resume=True)
    notes.close()
    assert (tmp_path / "notes").stat().st_mode & 0o077 == 0


# --- how far it is ---


def test_progress_is_a_line_a_second(
    whole: list[Document], verify: Callable[..., Verified], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds: Iterator[float] = iter([step * 0.4 for step in range(1000)])
    monkeypatch.setattr(command, "time", type("Clock", (), {"monotonic": lambda: next(seconds)}))
    lines = verify("--progress", "--json").error.splitlines()
    assert [line.partition(",")[0] for line in lines] == ["3 of 4 papers and messages"]
    assert all(" MB/s, about " in line and line.endswith("s left, faults: 0") for line in lines)


def test_without_progress_asked_nothing_is_said_on_the_way(
    whole: list[Document], verify: Callable[..., Verified], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds: Iterator[float] = iter([float(second * 10) for second in range(1000)])
    monkeypatch.setattr(command, "time", type("Clock", (), {"monotonic": lambda: next(seconds)}))
    assert verify("--json").error == ""
