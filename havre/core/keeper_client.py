"""The client of the keeper: the only door to it. Safe between threads and across a fork.

Every call is safe to repeat, so a connection that breaks (the keeper restarted) is replaced and the call
repeated once. A call that takes longer than its time-out is not repeated.
"""

import contextlib
import json
import os
import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict
from uuid import UUID

from havre.keeper import protocol
from havre.keeper.protocol import ACTOR_KINDS, Call, Refusal

TIMEOUT_SECONDS = 2.0
ERASE_SECONDS = 30.0
MAX_SUBJECTS = protocol.MAX_SUBJECTS
MAX_FACTS = protocol.MAX_FACTS


class KeeperError(Exception):
    """The keeper gave nothing; see the subclasses."""


class KeeperAbsent(KeeperError):
    """The keeper cannot be reached, or did not answer in time."""


class KeeperRefused(KeeperError):
    """The keeper said no; `code` is the Refusal's name in lower case ("forbidden", "wrong_key", "store")."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class SubjectUnknown(KeeperRefused):
    """No key was ever created for this subject here."""


class SubjectErased(KeeperRefused):
    """The subject was erased: its keys will never exist again."""


class SubjectDamaged(KeeperRefused):
    """The subject's record in the store no longer verifies."""


_REFUSALS = {
    Refusal.UNKNOWN: SubjectUnknown,
    Refusal.ERASED: SubjectErased,
    Refusal.DAMAGED: SubjectDamaged,
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks the keeper: kind is "person", "professional", "worker" or "system"."""

    kind: str
    id: UUID

    def __post_init__(self) -> None:
        if self.kind not in ACTOR_KINDS:
            raise ValueError(f"An actor is one of {', '.join(ACTOR_KINDS)}, not {self.kind!r}.")

    def encoded(self) -> bytes:
        """17 bytes: the kind's number, then the id."""
        return bytes([ACTOR_KINDS[self.kind]]) + self.id.bytes


class Check(TypedDict):
    """The keeper's own health: counts, lost subjects (hex ids, at most 1,000), sizes in bytes."""

    version: str
    protocol: int
    subjects: int
    erased: int
    damaged: int
    damaged_records: int
    damaged_subjects: list[str]
    store_bytes: int
    generation: int


class FieldKeys(dict[UUID, bytes]):
    """Field keys by subject; asking for one that is gone raises SubjectUnknown, -Erased or -Damaged."""

    def __init__(self, answers: dict[UUID, bytes]) -> None:
        super().__init__({subject: answer[1:] for subject, answer in answers.items() if not answer[0]})
        self.refusals = {subject: answer[0] for subject, answer in answers.items() if answer[0]}

    def __missing__(self, subject: UUID) -> bytes:
        if subject in self.refusals:
            raise _refused(self.refusals[subject], "The keeper has no key for this subject.")
        raise KeyError(subject)


class KeeperClient:
    """Asks one keeper. Every method raises KeeperAbsent or KeeperRefused."""

    def __init__(self, socket_path: Path | str, timeout: float = TIMEOUT_SECONDS) -> None:
        """Nothing is opened until the first call. `timeout` is in seconds for one step of a call."""
        self._path = os.fspath(socket_path)
        self._timeout = timeout
        self._idle: dict[int, list[socket.socket]] = {}

    def ping(self) -> str:
        """The keeper's version."""
        (version,) = self._ask(Call.PING)
        return version.decode()

    def create(self, subject: UUID) -> None:
        """Give a subject its keys, on disk when this returns; nothing changes when it has them."""
        self._ask(Call.CREATE, subject.bytes)

    def seal_key(self, subject: UUID, part: str) -> tuple[bytes, bytes]:
        """A new 32-byte DEK for a paper of one part ("shared", "private"), and it wrapped (44 bytes)."""
        dek, wrapped = self._ask(Call.SEAL_KEY, subject.bytes, part.encode())
        return dek, wrapped

    def open_key(self, subject: UUID, part: str, wrapped: bytes, actor: Actor, purpose: str) -> bytes:
        """The DEK of a paper. `purpose` is a short ASCII word, kept by the keeper's journal."""
        fields = (subject.bytes, part.encode(), wrapped, actor.encoded(), purpose.encode())
        (dek,) = self._ask(Call.OPEN_KEY, *fields)
        return dek

    def fields(self, subjects: Collection[UUID], field_class: str, actor: Actor, purpose: str) -> FieldKeys:
        """The keys of one class of fields, at most MAX_SUBJECTS; a subject that is gone hides no other."""
        asked = list(subjects)
        ids = [subject.bytes for subject in asked]
        answers = self._ask(Call.FIELDS, field_class.encode(), actor.encoded(), purpose.encode(), *ids)
        return FieldKeys(dict(zip(asked, answers, strict=True)))

    def tokens(self, scope: UUID | None, kind: str, facts: Sequence[bytes]) -> list[bytes]:
        """Blind tokens: one 32-byte HMAC for each fact (at most MAX_FACTS), keyed by scope and kind."""
        return self._ask(Call.TOKENS, scope.bytes if scope else b"", kind.encode(), *facts)

    def erase(self, subject: UUID) -> None:
        """Forget a subject's keys for ever; when this returns they are in no file of the keeper."""
        self._ask(Call.ERASE, subject.bytes, timeout=ERASE_SECONDS)

    def check(self) -> Check:
        """Counts, damaged subjects, size of the store, versions."""
        (report,) = self._ask(Call.CHECK)
        checked: Check = json.loads(report)
        return checked

    def close(self) -> None:
        """Close the idle connections; the client may be used again."""
        for connection in self._idle.pop(os.getpid(), []):
            connection.close()

    def _ask(self, call: Call, *fields: bytes, timeout: float | None = None) -> list[bytes]:
        """The fields of the answer, on an idle connection or a new one."""
        try:
            question = protocol.encode(call, list(fields))
            code, answer = protocol.decode(self._answer(question, timeout or self._timeout))
        except protocol.Refused as refused:
            raise _refused(refused.code, str(refused)) from None
        except OSError as error:
            raise KeeperAbsent(f"The keeper does not answer on {self._path}: {error}.") from error
        if code:
            raise _refused(code, answer[0].decode("utf-8", "replace") if answer else "")
        return answer

    def _answer(self, question: bytes, timeout: float) -> bytes:
        idle = self._connections()
        connection = idle.pop() if idle else self._connect()
        try:
            return self._exchange(connection, question, timeout)
        except TimeoutError:
            raise
        except OSError:
            self.close()  # they broke together: the keeper restarted
            return self._exchange(self._connect(), question, timeout)

    def _exchange(self, connection: socket.socket, question: bytes, timeout: float) -> bytes:
        """One question, one answer; the connection is kept for the next one if it is still good."""
        good = False
        try:
            connection.settimeout(timeout)
            with contextlib.suppress(BrokenPipeError):  # it may have said why before it closed
                connection.sendall(question)
            answer = protocol.receive(connection, idle=timeout, within=timeout)
            if answer is None:
                raise ConnectionResetError("The keeper closed the connection.")
            good = answer[1:2] not in _CLOSING
        finally:
            if good:
                self._connections().append(connection)
            else:
                connection.close()
        return answer

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._timeout)
        try:
            connection.connect(self._path)
        except OSError:
            connection.close()
            raise
        return connection

    def _connections(self) -> list[socket.socket]:
        """The idle connections of this process; those of the parent before a fork are closed on our side."""
        pid = os.getpid()
        if pid not in self._idle:
            inherited, self._idle = self._idle, {pid: []}
            for connection in [one for idle in inherited.values() for one in idle]:
                connection.close()
        return self._idle[pid]


_CLOSING = frozenset(bytes([code]) for code in protocol.LAST_WORDS)


def _refused(code: int, sentence: str) -> KeeperRefused:
    try:
        refusal = Refusal(code)
    except ValueError:
        return KeeperRefused("unknown_refusal", sentence)
    return _REFUSALS.get(refusal, KeeperRefused)(refusal.name.lower(), sentence)
