"""What the fuzzing says to the keeper: eight bytes are one step of a conversation with the real server.

A question's fields are good or nearly so (ids from a small set, keys that this conversation was given), and it is sent
as it is, or spoiled. A step may also stop the keeper and start it again, perhaps on an older store. Each answer is
judged by `rights.py`.
"""

import contextlib
import copy
import itertools
import os
import shutil
import socket
import threading
import time
from pathlib import Path
from unittest import mock

from havre.keeper import budgets, journal
from havre.keeper.budgets import Budgets, Rate
from havre.keeper.calls import Keeper
from havre.keeper.house import House
from havre.keeper.places import Folder, Pair
from havre.keeper.protocol import LAST_WORDS, MAX_FACTS, MAX_PAPERS, MAX_SUBJECTS, Call, Refusal, Refused
from havre.keeper.server import Server, UnixListener
from tests.keeper.fuzzing import STEP_BYTES
from tests.keeper.rights import Paper, Rights, Stored, Wrong, must

ROOT = bytes(32)
STORED = ("store.log", "days.keys")
IDS = [bytes([number]) * 16 for number in (16, 32, 48, 64)]
SUBJECTS = [*IDS * 7, bytes(16), bytes(15) + b"\1", b"", IDS[0] + b"!"]
PARTS = [b"shared", b"private"] * 5
CLASSES = [b"names", b"papers", b"contacts", b"notes", b"messages", b"private", b"private"]
KINDS = [b"phone", b"name", b"a.b-c_9", b"x" * 64] * 2
STRAYS = [b"", b"Shared", b"shared\0", "é".encode(), b"x" * 65, b"\xff\xfe", b"a b"]
PURPOSES = [b"view"] * 12 + [b"", b"x" * 65, b"a b", b"\xc3"]
ROLES = [1, 2, 2, 3, 4, 1, 2, 3, 4, 1, 2, 2, 3, 4, 0, 5]
CALLS = [Call.CREATE, Call.SEAL_KEY, Call.OPEN_KEY, Call.RATCHET, Call.RATCHET_DONE] * 5
CALLS += [Call.OPEN_KEY, Call.FIELDS, Call.TOKENS, Call.PEPPER, Call.ROTATE, Call.CHECK] * 2
RESTART, PUT_BACK = -1, -2
QUESTIONS = [*CALLS, Call.ERASE, 0, 12, 255, RESTART, RESTART, PUT_BACK, PUT_BACK]
TIGHT = {
    "ACTORS": {("papers", "person"): Rate(2, 0), ("names", "professional"): Rate(3, 0)},
    "CLASSES": {("papers", "professional"): Rate(3, 0), ("names", "worker"): Rate(101, 0)},
    "HOUSE": dict.fromkeys(budgets.HOUSE, Rate(4, 0)) | {"calls": Rate(1_000_000, 0)},
}


class Step:
    """How eight bytes are read."""

    def __init__(self, raw: bytes) -> None:
        self.call, self.subject, self.word, self.key, self.count, self.role, self.spoil, self.value = raw

    def question(self, rights: Rights) -> tuple[int, list[bytes]]:
        """A call's number and fields; or RESTART, or PUT_BACK."""
        code = QUESTIONS[self.call % len(QUESTIONS)]
        subject = SUBJECTS[self.subject % len(SUBJECTS)]
        papers = list(rights.papers.items())
        match code:
            case Call.CREATE | Call.ERASE:
                return code, [subject]
            case Call.SEAL_KEY:
                return code, [subject, self._word(PARTS)]
            case Call.OPEN_KEY:
                whose, part, wrapped = self._paper(papers, 0)
                return code, [subject if self.value % 8 == 1 else whose, part, wrapped, *self._asked_by()]
            case Call.FIELDS:
                subjects = [SUBJECTS[(self.subject + n) % 28] for n in self._range(MAX_SUBJECTS)]
                return code, [self._word(CLASSES), *self._asked_by(), *subjects]
            case Call.TOKENS:
                facts = [bytes([self.key % 4, n % 256, n >> 8]) for n in self._range(MAX_FACTS)]
                return code, [b"" if self.key % 2 else subject, self._word(KINDS), *facts]
            case Call.PEPPER:
                return code, [self._word(KINDS), bytes([self.key % 4])]
            case Call.RATCHET:
                chosen = [self._paper(papers, number)[1:] for number in self._range(MAX_PAPERS)]
                return code, [subject, *itertools.chain(*chosen), *([b"shared"] if self.role == 0 else [])]
            case Call.RATCHET_DONE:
                person = rights.stored.people.get(subject)
                epoch = (person.epoch if person else 0) + (self.value % 8 == 1)
                return code, [subject, epoch.to_bytes(3 if self.value == 2 else 4)]
            case Call.CHECK:
                return code, [[], [bytes(8)], [bytes(7) + bytes([self.value])], [b"\xff" * 8], [bytes(7)]][
                    self.key % 5
                ]
            case Call.ROTATE if self.count < 200:
                return code, []
        return code, [STRAYS[(self.word + n) % len(STRAYS)] for n in range(self.count % 4)]

    def sent(self, code: int, fields: list[bytes]) -> list[bytes]:
        """The bytes of the question, in pieces that leave one after the other."""
        kind, at = (self.spoil - 222) // 3, self.value
        if fields and kind == 0:
            fields = [*fields[: at % len(fields)], *fields[at % len(fields) + 1 :]]
        if fields and kind == 1:
            fields = [*fields, fields[at % len(fields)]]
        if fields and kind == 2:
            fields = [*fields[1:], fields[0]]
        frame = _frame(code, fields)
        place = at * len(frame) // 256
        match kind:
            case 3:
                return [frame[:place] + bytes([frame[place] ^ 1 << self.role % 8]) + frame[place + 1 :]]
            case 4:
                return [frame[:place]]
            case 5:
                return [(len(frame) - 4 + [1, 1 << 19][at % 2]).to_bytes(4) + frame[4:]]
            case 6:
                return [(len(frame) - 4 - at % len(frame[4:])).to_bytes(4) + frame[4:]]
            case 7:
                return [frame[:4] + bytes([at]) + frame[5:]]
            case 8:
                return [frame + frame[: at + 1]]
            case 9:
                return [frame[:at], frame[at : 2 * at], frame[2 * at :]]
            case 10:
                return [[(1 << 20) + 1, 1 << 31, 2**32 - 1, 0][at % 4].to_bytes(4) + frame[4:]]
            case 11:
                body = frame[4 : 4 + at % len(frame[4:])]
                return [len(body).to_bytes(4) + body]
        return [frame]

    def _word(self, fit: list[bytes]) -> bytes:
        words = [*fit, STRAYS[self.word // 16 % len(STRAYS)]]
        return words[self.word % len(words)]

    def _asked_by(self) -> list[bytes]:
        actor = bytes([ROLES[self.role % 16]]) + IDS[self.role >> 6]
        return [actor if self.role % 64 else actor[:-1], PURPOSES[self.word // 16]]

    def _range(self, most: int) -> range:
        """Few, or about as many as are allowed."""
        seldom = 250 if most == MAX_PAPERS else 225
        return range(most + self.count % 3 - 1 if self.count > seldom else self.count % 5)

    def _paper(self, papers: list[tuple[bytes, Paper]], number: int) -> tuple[bytes, bytes, bytes]:
        """Whose, its part and its wrapped key: most often as they were given."""
        if not papers:
            return IDS[0], b"shared", bytes(44)
        wrapped, paper = papers[-1 - (self.key + number) % len(papers)]
        part = self._word(PARTS) if self.value % 8 == 2 else paper.part
        epoch, rest = int.from_bytes(wrapped[:4]), wrapped[4:]
        if self.value % 16 == 11:
            wrapped = ((epoch + [1, -1, 64, 65][self.subject % 4]) % 2**32).to_bytes(4) + rest
        if self.value % 16 == 3:
            wrapped = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
        if self.value % 32 == 15:
            wrapped = [wrapped[:-1], wrapped + b"\0", b""][self.subject % 3]
        return paper.subject, part, wrapped


class Conversations:
    """A real server, in this process, and a new keeper behind it for each conversation."""

    def __init__(self, base: Path) -> None:
        self.base, self.socket = base, base / "run" / "s"
        self.keeper: Keeper | None = None
        self.faults: list[BaseException] = []
        self.questions = 0
        self.answered: set[object] = set()
        self.refused: set[int] = set()
        self._server = Server(self._answer, [UnixListener(self.socket)])
        self._thread = threading.Thread(target=self._server.serve)
        self._patches = contextlib.ExitStack()

    def __enter__(self) -> "Conversations":
        self._patches.enter_context(mock.patch.object(threading, "excepthook", self._thread_ended))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        self._thread.join()
        self._patches.close()

    def hold(self, tried: bytes) -> set[object]:
        """One conversation: the pairs of outcomes that followed each other; Wrong, or what ended the server."""
        steps = [tried[at : at + STEP_BYTES] for at in range(0, len(tried) - STEP_BYTES + 1, STEP_BYTES)]
        self.faults.clear()
        with contextlib.ExitStack() as stack:
            if steps and steps[0][7] % 4 == 3:
                for name, rates in TIGHT.items():
                    stack.enter_context(mock.patch.object(budgets, name, rates))
            talk = stack.enter_context(_Talk(self))
            for step in steps:
                talk.take(Step(step))
        self.questions += talk.questions
        return talk.happened

    def _thread_ended(self, fault: threading.ExceptHookArgs) -> None:
        self.faults.append(fault.exc_value or Wrong("a thread ended"))

    def _answer(self, code: int, fields: list[bytes]) -> list[bytes]:
        assert self.keeper
        try:
            return self.keeper.answer(code, fields)
        except Refused:
            raise
        except Exception as fault:
            self.faults.append(fault)
            raise


class _Talk:
    """One conversation: the keeper's files, what it promised, and the connection."""

    def __init__(self, all_of_them: Conversations) -> None:
        self.happened: set[object] = set()
        self.questions = 0
        self._all, self._rights = all_of_them, Rights()
        self._home, self._copy = all_of_them.base / "own", all_of_them.base / "copy"
        self._line: socket.socket | None = None
        self._last: object = None
        self._before: tuple[Stored, dict[str, bytes]] | None = None

    def __enter__(self) -> "_Talk":
        """Two of the subjects have papers already."""
        self._open()
        for subject in IDS[:2]:
            self._ask([_frame(Call.CREATE, [subject])])
            for part in PARTS[:2]:
                self._ask([_frame(Call.SEAL_KEY, [subject, part])])
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        """The journal is whole, and told no secret; the files go."""
        try:
            self._close()
            if error is None:
                journal.verify(self._home)
                for path in (self._home / journal.FOLDER).iterdir():
                    self._rights.must_not_leak(path.read_text())
        finally:
            shutil.rmtree(self._home)
            shutil.rmtree(self._copy)

    def take(self, step: Step) -> None:
        """One question and its answer, or the keeper starting again."""
        code, fields = step.question(self._rights)
        if code in (RESTART, PUT_BACK):
            self._start_again(older=code == PUT_BACK)
            self._note(code, None)
        else:
            self._ask(step.sent(code, fields))

    def _ask(self, pieces: list[bytes]) -> None:
        self.questions += 1
        heard = understood(b"".join(pieces))
        situation = self._rights.situation(heard[1]) if isinstance(heard, tuple) else None
        received = self._exchange(pieces, ends=heard is None)
        if heard is not None and received is None:
            time.sleep(0.05)  # its thread ends after its connection
            raise self._all.faults.pop() if self._all.faults else Wrong("there was no answer")
        refusal, answer = received or (None, [])
        if isinstance(heard, tuple):
            self._judge(*heard, refusal or 0, answer)
            if not refusal:
                self._all.answered.add(heard[0])
        else:
            must(refusal == heard)
        self._note((refusal, heard[0] if isinstance(heard, tuple) else heard), situation)
        self._all.refused.add(refusal or 0)
        if refusal is None or refusal in LAST_WORDS:
            self._hang_up()

    def _note(self, outcome: object, situation: object) -> None:
        self.happened |= {(outcome, situation), (self._last, outcome)}
        self._last = outcome

    def _judge(self, code: int, fields: list[bytes], refusal: int, answer: list[bytes]) -> None:
        reasons = self._rights.reasons(code, fields)
        if Refusal.MALFORMED not in reasons:
            self._rights.asked(code, fields)
        if refusal:
            must(refusal in reasons and len(answer) == 1)
            self._rights.must_not_leak(answer[0].decode())
        elif reasons - {Refusal.BUDGET}:  # what was refused need not have been counted
            raise Wrong(f"answered {code}, where {reasons}")
        else:
            self._rights.believe(code, fields, answer)

    def _exchange(self, pieces: list[bytes], *, ends: bool) -> tuple[int, list[bytes]] | None:
        """What comes back; None when the connection is closed without a word."""
        if self._line is None:
            self._line = socket.socket(socket.AF_UNIX)
            self._line.settimeout(10)
            self._line.connect(os.fspath(self._all.socket))
        with contextlib.suppress(ConnectionError):
            for number, piece in enumerate(pieces):
                if number:
                    time.sleep(0.001)
                self._line.sendall(piece)
            if ends:
                self._line.shutdown(socket.SHUT_WR)
        return self._received()

    def _received(self) -> tuple[int, list[bytes]] | None:
        assert self._line
        frame = b""
        with contextlib.suppress(ConnectionResetError):
            while len(frame) < 4 or len(frame) < 4 + int.from_bytes(frame[:4]):
                more = self._line.recv(1 << 17)
                if not more:
                    break
                frame += more
        if not frame:
            return None
        found = understood(frame)
        if not isinstance(found, tuple):
            raise Wrong("the answer is not a frame")
        return found

    def _start_again(self, *, older: bool) -> None:
        """With the same files; or with the store and the day keys of the last time, and the ledger of now."""
        self._close()
        if older and self._before:
            stored, files = self._before
            for name, content in files.items():
                (self._home / name).write_bytes(content)
                (self._copy / name).write_bytes(content)
            self._rights.put_back(copy.deepcopy(stored))
        elif not older:
            files = {name: (self._home / name).read_bytes() for name in STORED}
            self._before = copy.deepcopy(self._rights.stored), files
        self._open()

    def _open(self) -> None:
        house = House(self._home, Pair(Folder(self._home), Folder(self._copy)), ROOT)
        self._rights.spend_again()
        self._all.keeper = Keeper(house, Budgets(clock=lambda: 0.0))

    def _close(self) -> None:
        self._hang_up()
        if self._all.keeper:
            self._all.keeper.house.close()
            self._all.keeper = None

    def _hang_up(self) -> None:
        if self._line:
            self._line.close()
            self._line = None


def understood(sent: bytes) -> tuple[int, list[bytes]] | Refusal | None:
    """What the bytes of one frame say: a code and fields, why they must be refused, or nothing (it is cut)."""
    length, body = int.from_bytes(sent[:4]), sent[4:]
    if len(sent) >= 4 and length > 1 << 20:
        return Refusal.MALFORMED
    if len(sent) < 4 or len(body) < length:
        return None
    if len(body) > length:
        return Refusal.MALFORMED
    if len(body) < 2 or body[0] != 1:
        return Refusal.VERSION
    fields, at = [], 2
    while at < len(body):
        start = at + 4
        at = start + int.from_bytes(body[at:start])
        if start > len(body) or at > len(body):
            return Refusal.MALFORMED
        fields.append(body[start:at])
    return body[1], fields


def _frame(code: int, fields: list[bytes]) -> bytes:
    body = bytes([1, code]) + b"".join(len(one).to_bytes(4) + one for one in fields)
    return len(body).to_bytes(4) + body
