"""Who may be answered what: the keeper's calls told a second time, from their documentation alone.

`Rights` follows one keeper question by question. `reasons` says why a question must be refused (any of them will
do; none: it must be answered); `believe` judges an answer and remembers it. `Wrong` is a keeper that broke its word.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from havre.keeper import budgets
from havre.keeper.protocol import Call, Refusal

PARTS = (b"shared", b"private")
CLASSES = (b"names", b"papers", b"contacts", b"notes", b"messages", b"private")
KINDS = {1: "person", 2: "professional", 3: "worker", 4: "system"}
HOUSE = (bytes(16), bytes(15) + b"\1")
COUNTS = {
    Call.CREATE: (1, 1),
    Call.SEAL_KEY: (2, 2),
    Call.OPEN_KEY: (5, 5),
    Call.FIELDS: (3, 103),
    Call.TOKENS: (2, 1002),
    Call.PEPPER: (2, 2),
    Call.RATCHET: (1, 10_001),
    Call.RATCHET_DONE: (2, 2),
    Call.ERASE: (1, 1),
    Call.ROTATE: (0, 0),
    Call.CHECK: (0, 1),
}
FORWARD = 16


class Wrong(AssertionError):
    """The keeper did what it never does."""


@dataclass
class Person:
    """One creation of a subject: the epochs of papers' keys that live."""

    number: int
    oldest: int = 0
    epoch: int = 0


@dataclass
class Paper:
    """A key that the keeper wrapped, and for whom."""

    subject: bytes
    part: bytes
    person: int
    epoch: int
    dek: bytes


@dataclass
class Stored:
    """What the store holds, which may be put back to an earlier moment."""

    people: dict[bytes, Person] = field(default_factory=dict)
    erased: set[bytes] = field(default_factory=set)
    day: int = 1


class Rights:
    """What one keeper promised so far."""

    def __init__(self) -> None:
        self.papers: dict[bytes, Paper] = {}
        self.stored = Stored()
        self._ledger_erased: set[bytes] = set()
        self._ledger_epochs: dict[bytes, int] = {}
        self._secrets: dict[bytes, tuple[object, ...]] = {}
        self._told: dict[tuple[object, ...], bytes] = {}
        self._asked: Counter[tuple[object, ...]] = Counter()
        self._answered: Counter[tuple[object, ...]] = Counter()
        self._made = 0

    # --- what must be refused ---

    def reasons(self, code: int, fields: list[bytes]) -> set[Refusal]:
        """Why this question must be refused; empty when it must be answered."""
        least, most = COUNTS.get(Call(code), (1, 0)) if code in Call else (1, 0)
        if not least <= len(fields) <= most:
            return {Refusal.MALFORMED}
        found = set(self._reasons(Call(code), fields))
        if Refusal.MALFORMED not in found and self._overspent(self._asked, code, fields):
            found.add(Refusal.BUDGET)
        return found

    def _reasons(self, code: Call, fields: list[bytes]) -> Iterator[Refusal]:
        match code, fields:
            case Call.CREATE, [subject]:
                yield from self._gone(subject) - {Refusal.UNKNOWN}
            case Call.SEAL_KEY, [subject, part]:
                yield from self._gone(subject)
                yield from _unless(part in PARTS)
            case Call.OPEN_KEY, [subject, part, wrapped, actor, purpose]:
                yield from self._gone(subject)
                yield from _unless(part in PARTS and _is_actor(actor) and _is_word(purpose))
                yield from _forbidden(part, actor)
                if not self._opens(subject, part, wrapped):
                    yield Refusal.WRONG_KEY
            case Call.FIELDS, [name, actor, purpose, *subjects]:
                yield from _unless(name in CLASSES and _is_actor(actor) and _is_word(purpose))
                yield from _unless(all(map(_is_id, subjects)))
                yield from _forbidden(name, actor)
            case Call.TOKENS, [scope, kind, *_]:
                yield from _unless((not scope or _is_id(scope)) and _is_word(kind))
            case Call.PEPPER, [kind, _]:
                yield from _unless(_is_word(kind))
            case Call.RATCHET, [subject, *papers]:
                yield from self._gone(subject)
                yield from _unless(len(papers) % 2 == 0 and all(part in PARTS for part in papers[::2]))
            case Call.RATCHET_DONE, [subject, epoch]:
                yield from self._gone(subject)
                yield from _unless(len(epoch) == 4)
                person = self.stored.people.get(subject)
                if person and not 0 <= int.from_bytes(epoch) - person.epoch <= FORWARD:
                    yield Refusal.WRONG_KEY
            case Call.ERASE, [subject]:
                yield from _unless(_is_id(subject))
            case Call.CHECK, [after]:
                yield from _unless(len(after) == 8)

    def _gone(self, subject: bytes) -> set[Refusal]:
        if not _is_id(subject):
            return {Refusal.MALFORMED}
        if subject in self.stored.erased:
            return {Refusal.ERASED}
        if subject in self._ledger_erased:  # the store was put back to before its creation
            return {Refusal.ERASED, Refusal.UNKNOWN}
        return set() if subject in self.stored.people else {Refusal.UNKNOWN}

    def _opens(self, subject: bytes, part: bytes, wrapped: bytes) -> bool:
        paper, person = self.papers.get(wrapped), self.stored.people.get(subject)
        return (
            paper is not None
            and person is not None
            and (paper.subject, paper.part, paper.person) == (subject, part, person.number)
            and person.oldest <= paper.epoch <= person.epoch + FORWARD
        )

    # --- what is answered ---

    def asked(self, code: int, fields: list[bytes]) -> None:
        """Count a well-formed question against the budgets, whatever its answer."""
        self._asked.update({bucket: amount for bucket, amount, _ in self._buckets(code, fields)})

    def believe(self, code: int, fields: list[bytes], answer: list[bytes]) -> None:
        """Judge an answer to a question that may be answered; Wrong when it is not the one that was promised."""
        if self._overspent(self._answered, code, fields):
            raise Wrong("more was answered than the budget allows")
        self._answered.update({bucket: amount for bucket, amount, _ in self._buckets(code, fields)})
        match code, fields:
            case Call.CREATE, [subject]:
                must(answer == [])
                if subject not in self.stored.people:
                    self._made += 1
                    first = self._ledger_epochs.get(subject, 0)
                    self.stored.people[subject] = Person(self._made, first, first)
            case Call.SEAL_KEY, [subject, part]:
                dek, wrapped = answer
                self._keep(dek, "dek", wrapped)
                self._wrapped(wrapped, Paper(subject, part, 0, 0, dek))
            case Call.OPEN_KEY, [subject, part, wrapped, _, _]:
                must(answer == [self.papers[wrapped].dek])
                self._bring_forward(subject, part, wrapped)
            case Call.FIELDS, [name, _, _, *subjects]:
                for subject, one in zip(subjects, answer, strict=True):
                    self._believe_field(name, subject, one)
            case Call.TOKENS, [scope, kind, *facts]:
                for fact, one in zip(facts, answer, strict=True):
                    self._keep(one, "token", scope, kind, fact)
            case Call.PEPPER, [kind, data]:
                (one,) = answer
                self._keep(one, "pepper", kind, data)
            case Call.RATCHET, [subject, *papers]:
                self._believe_ratchet(subject, papers, answer)
            case Call.RATCHET_DONE, [subject, epoch]:
                must(answer == [])
                self._settle(subject, int.from_bytes(epoch))
            case Call.ERASE, [subject]:
                must(answer == [self.stored.day.to_bytes(4)])
                self.stored.people.pop(subject, None)
                self.stored.erased.add(subject)
                self._ledger_erased.add(subject)
            case Call.ROTATE, []:
                self.stored.day += 1
                must(answer == [self.stored.day.to_bytes(4)])
            case Call.CHECK, _:
                (report,) = answer
                self._believe_report(json.loads(report))
                self.must_not_leak(report.decode())

    def spend_again(self) -> None:
        """The keeper starts again, and with it its budgets."""
        self._asked.clear()
        self._answered.clear()

    def situation(self, fields: list[bytes]) -> tuple[object, ...]:
        """Where the subject of a question is in its life, roughly: a search is new when it reaches another one."""
        subject = fields[0] if fields else b""
        person = self.stored.people.get(subject)
        left = self._ledger_epochs.get(subject, 0)
        life = person and (
            min(person.epoch, 2),
            person.epoch - person.oldest,
            person.number > len(self.stored.people),
        )
        return life, subject in self.stored.erased, subject in self._ledger_erased, min(left, 2)

    def must_not_leak(self, text: str) -> None:
        """No secret that was answered may be in that text, as hexadecimal."""
        must(not any(secret.hex() in text for secret in self._secrets))

    def put_back(self, before: Stored) -> None:
        """The store is an older one, and the ledger is not: what was erased stays so."""
        self.stored = before
        for subject, person in list(before.people.items()):
            if subject in self._ledger_erased:
                del before.people[subject]
                before.erased.add(subject)
            elif (epoch := self._ledger_epochs.get(subject, 0)) > person.oldest:
                person.oldest = person.epoch = max(epoch, person.epoch)

    def _bring_forward(self, subject: bytes, part: bytes, wrapped: bytes) -> None:
        """A key that was wrapped after the store was written proves its epoch."""
        if (
            self._opens(subject, part, wrapped)
            and self.papers[wrapped].epoch > self.stored.people[subject].epoch
        ):
            self._settle(subject, self.papers[wrapped].epoch)

    def _settle(self, subject: bytes, epoch: int) -> None:
        """Only `epoch` lives."""
        person = self.stored.people[subject]
        if epoch > person.oldest:
            self._ledger_epochs[subject] = epoch
        person.oldest = person.epoch = epoch

    def _believe_field(self, name: bytes, subject: bytes, answer: bytes) -> None:
        if gone := self._gone(subject):
            must(len(answer) == 1 and Refusal(answer[0]) in gone)
        else:
            must(answer[0] == 0)
            self._keep(answer[1:], "field", name, self.stored.people[subject].number)

    def _believe_ratchet(self, subject: bytes, papers: list[bytes], answer: list[bytes]) -> None:
        person = self.stored.people[subject]
        for part, wrapped in zip(papers[::2], papers[1::2], strict=True):
            self._bring_forward(subject, part, wrapped)
        before = person.oldest
        if person.oldest == person.epoch:
            person.epoch += 1
        epoch, *renewed = answer
        must(epoch == person.epoch.to_bytes(4))
        for part, wrapped, one in zip(papers[::2], papers[1::2], renewed, strict=True):
            lives = (
                self._opens(subject, part, wrapped) and before <= self.papers[wrapped].epoch <= person.epoch
            )
            if not lives:
                must(one == b"")
            else:
                self._wrapped(one, Paper(subject, part, 0, 0, self.papers[wrapped].dek))

    def _believe_report(self, report: dict[str, object]) -> None:
        must(report["role"] == "primary")
        must(report["subjects"] == len(self.stored.people))
        must(report["erased"] == len(self.stored.erased))
        must((report["damaged"], report["damaged_records"]) == (0, 0))

    def _wrapped(self, wrapped: bytes, paper: Paper) -> None:
        """Under the newest epoch, for the living person."""
        person = self.stored.people[paper.subject]
        must(len(wrapped) == 44 and wrapped[:4] == person.epoch.to_bytes(4))
        paper.person, paper.epoch = person.number, person.epoch
        known = self.papers.setdefault(wrapped, paper)
        must(known == paper)

    def _keep(self, secret: bytes, *what: object) -> None:
        """32 bytes: always the same for the same thing, and never for another."""
        must(len(secret) == 32)
        must(self._secrets.setdefault(secret, what) == what)
        must(self._told.setdefault(what, secret) == secret)

    def _overspent(self, spent: Counter[tuple[object, ...]], code: int, fields: list[bytes]) -> bool:
        return any(spent[bucket] + amount > burst for bucket, amount, burst in self._buckets(code, fields))

    def _buckets(self, code: int, fields: list[bytes]) -> Iterator[tuple[tuple[object, ...], int, float]]:
        """The budgets that a question draws on, how much, and what each allows while no time passes."""
        whole = {
            Call.CREATE: "creations",
            Call.PEPPER: "peppers",
            Call.RATCHET: "ratchets",
            Call.ERASE: "erasures",
            Call.ROTATE: "rekeyings",
        }
        amount, actor = 1, b""
        match code, fields:
            case Call.OPEN_KEY, [_, _, _, actor, _]:
                what = "papers"
            case Call.FIELDS, [_, actor, _, *subjects]:
                what, amount = "names", max(len(subjects), 1)
            case Call.TOKENS, [_, _, *facts]:
                what, amount = "facts", max(len(facts), 1)
            case Call.ERASE, [subject] if subject in self.stored.erased:
                return  # asked again, it does nothing
            case Call.RATCHET, [subject, *_] if self._is_pending(subject):
                return  # it goes on with the one that was paid
            case _ if code in whole:
                what = whole[Call(code)]
            case _:
                return
        kind = KINDS.get(actor[0], "") if actor else ""
        if rate := budgets.ACTORS.get((what, kind)):
            yield (what, actor), amount, rate.burst
        if rate := budgets.CLASSES.get((what, kind)):
            yield (what, kind), amount, rate.burst
        yield (what,), amount, budgets.HOUSE[what].burst

    def _is_pending(self, subject: bytes) -> bool:
        person = self.stored.people.get(subject)
        return person is not None and person.oldest != person.epoch


def _unless(fit: bool) -> set[Refusal]:
    return set() if fit else {Refusal.MALFORMED}


def must(kept: bool) -> None:
    """Wrong when it is not."""
    if not kept:
        raise Wrong


def _is_id(raw: bytes) -> bool:
    return len(raw) == 16 and raw not in HOUSE


def _is_actor(raw: bytes) -> bool:
    return len(raw) == 17 and raw[0] in KINDS


def _is_word(raw: bytes) -> bool:
    return re.fullmatch(rb"[A-Za-z0-9._-]{1,64}", raw) is not None


def _forbidden(what: bytes, actor: bytes) -> set[Refusal]:
    professional = _is_actor(actor) and KINDS[actor[0]] == "professional"
    return {Refusal.FORBIDDEN} if what == b"private" and professional else set()
