"""A second client, written from docs/keeper-protocol.md alone: nothing of ours but the keeper it speaks to."""

import json
import os
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from havre.keeper.protocol import Call, Refusal
from havre.keeper.standby import Copying
from tests.keeper.process import ROOT, KeeperProcess

DOCUMENT = (ROOT / "docs" / "keeper-protocol.md").read_text()
BRUNO, CLAIRE, NOBODY = (bytes([number]) * 16 for number in (2, 3, 4))
CLAIRE_ASKS = b"\x02" + CLAIRE
WORKER = b"\x03" + bytes(16)
REFUSED = {
    "unknown": 1,
    "erased": 2,
    "forbidden": 4,
    "wrong_key": 5,
    "malformed": 6,
    "version": 7,
    "budget": 10,
}


class Second:
    """Asks with `struct` and a socket."""

    def __init__(self, path: Path) -> None:
        self.wire = socket.socket(socket.AF_UNIX)
        self.wire.settimeout(3)
        self.wire.connect(os.fspath(path))

    def ask(self, code: int, *fields: bytes, version: int = 1) -> tuple[int, list[bytes]]:
        body = b"".join(struct.pack(">I", len(field)) + field for field in fields)
        self.wire.sendall(struct.pack(">IBB", len(body) + 2, version, code) + body)
        (length,) = struct.unpack(">I", self._exactly(4))
        answered_version, answered, rest = (
            *struct.unpack(">BB", self._exactly(2)),
            self._exactly(length - 2),
        )
        assert answered_version == 1
        answers = []
        while rest:
            (size,) = struct.unpack_from(">I", rest)
            answers.append(rest[4 : 4 + size])
            rest = rest[4 + size :]
        return answered, answers

    def good(self, code: int, *fields: bytes) -> list[bytes]:
        answered, answers = self.ask(code, *fields)
        assert answered == 0, answers
        return answers

    def refused(self, code: int, *fields: bytes, version: int = 1) -> int:
        answered, (sentence,) = self.ask(code, *fields, version=version)
        assert sentence.decode().endswith(".")
        return answered

    def closed(self) -> bool:
        return self.wire.recv(1) == b""

    def _exactly(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            more = self.wire.recv(size - len(received))
            assert more
            received += more
        return received


@pytest.fixture
def second(keeper: KeeperProcess) -> Iterator[Second]:
    keeper.start()
    client = Second(keeper.socket)
    with client.wire:
        yield client


def test_papers_are_sealed_opened_and_refused_as_written(second: Second) -> None:
    assert second.refused(2, BRUNO, b"shared") == REFUSED["unknown"]
    assert second.good(1, BRUNO) == second.good(1, BRUNO) == []
    key, wrapped = second.good(2, BRUNO, b"private")
    assert (len(key), len(wrapped), wrapped[:4]) == (32, 44, bytes(4))
    assert second.good(3, BRUNO, b"private", wrapped, WORKER, b"read") == [key]
    assert second.refused(3, BRUNO, b"private", wrapped, CLAIRE_ASKS, b"read") == REFUSED["forbidden"]
    assert second.refused(3, BRUNO, b"shared", wrapped, CLAIRE_ASKS, b"read") == REFUSED["wrong_key"]


def test_fields_tokens_and_peppers_are_as_written(second: Second) -> None:
    second.good(1, BRUNO)
    one, gone = second.good(4, b"names", CLAIRE_ASKS, b"list", BRUNO, NOBODY)
    assert (one[0], len(one), gone) == (0, 33, bytes([REFUSED["unknown"]]))
    assert second.refused(4, b"private", CLAIRE_ASKS, b"list", BRUNO) == REFUSED["forbidden"]
    everywhere, here = (
        second.good(5, b"", b"phone", b"fact"),
        second.good(5, CLAIRE, b"phone", b"fact", b"other"),
    )
    assert [len(token) for token in everywhere + here] == [32, 32, 32]
    assert everywhere[0] not in here
    assert [len(peppered) for peppered in second.good(6, b"pin", b"1234")] == [32]


def test_a_paper_and_a_subject_are_erased_as_written(second: Second) -> None:
    second.good(1, BRUNO)
    key, wrapped = second.good(2, BRUNO, b"shared")
    epoch, again, lost = second.good(7, BRUNO, b"shared", wrapped, b"private", wrapped)
    assert (struct.unpack(">I", epoch), again[:4], lost) == ((1,), epoch, b"")
    assert second.good(7, BRUNO)[0] == epoch
    assert second.good(3, BRUNO, b"shared", wrapped, WORKER, b"read") == [key]
    assert second.good(8, BRUNO, epoch) == second.good(8, BRUNO, epoch) == []
    assert second.refused(3, BRUNO, b"shared", wrapped, WORKER, b"read") == REFUSED["wrong_key"]
    assert second.good(3, BRUNO, b"shared", again, WORKER, b"read") == [key]
    (day,) = second.good(9, BRUNO)
    assert second.good(9, BRUNO) == [day]
    assert second.refused(1, BRUNO) == REFUSED["erased"]
    (after,) = second.good(10)
    assert struct.unpack(">I", after)[0] == struct.unpack(">I", day)[0] + 1


def test_the_check_holds_what_is_written_and_tells_of_alarms(second: Second) -> None:
    (report,) = second.good(11)
    found = json.loads(report)
    text = DOCUMENT.partition("`check` answers")[2].partition("Times are")[0]
    written = set(re.findall(r"`(\w+)`", text))
    nested = {name for part in ("day", "copy", "journal") for name in found[part]}
    assert set(found) | nested | {"n", "at", "what", "subject", "actor", "detail"} == written
    position = found["journal"]["position"]
    assert second.refused(3, BRUNO, b"private", bytes(44), CLAIRE_ASKS, b"read") == REFUSED["forbidden"]
    (report,) = second.good(11, struct.pack(">Q", position))
    found = json.loads(report)
    assert [alarm["what"] for alarm in found["alarms"]] == ["forbidden"]
    assert set(found["alarms"][0]) == {"n", "at", "what", "subject", "actor", "detail"}


def test_checking_writes_no_line(second: Second) -> None:
    positions = {json.loads(second.good(11)[0])["journal"]["position"] for _ in range(3)}
    assert len(positions) == 1


@pytest.mark.parametrize(
    ("question", "refusal"),
    [
        ((12,), "malformed"),
        ((1,), "malformed"),
        ((1, b"short"), "malformed"),
        ((3, BRUNO, b"shared", bytes(44), b"\x05" + CLAIRE, b"read"), "malformed"),
        ((3, BRUNO, b"shared", bytes(44), WORKER, b"two words"), "malformed"),
        ((4, b"names", WORKER, b"list", *[BRUNO] * 101), "malformed"),
        ((5, b"", b"phone", *[b"fact"] * 1001), "malformed"),
        ((7, BRUNO, b"shared"), "malformed"),
    ],
)
def test_what_is_not_a_question_is_refused_and_closes(
    second: Second, question: tuple[int, *tuple[bytes, ...]], refusal: str
) -> None:
    assert second.refused(*question) == REFUSED[refusal]
    assert second.closed()


def test_another_version_is_refused_and_closes(second: Second) -> None:
    assert second.refused(11, version=2) == REFUSED["version"]
    assert second.closed()


def test_a_budget_that_is_spent_refuses_and_keeps_the_connection(second: Second) -> None:
    codes = [second.ask(10)[0] for _ in range(6)]
    assert codes[0] == 0
    assert codes[-1] == REFUSED["budget"]
    assert second.good(11)


def test_the_document_and_the_code_name_the_same_calls_and_refusals() -> None:
    rows = {
        (int(code), name) for code, name in re.findall(r"^\| (\d+) \| `(\w+)` \|", DOCUMENT, re.MULTILINE)
    }
    coded = {(item.value, item.name.lower()) for kind in (Call, Refusal, Copying) for item in kind}
    assert rows == coded
