"""Witnesses ask a keeper for many things, and remember what it acknowledged: it must keep its word after a crash."""

import contextlib
import itertools
import os
import random
import socket
from dataclasses import dataclass, field
from pathlib import Path

from havre.keeper import protocol
from havre.keeper.protocol import Call, Refusal, Refused

ANSWER_SECONDS = 20.0
CALLS = ("create", "seal", "ratchet", "erase")
HOUSE_WIDE = ("rotate", "compaction")
WORKER = b"\3" + bytes(16)

type Papers = dict[bytes, tuple[str, bytes]]  # wrapped: its part, its DEK


@dataclass
class Person:
    """One subject: what the keeper acknowledged, and what is in doubt ("create", "ratchet", "done", "erase")."""

    subject: bytes
    doubt: str = "create"
    erased: bool = False
    names: bytes = b""
    papers: Papers = field(default_factory=dict)
    renewed: Papers = field(default_factory=dict)  # the same, under the epoch that is pending
    epoch: bytes = b""
    dead: list[tuple[str, bytes]] = field(default_factory=list)  # wrapped at an epoch that is over


class Gone(Exception):
    """The keeper was killed before it answered."""


class Line:
    """A connection to the keeper."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER_SECONDS)
        try:
            self._socket.connect(os.fspath(path))
        except OSError:
            self._socket.close()
            raise Gone from None

    def ask(self, call: Call, *fields: bytes) -> list[bytes]:
        """The answer's fields; Refused or Gone."""
        try:
            self._socket.sendall(protocol.encode(call, list(fields)))
            frame = protocol.receive(self._socket, idle=ANSWER_SECONDS, within=ANSWER_SECONDS)
        except ConnectionError:
            raise Gone from None
        if frame is None:
            raise Gone
        code, answer = protocol.decode(frame)
        if code:
            raise Refused(Refusal(code), answer[0].decode())
        return answer

    def refusal(self, call: Call, *fields: bytes) -> Refusal | None:
        """Why it is refused, None when it is not."""
        try:
            self.ask(call, *fields)
        except Refused as refused:
            return refused.code
        return None

    def close(self) -> None:
        self._socket.close()


class Witness:
    """Asks about people of its own, and remembers."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.people: list[Person] = []
        self.touched: set[int] = set()
        self.opened: set[tuple[str, str]] = set()  # subject, purpose: each has its line in the journal
        self.line: Line | None = None
        self._number, self._chance = number, chance

    def work(self, path: Path, focus: str) -> None:
        """Until the keeper is killed."""
        self.touched.clear()
        with contextlib.suppress(Gone), contextlib.closing(Line(path)) as self.line:
            while True:
                self._step(focus)

    def create(self) -> Person:
        person = Person(self._chance.randbytes(16))
        self.touched.add(len(self.people))
        self.people.append(person)
        self._ask(Call.CREATE, person.subject)
        person.doubt = ""
        person.names = self._names(person)
        return person

    def seal(self, person: Person) -> None:
        part = self._chance.choice(["shared", "private"])
        dek, wrapped = self._ask(Call.SEAL_KEY, person.subject, part.encode())
        person.papers[wrapped] = part, dek

    def open(self, person: Person, wrapped: bytes, part: str) -> bytes:
        purpose = f"p{self._number}-{len(self.opened)}"
        actor = b"\3" + self._chance.randbytes(16)
        (dek,) = self._ask(Call.OPEN_KEY, person.subject, part.encode(), wrapped, actor, purpose.encode())
        self.opened.add((person.subject.hex(), purpose))
        return dek

    def ratchet(self, person: Person) -> None:
        person.doubt = "ratchet"
        papers = [(part.encode(), wrapped) for wrapped, (part, _) in person.papers.items()]
        person.epoch, *renewed = self._ask(Call.RATCHET, person.subject, *itertools.chain(*papers))
        person.renewed = dict(zip(renewed, person.papers.values(), strict=True))
        person.doubt = "done"
        if self._chance.random() < 0.3:
            self.must_open(person, person.papers)
            self.must_open(person, person.renewed)
        self.done(person)

    def done(self, person: Person) -> None:
        self._ask(Call.RATCHET_DONE, person.subject, person.epoch)
        person.dead = [(part, wrapped) for wrapped, (part, _) in person.papers.items()][:5]
        person.papers, person.renewed, person.doubt = person.renewed, {}, ""

    def erase(self, person: Person) -> None:
        person.doubt = "erase"
        self._ask(Call.ERASE, person.subject)
        person.erased, person.doubt = True, ""

    def must_open(self, person: Person, papers: Papers) -> None:
        for wrapped, (part, dek) in papers.items():
            assert self.open(person, wrapped, part) == dek

    def must_keep_its_word(self, path: Path, *, everything: bool = False) -> None:
        """What was acknowledged holds; what was in doubt is one or the other, and is asked again."""
        with contextlib.closing(Line(path)) as self.line:
            self._know_all_by_name()
            for number, person in enumerate(self.people):
                seen = everything or person.doubt or number in self.touched or self._chance.random() < 0.05
                if seen:
                    self._verify(person)

    def _verify(self, person: Person) -> None:
        if person.erased:
            self._must_be_gone(person)
        elif person.doubt == "create":
            self._ask(Call.CREATE, person.subject)
            person.doubt, person.names = "", self._names(person)
        elif person.doubt == "erase":
            if self._refusal(Call.SEAL_KEY, person.subject, b"shared") is None:
                self.must_open(person, person.papers)
            self.erase(person)
            self._must_be_gone(person)
        elif person.doubt == "done":
            self.must_open(person, person.renewed)
            self.done(person)
            self._verify(person)
        else:
            self.must_open(person, person.papers)
            if person.doubt:
                self.ratchet(person)
            for part, wrapped in person.dead:
                assert self._open_refusal(person, wrapped, part) == Refusal.WRONG_KEY

    def _must_be_gone(self, person: Person) -> None:
        assert self._refusal(Call.CREATE, person.subject) == Refusal.ERASED
        assert self._refusal(Call.SEAL_KEY, person.subject, b"shared") == Refusal.ERASED
        assert self._refusal(Call.RATCHET, person.subject) == Refusal.ERASED
        for wrapped, (part, _) in person.papers.items():
            assert self._open_refusal(person, wrapped, part) == Refusal.ERASED

    def _know_all_by_name(self) -> None:
        """The key of every person's names, or that they were erased: a hundred at a time."""
        for start in range(0, len(self.people), protocol.MAX_SUBJECTS):
            some = self.people[start : start + protocol.MAX_SUBJECTS]
            subjects = [person.subject for person in some]
            answers = self._ask(Call.FIELDS, b"names", WORKER, b"test", *subjects)
            for person, answer in zip(some, answers, strict=True):
                if person.erased or (person.doubt == "erase" and answer[0]):
                    assert answer == bytes([Refusal.ERASED])
                elif person.names:
                    assert answer == b"\0" + person.names

    def _step(self, focus: str) -> None:
        """The first witness asks for what concerns the whole house, and a bit of everything beside it."""
        if focus in HOUSE_WIDE and not self._number:
            self._ask(Call.ROTATE)
            return
        match focus if focus in CALLS and self._number else self._chance.choice(CALLS):
            case "create":
                self.create()
            case "seal":
                self.seal(self._someone())
            case "ratchet":
                person = self._someone()
                self.seal(person)
                self.ratchet(person)
            case "erase":
                person = self._chance.choice([self._someone, self.create])()
                self.seal(person)
                self.erase(person)

    def _someone(self) -> Person:
        """One of the last people, alive."""
        number = len(self.people) - self._chance.randint(1, 12)
        if number < 0 or self.people[number].erased:
            return self.create()
        self.touched.add(number)
        return self.people[number]

    def _names(self, person: Person) -> bytes:
        (answer,) = self._ask(Call.FIELDS, b"names", WORKER, b"test", person.subject)
        assert answer[0] == 0
        return answer[1:]

    def _ask(self, call: Call, *fields: bytes) -> list[bytes]:
        assert self.line
        return self.line.ask(call, *fields)

    def _refusal(self, call: Call, *fields: bytes) -> Refusal | None:
        assert self.line
        return self.line.refusal(call, *fields)

    def _open_refusal(self, person: Person, wrapped: bytes, part: str) -> Refusal | None:
        return self._refusal(Call.OPEN_KEY, person.subject, part.encode(), wrapped, WORKER, b"test")
