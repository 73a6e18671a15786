"""What each call does, whoever carries it: rights, budgets, the journal, then the store."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from uuid import UUID

from havre.keeper import __version__, keys, ledger
from havre.keeper.budgets import Asked, Budgets, OverBudget
from havre.keeper.house import House
from havre.keeper.journal import Facts
from havre.keeper.places import CannotStart
from havre.keeper.protocol import (
    ACTOR_KINDS,
    MAX_FACTS,
    MAX_PAPERS,
    MAX_SUBJECTS,
    VERSION,
    Call,
    Refusal,
    Refused,
)
from havre.keeper.store import HOUSE, writes

_KIND_OF = {number: kind for kind, number in ACTOR_KINDS.items()}
_NONE = b"\0"


class Keeper:
    """The calls of the protocol over one house. Safe between threads."""

    def __init__(self, house: House, budgets: Budgets | None = None) -> None:
        self.house = house
        self._store, self._journal = house.store, house.journal
        self._budgets = budgets or Budgets()
        self._erasing = threading.Lock()
        self._taken_over = False
        self._fault = ""  # what the last upkeep failed of
        self._calls: dict[int, Callable[[list[bytes]], list[bytes]]] = {
            Call.CREATE: self._create,
            Call.SEAL_KEY: self._seal_key,
            Call.OPEN_KEY: self._open_key,
            Call.FIELDS: self._fields,
            Call.TOKENS: self._tokens,
            Call.PEPPER: self._pepper,
            Call.RATCHET: self._ratchet,
            Call.RATCHET_DONE: self._ratchet_done,
            Call.ERASE: self._erase,
            Call.ROTATE: self._rotate,
            Call.CHECK: self._check,
        }

    def answer(self, call: int, fields: list[bytes]) -> list[bytes]:
        """The fields of the answer; Refused with the reason otherwise."""
        if self._taken_over:
            raise Refused(Refusal.STANDBY, "Another keeper has taken over.")
        if call not in self._calls:
            raise Refused(Refusal.MALFORMED, "There is no such call.")
        if call != Call.CHECK:
            self._spend("call", Asked("calls", 1), {})
        try:
            return self._calls[call](fields)
        except CannotStart as taken_over:
            self._taken_over = True
            raise Refused(Refusal.STANDBY, str(taken_over)) from None

    def tend(self) -> None:
        """What the clock asks for, called each second; never fails."""
        try:
            self.house.tend()
            self._fault = ""
        except CannotStart:
            self._taken_over = True
        except Exception as fault:  # noqa: BLE001 - whatever happens, the clock goes on
            if str(fault) != self._fault:
                self._fault = str(fault)
                self._journal.alarm("upkeep", self._fault)

    def _create(self, fields: list[bytes]) -> list[bytes]:
        (subject,) = _counted(fields, 1)
        facts: Facts = {"subject": _id(subject).hex()}
        self._spend("create", Asked("creations", 1), facts)
        if self.house.ledger.erased(subject):
            raise Refused(Refusal.ERASED, "This subject was erased.")
        self._store.create(subject, self.house.ledger.epoch(subject))
        self._write("create", facts)
        return []

    def _seal_key(self, fields: list[bytes]) -> list[bytes]:
        subject, part_name = _counted(fields, 2)
        part = _one_of(keys.PARTS, part_name)
        own = self._store.keys(_id(subject))
        dek = keys.new_dek()
        self._write("seal_key", {"subject": subject.hex(), "part": part})
        return [dek, keys.wrap(own, part, dek)]

    def _open_key(self, fields: list[bytes]) -> list[bytes]:
        subject, part_name, wrapped, actor, purpose = _counted(fields, 5)
        part = _one_of(keys.PARTS, part_name)
        kind, asked_by = _asked_by(actor, purpose)
        facts: Facts = {"subject": _id(subject).hex(), "part": part, **asked_by}
        self._forbid_private(part, kind, "open_key", facts)
        self._spend("open_key", Asked("papers", 1, kind, actor[1:]), facts)
        with self._told("open_key", facts):
            dek = self._unwrapped(subject, part, wrapped)
        return [dek]

    def _fields(self, fields: list[bytes]) -> list[bytes]:
        class_name, actor, purpose, *subjects = _counted(fields, 3, MAX_SUBJECTS)
        field_class = _one_of(keys.FIELD_CLASSES, class_name)
        kind, asked_by = _asked_by(actor, purpose)
        facts: Facts = {"class": field_class, **asked_by}
        self._forbid_private(field_class, kind, "fields", facts)
        asked = b"".join(_id(subject) for subject in subjects)
        self._spend("fields", Asked("names", len(subjects), kind, actor[1:]), facts)
        answers = [self._field_key(subject, field_class) for subject in subjects]
        self._write("fields", {**facts, "subjects": asked.hex()})
        return answers

    def _tokens(self, fields: list[bytes]) -> list[bytes]:
        scope, kind, *asked = _counted(fields, 2, MAX_FACTS)
        key = keys.token_key(self._store.house.papers, _id(scope) if scope else b"", _word(kind))
        facts: Facts = {"scope": scope.hex(), "kind": _word(kind), "count": len(asked)}
        self._spend("tokens", Asked("facts", len(asked)), facts)
        self._write("tokens", facts)
        return [keys.token(key, fact) for fact in asked]

    def _pepper(self, fields: list[bytes]) -> list[bytes]:
        kind, data = _counted(fields, 2)
        key = keys.pepper_key(self._store.house.fields, _word(kind))
        facts: Facts = {"kind": _word(kind)}
        self._spend("pepper", Asked("peppers", 1), facts)
        self._write("pepper", facts)
        return [keys.token(key, data)]

    def _ratchet(self, fields: list[bytes]) -> list[bytes]:
        """Begin the next epoch, or go on with the one that is pending, and wrap these papers' keys under it."""
        subject, *papers = _counted(fields, 1, 2 * MAX_PAPERS)
        if len(papers) % 2:
            raise Refused(Refusal.MALFORMED, "Each wrapped key comes after its part.")
        parts = [_one_of(keys.PARTS, part) for part in papers[::2]]
        if not self._store.keys(_id(subject)).previous:
            self._spend_on_destruction("ratchet", "ratchets", subject)
        for paper in zip(parts, papers[1::2], strict=True):
            with contextlib.suppress(keys.WrongKey):
                self._brought_forward(subject, *paper)
        with self._erasing:
            own = self._store.keys(subject)
            if not own.previous:
                own = own.ratcheted()
                self._store.append(subject, own)
        self._write("ratchet", {"subject": subject.hex(), "epoch": own.epoch, "count": len(parts)})
        rewrapped = [_rewrapped(own, *paper) for paper in zip(parts, papers[1::2], strict=True)]
        return [own.epoch.to_bytes(keys.EPOCH_BYTES), *rewrapped]

    def _ratchet_done(self, fields: list[bytes]) -> list[bytes]:
        subject, epoch_bytes = _counted(fields, 2)
        if len(epoch_bytes) != keys.EPOCH_BYTES:
            raise Refused(Refusal.MALFORMED, "An epoch is 4 bytes.")
        epoch = int.from_bytes(epoch_bytes)
        with self._erasing:
            own = self._store.keys(_id(subject))
            if not own.epoch <= epoch <= own.epoch + keys.FORWARD:
                raise Refused(Refusal.WRONG_KEY, "This is not the epoch of this subject.")
            self._write_first("ratchet_done", {"subject": subject.hex(), "epoch": epoch})
            if own.previous or epoch > own.epoch:  # after: the store was put back to before the ratchet
                self.house.settle(subject, own.at(epoch))
            self._store.scrub()
        self._write("ratchet_done", {"subject": subject.hex(), "epoch": epoch})
        return []

    def _erase(self, fields: list[bytes]) -> list[bytes]:
        (subject,) = _counted(fields, 1)
        if not self._store.is_erased(_id(subject)):
            self._spend_on_destruction("erase", "erasures", subject)
        self._write_first("erase", {"subject": subject.hex()})
        with self._erasing, writes():
            self.house.ledger.add(ledger.Kind.ERASED, subject)
            self._store.erase(subject)
        self._write("erase", {"subject": subject.hex(), "day": self._store.stamp.day})
        return [self._store.stamp.day.to_bytes(4)]

    def _rotate(self, fields: list[bytes]) -> list[bytes]:
        _counted(fields, 0)
        self._spend("rotate", Asked("rekeyings", 1), {})
        return [self.house.rotate().to_bytes(4)]

    def _check(self, fields: list[bytes]) -> list[bytes]:
        (after,) = _counted(fields, 0, 1) or [bytes(8)]
        if len(after) != 8:
            raise Refused(Refusal.MALFORMED, "A line's number is 8 bytes.")
        report = {"version": __version__, "protocol": VERSION, **self.house.report(int.from_bytes(after))}
        return [json.dumps(report).encode()]

    def _unwrapped(self, subject: bytes, part: str, wrapped: bytes) -> bytes:
        """The paper's key; a store that is older than the database is brought forward when that opens it."""
        own = self._store.keys(subject)
        try:
            return self._brought_forward(subject, part, wrapped) or keys.unwrap(own, part, wrapped)
        except keys.WrongKey:
            raise Refused(
                Refusal.WRONG_KEY, "This wrapped key does not open for this subject and part."
            ) from None

    def _brought_forward(self, subject: bytes, part: str, wrapped: bytes) -> bytes | None:
        """The paper's key when its epoch is after the store's, which then moves there; WrongKey when it is forged."""
        own = self._store.keys(subject)
        if not own.epoch < keys.epoch_of(wrapped) <= own.epoch + keys.FORWARD:
            return None
        with self._erasing:
            later = self._store.keys(subject).at(keys.epoch_of(wrapped))
            dek = keys.unwrap(later, part, wrapped)
            self.house.settle(subject, later)
        detail = "a subject's epoch was older than its papers'"
        self._journal.alarm("repaired", detail, {"subject": subject.hex()})
        return dek

    def _field_key(self, subject: bytes, field_class: str) -> bytes:
        """One page shows many people: a subject that is gone says so without hiding the others."""
        try:
            return _NONE + keys.fields_key(self._store.keys(subject), field_class)
        except Refused as refused:
            return bytes([refused.code])

    def _forbid_private(self, what: str, kind: str, call: str, facts: Facts) -> None:
        if what == keys.PRIVATE and kind == "professional":
            self._journal.alarm_seldom("forbidden", call, facts)
            raise Refused(Refusal.FORBIDDEN, "The private part is never opened for a professional.")

    def _spend(self, call: str, asked: Asked, facts: Facts) -> None:
        try:
            self._budgets.take(asked)
        except OverBudget as over:
            self._journal.alarm_seldom("budget", f"{call}: {over}", facts)
            raise Refused(
                Refusal.BUDGET, f"Too much was asked in a short time ({over}): wait a minute."
            ) from None

    def _spend_on_destruction(self, call: str, what: str, subject: bytes) -> None:
        """What can never be undone is told when there is much of it, before it is refused."""
        facts: Facts = {"subject": subject.hex()}
        self._spend(call, Asked(what, 1), facts)
        if self._budgets.half_spent(what):
            self._journal.alarm_seldom("erase-burst", what, facts)

    @contextlib.contextmanager
    def _told(self, call: str, facts: Facts) -> Iterator[None]:
        """A paper's key leaves only once the line that tells it is on the disk; a refusal is told too."""
        try:
            yield
        except Refused as refused:
            self._write(call, facts, refused.code.name.lower())
            raise
        with writes():
            self._journal.write(call, facts, durable=True)

    def _write_first(self, what: str, facts: Facts) -> None:
        """A destruction that a crash interrupts has its line."""
        with writes():
            self._journal.write(what, facts, "asked", durable=True)

    def _write(self, what: str, facts: Facts, outcome: str = "ok") -> None:
        with writes():
            self._journal.write(what, facts, outcome)


def _rewrapped(own: keys.ShredKeys, part: str, wrapped: bytes) -> bytes:
    """The same key under the newest epoch; empty when it cannot be opened, for one lost paper holds up no erasure."""
    try:
        return keys.wrap(own, part, keys.unwrap(own, part, wrapped))
    except keys.WrongKey:
        return b""


def _counted(fields: list[bytes], fixed: int, more: int = 0) -> list[bytes]:
    if not fixed <= len(fields) <= fixed + more:
        raise Refused(Refusal.MALFORMED, "This call does not take that many fields.")
    return fields


def _id(raw: bytes) -> bytes:
    if len(raw) != 16 or raw in HOUSE:
        raise Refused(Refusal.MALFORMED, "An id is 16 bytes, and not one of the house's own.")
    return raw


def _one_of(names: frozenset[str], raw: bytes) -> str:
    name = raw.decode("ascii", "replace")
    if name not in names:
        raise Refused(Refusal.MALFORMED, f"One of {', '.join(sorted(names))} is expected.")
    return name


def _word(raw: bytes) -> str:
    """A purpose or a kind of token: 1 to 64 ASCII letters, digits, dots, dashes and underscores."""
    word = raw.decode("ascii", "replace")
    plain = word.translate({ord(sign): "a" for sign in ".-_"})
    if len(word) > 64 or not plain.isalnum() or not word.isascii():
        raise Refused(Refusal.MALFORMED, "A purpose or kind is a short ASCII word.")
    return word


def _asked_by(actor: bytes, purpose: bytes) -> tuple[str, Facts]:
    """The kind of who asks, and who and what for as the journal writes them."""
    kind = _KIND_OF.get(actor[0]) if len(actor) == 17 else None
    if kind is None:
        raise Refused(Refusal.MALFORMED, "An actor is a kind and an id.")
    return kind, {"actor": f"{kind}:{UUID(bytes=actor[1:])}", "purpose": _word(purpose)}
