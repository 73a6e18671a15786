"""The journal: each line follows from the one before, is on the disk when it must, and nothing alters it unseen."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from havre.keeper import journal
from havre.keeper.journal import START, Broken, Journal, verify
from tests.keeper.clocks import DAY, Clocks
from tests.keeper.fates import name_of, small_files
from tests.keeper.houses import AMINA, Asking, clone, flip


def lines(home: Path) -> list[bytes]:
    """Every line, in order, without its end."""
    return b"".join(path.read_bytes() for path in segments(home)).splitlines()


def facts(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line.partition(b"\t")[0]) for line in lines(home)]


def segments(home: Path) -> list[Path]:
    return sorted((home / "journal").iterdir())


def only_file(home: Path) -> Path:
    (path,) = segments(home)
    return path


def written(home: Path, count: int = 8) -> None:
    with closing(Journal(home)) as kept:
        for number in range(count):
            kept.write("open_key", {"subject": AMINA.hex(), "count": number})


def whole(home: Path) -> bool:
    try:
        verify(home)
    except Broken:
        return False
    return True


# --- the chain ---


def test_a_line_is_json_a_tab_and_the_digest_of_the_one_before_and_itself(home: Path) -> None:
    written(home, 3)
    before = "0" * 64
    for number, line in enumerate(lines(home), 1):
        text, digest = line.decode().split("\t")
        assert json.loads(text).items() >= {"n": number, "what": "open_key", "outcome": "ok"}.items()
        before = hashlib.sha256((before + text).encode()).hexdigest()
        assert digest == before
    assert verify(home) == (1, 3)
    assert only_file(home).name == "000000000001.log"
    assert only_file(home).stat().st_mode & 0o777 == 0o600
    assert (home / "journal").stat().st_mode & 0o777 == 0o700


def test_it_goes_on_after_a_restart(home: Path) -> None:
    for _ in range(3):
        written(home, 2)
    assert verify(home) == (1, 6)
    assert [line["n"] for line in facts(home)] == [1, 2, 3, 4, 5, 6]


def test_one_altered_bit_anywhere_is_seen(home: Path) -> None:
    written(home)
    path, unseen = only_file(home), []
    for at in range(path.stat().st_size):
        flip(path, at, at % 8)
        if whole(home):
            unseen.append(at)
        flip(path, at, at % 8)
    assert unseen == []
    assert whole(home)


@pytest.mark.parametrize(
    "alter",
    [
        pytest.param(lambda kept: kept[1:], id="the-first-removed"),
        pytest.param(lambda kept: kept[:3] + kept[4:], id="one-removed"),
        pytest.param(lambda kept: [*kept[:3], kept[4], kept[3], *kept[5:]], id="two-swapped"),
        pytest.param(lambda kept: [*kept[:3], kept[2], *kept[3:]], id="one-repeated"),
        pytest.param(lambda kept: [*kept, kept[-1]], id="the-last-repeated"),
        pytest.param(lambda kept: [*kept, b'{"n":9}\t' + b"0" * 64], id="one-forged"),
        pytest.param(lambda kept: [*kept, b"junk"], id="junk"),
    ],
)
def test_lines_removed_moved_or_added_are_seen(
    home: Path, alter: Callable[[list[bytes]], list[bytes]]
) -> None:
    written(home)
    only_file(home).write_bytes(b"".join(line + b"\n" for line in alter(lines(home))))
    assert not whole(home)


def test_last_lines_that_were_removed_are_seen_by_who_remembers_their_digest(home: Path) -> None:
    with closing(Journal(home)) as kept:
        for _ in range(4):
            kept.write("create", {})
        position, digest = kept.head
    kept_lines = lines(home)
    only_file(home).write_bytes(b"".join(line + b"\n" for line in kept_lines[:2]))
    with closing(Journal(home)) as kept:
        assert kept.digest_at(position) is None
        for _ in range(4):
            kept.write("erase", {})
        assert kept.digest_at(position) not in (None, digest)


@pytest.mark.parametrize("left", [1, 40, -1])
def test_a_last_line_cut_by_a_crash_is_removed_at_start(home: Path, left: int) -> None:
    written(home, 3)
    path, content = only_file(home), only_file(home).read_bytes()
    path.write_bytes(content + lines(home)[-1][:left])
    with pytest.raises(Broken, match="does not end with a whole line"):
        verify(home)
    with closing(Journal(home)) as kept:
        assert path.read_bytes() == content
        assert kept.head[0] == 3
        kept.write("create", {})
    assert verify(home) == (1, 4)


@pytest.mark.usefixtures("unsynced")
def test_a_journal_with_an_altered_bit_does_not_stop_the_keeper(home: Path) -> None:
    with closing(Journal(home)) as kept:
        kept.alarm("damaged", "one record")
        kept.write("create", {})
    path, content = only_file(home), only_file(home).read_bytes()
    for at in range(
        len(content) - 1
    ):  # the end of the last line apart: without it the line was cut by a crash
        path.unlink()
        path.write_bytes(content)
        flip(path, at, at % 8)
        with closing(Journal(home)) as kept:
            kept.write("create", {"after": "the damage"})
            number, digest = kept.head
            assert kept.digest_at(number) == digest
            assert all({"n", "at", "what"} <= alarm.keys() for alarm in kept.alarms(0))
        assert b"the damage" in lines(home)[-1]
        assert not whole(home)


def test_a_sentence_of_the_system_breaks_no_line(home: Path) -> None:
    with closing(Journal(home)) as kept:
        kept.alarm("copy-behind", "a\nb\u2028c\x85d\te\x1cé")
    with closing(Journal(home)) as kept:
        assert kept.alarms(0)[0]["detail"] == "a\nb\u2028c\x85d\te\x1cé"
        kept.write("create", {})
    assert verify(home) == (1, 2)


# --- its files ---


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is large from the first line on."""
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 10)


def years_old(path: Path) -> None:
    then = time.time() - 367 * DAY
    os.utime(path, (then, then))


@pytest.mark.usefixtures("short")
def test_a_new_file_begins_once_the_last_is_large_and_the_chain_goes_on(home: Path) -> None:
    with closing(Journal(home)) as kept:
        for _ in range(3):
            kept.write("create", {})
            kept.write("create", {})
            kept.rotate()
        kept.write("create", {})
    assert [path.name for path in segments(home)] == [f"{first:012}.log" for first in range(1, 8)]
    assert verify(home) == (1, 7)
    with closing(Journal(home)) as kept:
        assert kept.head[0] == 7


def test_a_file_that_is_not_large_stays(home: Path) -> None:
    with closing(Journal(home)) as kept:
        kept.write("create", {})
        kept.rotate()
    assert len(segments(home)) == 1


@pytest.mark.usefixtures("short")
def test_files_older_than_a_year_go_at_a_re_keying_and_the_rest_is_still_a_chain(home: Path) -> None:
    with closing(Journal(home)) as kept:
        for _ in range(4):
            kept.write("create", {})
            kept.rotate()
        first, second, *_ = segments(home)
        years_old(first)
        years_old(second)
        kept.rotate()
        assert [path.name for path in segments(home)] == [f"{first:012}.log" for first in (2, 3, 4, 5)]
        kept.rotate()
        assert [path.name for path in segments(home)] == [f"{first:012}.log" for first in (3, 4, 5)]
        kept.write("create", {})
    assert verify(home) == (3, 5)
    only = [path for path in segments(home) if path.stat().st_size]
    content = only[1].read_bytes()
    only[1].write_bytes(content.replace(b"create", b"crFate"))
    assert not whole(home)


def test_the_file_in_use_is_never_removed(home: Path) -> None:
    with closing(Journal(home)) as kept:
        kept.write("create", {})
        years_old(only_file(home))
        kept.rotate()
        kept.write("create", {})
    assert verify(home) == (1, 2)


@pytest.mark.usefixtures("short")
def test_the_digest_of_every_line_still_kept_is_given(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "DIGESTS_KEPT", 3)
    with closing(Journal(home)) as kept:
        for _ in range(5):
            kept.write("create", {})
            kept.write("create", {})
            kept.rotate()
    digests = [line.partition(b"\t")[2].decode() for line in lines(home)]
    with closing(Journal(home)) as kept:
        assert [kept.digest_at(number) for number in range(11)] == [START, *digests]
        assert kept.digest_at(11) is None
        segments(home)[0].unlink()
        assert [kept.digest_at(number) for number in range(1, 4)] == [None, *digests[1:3]]


# --- alarms ---


def test_alarms_are_given_after_a_line_oldest_first(home: Path) -> None:
    with closing(Journal(home)) as kept:
        kept.alarm("budget", "one", {"actor": "professional:x"})
        kept.write("create", {})
        kept.alarm("forbidden", "two")
    for _ in range(2):
        with closing(Journal(home)) as kept:
            found = [(alarm["n"], alarm["what"], alarm["detail"]) for alarm in kept.alarms(0)]
            assert found == [(1, "budget", "one"), (3, "forbidden", "two")]
            assert kept.alarms(0)[0]["actor"] == "professional:x"
            assert [alarm["n"] for alarm in kept.alarms(1)] == [3]
            assert kept.alarms(3) == []


def test_at_most_a_hundred_alarms_are_given_and_a_thousand_remembered(home: Path) -> None:
    with closing(Journal(home)) as kept:
        for number in range(1, 1_102):
            kept.alarm("budget", str(number))
        assert [alarm["n"] for alarm in kept.alarms(0)] == list(range(102, 202))
        assert [alarm["n"] for alarm in kept.alarms(1_099)] == [1_100, 1_101]


# --- clocks ---


def test_a_clock_that_goes_back_a_day_is_one_alarm(home: Path, clocks: Clocks) -> None:
    with closing(Journal(home)) as kept:
        kept.write("create", {})
        clocks.wall -= DAY
        kept.write("create", {})
        clocks.pass_by(5)
        kept.write("create", {})
        assert [(alarm["what"], alarm["detail"]) for alarm in kept.alarms(0)] == [
            ("clock-back", "by 86400 s")
        ]
    assert [line["what"] for line in facts(home)] == ["create", "clock-back", "create", "create"]
    assert whole(home)


def test_a_clock_that_went_back_while_the_keeper_was_away_is_an_alarm(home: Path, clocks: Clocks) -> None:
    written(home, 1)
    clocks.wall -= DAY
    with closing(Journal(home)) as kept:
        kept.write("create", {})
        assert [alarm["what"] for alarm in kept.alarms(0)] == ["clock-back"]


def test_a_clock_that_is_being_adjusted_is_no_alarm(home: Path, clocks: Clocks) -> None:
    with closing(Journal(home)) as kept:
        for _ in range(5):
            kept.write("create", {})
            clocks.wall -= 10
            kept.write("create", {})
            clocks.wall += 10
        assert kept.alarms(0) == []


# --- the disk ---


class Synced:
    """Follows `fdatasync`, made slow: what each file surely held on the disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        self.calls, self._guard = 0, threading.Lock()
        self._seconds, self._real = seconds, os.fdatasync
        self._sure: dict[str, int] = {}
        monkeypatch.setattr(os, "fdatasync", self._sync)

    def holds(self, mark: str) -> bool:
        """Whether a line lay in a file before a synchronisation of it began, which has ended."""
        with self._guard:
            sure = dict(self._sure)
        return any(mark.encode() in Path(path).read_bytes()[:size] for path, size in sure.items())

    def _sync(self, file: int) -> None:
        path, size = os.fspath(name_of(file)), os.fstat(file).st_size
        time.sleep(self._seconds)
        self._real(file)
        with self._guard:
            self.calls += 1
            self._sure[path] = max(size, self._sure.get(path, 0))


def durable_writes(kept: Journal, synced: Synced, threads: int, each: int) -> list[str]:
    """Marks of the lines whose `write` returned before they were surely on the disk."""
    early: list[str] = []

    def write(thread: int) -> None:
        for number in range(each):
            mark = f"mark-{thread}-{number}-end"
            kept.write("open_key", {"mark": mark}, durable=True)
            if not synced.holds(mark):
                early.append(mark)

    running = [threading.Thread(target=write, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return early


def test_durable_lines_share_a_synchronisation_and_none_returns_before_its_own(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Journal(home)) as kept:
        synced = Synced(monkeypatch, 0.004)
        assert durable_writes(kept, synced, threads=16, each=6) == []
        assert synced.calls < 16 * 6 / 3
    assert verify(home) == (1, 96)


def test_a_line_alone_is_synchronised_and_one_that_need_not_be_is_not(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Journal(home)) as kept:
        synced = Synced(monkeypatch, 0)
        kept.write("fields", {"mark": "a-"})
        assert (synced.calls, synced.holds("a-")) == (0, False)
        kept.write("open_key", {"mark": "b-"}, durable=True)
        assert (synced.calls, synced.holds("a-"), synced.holds("b-")) == (1, True, True)
        kept.write("fields", {"mark": "c-"})
        kept.sync()
        assert (synced.calls, synced.holds("c-")) == (2, True)
        kept.sync()
        assert synced.calls == 2


@pytest.mark.usefixtures("short")
def test_a_durable_line_is_synchronised_in_its_own_file_while_files_change(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Journal(home)) as kept:
        synced = Synced(monkeypatch, 0.001)
        stop = threading.Event()

        def rotate() -> None:
            while not stop.wait(0.002):
                kept.rotate()

        turning = threading.Thread(target=rotate)
        turning.start()
        try:
            assert durable_writes(kept, synced, threads=4, each=25) == []
        finally:
            stop.set()
            turning.join()
        assert len(segments(home)) > 3
    assert verify(home) == (1, 100)


def test_a_synchronisation_that_failed_acknowledges_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Journal(home)) as kept:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", _broken)
            with pytest.raises(OSError, match="Input/output"):
                kept.write("open_key", {}, durable=True)
        synced = Synced(monkeypatch, 0)
        kept.write("open_key", {"mark": "later"}, durable=True)
        assert synced.holds("later")
    assert verify(home) == (1, 2)


def _broken(_: int) -> None:
    raise OSError(5, "Input/output error")


def test_a_line_that_the_disk_refused_leaves_no_trace(home: Path) -> None:
    with closing(Journal(home)) as kept:
        kept.write("create", {})
        with small_files(300), pytest.raises(OSError, match="File too large"):
            kept.write("fields", {"subjects": "0" * 3_000})
        with small_files(300):
            kept.alarm("budget", "x" * 3_000)  # tells of what failed: it fails in silence
        kept.write("create", {})
        assert kept.alarms(0) == []
    assert verify(home) == (1, 2)


# --- in the house ---


def test_the_house_says_where_its_journal_is(house: Asking, home: Path) -> None:
    house.create(AMINA)
    found = house.check()["journal"]
    assert found["position"] == len(lines(home)) == 2
    assert found["digest"] == lines(home)[-1].partition(b"\t")[2].decode()
    assert house.check(1)["journal"]["digest_after"] == lines(home)[0].partition(b"\t")[2].decode()
    assert house.check(99)["journal"]["digest_after"] is None
    assert [line["what"] for line in facts(home)] == ["start", "create"]


def test_the_journal_of_a_house_that_was_copied_is_the_same_chain(
    house: Asking, home: Path, tmp_path: Path
) -> None:
    house.create(AMINA)
    house.house.journal.sync()
    assert verify(clone(home, tmp_path / "other")) == (1, 2)
