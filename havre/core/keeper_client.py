"""The client of the keeper: the only door to it. Safe between threads and across a fork.

It knows one address or several (a keeper and its standby), and asks the one that answered last first. A keeper
that cannot be reached, does not answer in time, or says that it is a standby, leaves the call to the next one:
every call but `rotate` is safe to repeat. A connection that breaks (the keeper restarted) is replaced once.
"""

import contextlib
import json
import os
import socket
import ssl
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict
from urllib.parse import urlsplit
from uuid import UUID

from havre.keeper import protocol
from havre.keeper.protocol import ACTOR_KINDS, Call, Refusal

TIMEOUT_SECONDS = 2.0
LONG_SECONDS = 45.0  # for a call that may write the whole store, in two places
REUSE_SECONDS = 60.0  # a network forgets a connection that says nothing for long
MAX_SUBJECTS = protocol.MAX_SUBJECTS
MAX_FACTS = protocol.MAX_FACTS
MAX_PAPERS = protocol.MAX_PAPERS


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


class KeeperUnable(KeeperRefused, KeeperAbsent):
    """It cannot for the moment (its disk is full, it has too many callers): for a page, as if it were absent."""


class KeeperBudget(KeeperUnable):
    """Too much was asked in too short a time; the keeper's journal says by whom."""


_REFUSALS = {
    Refusal.UNKNOWN: SubjectUnknown,
    Refusal.ERASED: SubjectErased,
    Refusal.DAMAGED: SubjectDamaged,
    Refusal.BUSY: KeeperUnable,
    Refusal.STORE: KeeperUnable,
    Refusal.BUDGET: KeeperBudget,
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


class KeeperAlarm(TypedDict):
    """What the operator must know of: a line of the keeper's journal, its time in ISO 8601."""

    n: int
    at: str
    what: str
    subject: str | None
    actor: str | None
    detail: str


class Copy(TypedDict):
    """The second copy: why it is behind, and since when (ISO 8601)."""

    state: Literal["none", "ok", "behind"]
    same_disk: bool
    why: str
    since: str | None


class Day(TypedDict):
    """The newest day key: its number, and when it was made (ISO 8601)."""

    number: int
    made: str


class JournalHead(TypedDict):
    """The keeper's journal: its last line's number and digest, and the digest of the line asked about."""

    position: int
    digest: str
    digest_after: str | None


class Check(TypedDict):
    """The keeper's own health: counts, lost subjects (hex ids, at most 1,000), sizes in bytes, alarms."""

    version: str
    protocol: int
    role: str
    started: str
    subjects: int
    erased: int
    damaged: int
    damaged_records: int
    damaged_subjects: list[str]
    store_bytes: int
    generation: int
    term: int
    day: Day
    oldest_day: int
    copy: Copy
    ledger: int
    journal: JournalHead
    alarms: list[KeeperAlarm]


class FieldKeys(dict[UUID, bytes]):
    """Field keys by subject; asking for one that is gone raises SubjectUnknown, -Erased or -Damaged."""

    def __init__(self, answers: dict[UUID, bytes]) -> None:
        super().__init__({subject: answer[1:] for subject, answer in answers.items() if not answer[0]})
        self.refusals = {subject: answer[0] for subject, answer in answers.items() if answer[0]}

    def __missing__(self, subject: UUID) -> bytes:
        if subject in self.refusals:
            raise _refused(self.refusals[subject], "The keeper has no key for this subject.")
        raise KeyError(subject)

    @property
    def gone(self) -> dict[UUID, str]:
        """Those without a key, and why: "unknown", "erased" or "damaged"."""
        return {subject: Refusal(code).name.lower() for subject, code in self.refusals.items()}


class KeeperClient:
    """Asks one keeper. Every method raises KeeperAbsent or KeeperRefused."""

    def __init__(
        self, addresses: Path | str, timeout: float = TIMEOUT_SECONDS, certificates: Path | None = None
    ) -> None:
        """Nothing is opened until the first call. `timeout` is in seconds for one step of a call.

        `addresses`: paths of sockets and "tls://host:port", between commas. `certificates`: a folder with
        ca.pem, certificate.pem and key.pem, for TLS.
        """
        self._gates = [
            _Gate(address.strip(), timeout, certificates) for address in os.fspath(addresses).split(",")
        ]
        self._timeout = timeout

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

    def pepper(self, kind: str, data: bytes) -> bytes:
        """A 32-byte HMAC of a secret that could be guessed (a PIN, an answer), keyed by kind."""
        (peppered,) = self._ask(Call.PEPPER, kind.encode(), data)
        return peppered

    def ratchet(self, subject: UUID, papers: Sequence[tuple[str, bytes]]) -> tuple[int, list[bytes]]:
        """Move a subject's papers to their next epoch: its number, and each (part, wrapped) wrapped again.

        At most MAX_PAPERS; one that opens no more comes back empty. Repeated, it answers under the same epoch
        until `ratchet_done`.
        """
        fields = [field for part, wrapped in papers for field in (part.encode(), wrapped)]
        epoch, *wrapped_again = self._ask(Call.RATCHET, subject.bytes, *fields, within=LONG_SECONDS)
        return int.from_bytes(epoch), wrapped_again

    def ratchet_done(self, subject: UUID, epoch: int) -> None:
        """Destroy the keys before `epoch`: what was wrapped under them opens no more, when this returns."""
        self._ask(Call.RATCHET_DONE, subject.bytes, epoch.to_bytes(4), within=LONG_SECONDS)

    def erase(self, subject: UUID) -> int:
        """Forget a subject's keys for ever; when this returns they are in no file of the keeper.

        Gives the day under which old copies of the store lie: dead once `check`'s oldest_day is greater.
        """
        (day,) = self._ask(Call.ERASE, subject.bytes, within=LONG_SECONDS)
        return int.from_bytes(day)

    def rotate(self) -> int:
        """Re-key the store now; the number of the new day. Never sent twice."""
        (day,) = self._ask(Call.ROTATE, within=LONG_SECONDS, once=True)
        return int.from_bytes(day)

    def check(self, after: int | None = None) -> Check:
        """The keeper's health; the alarms of its journal after line `after`, and that line's digest."""
        (report,) = self._ask(Call.CHECK, *([] if after is None else [after.to_bytes(8)]))
        checked: Check = json.loads(report)
        return checked

    def close(self) -> None:
        """Close the idle connections; the client may be used again."""
        for gate in self._gates:
            gate.close()

    def _ask(self, call: Call, *fields: bytes, within: float = 0.0, once: bool = False) -> list[bytes]:
        """The fields of the answer, from the first keeper that gives one."""
        try:
            question = protocol.encode(call, list(fields))
        except protocol.Refused as refused:
            raise _refused(refused.code, str(refused)) from None
        faults: list[str] = []
        for gate in self._gates.copy():
            try:
                code, answer = gate.answer(question, max(within, self._timeout), once=once)
            except OSError as error:
                faults.append(f"{gate.address}: {error}")
                if once and not isinstance(error, _NotSent):
                    break
                continue
            if code == Refusal.STANDBY:
                faults.append(f"{gate.address}: a standby")
                continue
            self._prefer(gate)
            return _fields(code, answer)
        raise KeeperAbsent(f"The keeper does not answer on {'; '.join(faults)}.")

    def _prefer(self, gate: "_Gate") -> None:
        """Ask the one that answers first, from now on."""
        if self._gates[0] is not gate:
            self._gates = [gate, *(other for other in self._gates if other is not gate)]


class _NotSent(OSError):
    """No connection could be made: the question was not asked."""


class _Gate:
    """One address, and the idle connections of this process to it."""

    def __init__(self, address: str, timeout: float, certificates: Path | None) -> None:
        self.address = address
        self._timeout, self._certificates = timeout, certificates
        self._idle: dict[int, list[tuple[socket.socket, float]]] = {os.getpid(): []}

    def answer(self, question: bytes, within: float, *, once: bool) -> tuple[int, list[bytes]]:
        """The code and fields of the answer; OSError when there is none."""
        connection = None if once else self._reused()
        if connection is not None:
            try:
                return self._exchange(connection, question, within)
            except TimeoutError:
                raise
            except OSError:
                self.close()  # they broke together: the keeper restarted
        return self._exchange(self._connected(), question, within)

    def close(self) -> None:
        """Close the idle connections."""
        for connection, _ in self._idle.pop(os.getpid(), []):
            connection.close()

    def _exchange(self, connection: socket.socket, question: bytes, within: float) -> tuple[int, list[bytes]]:
        """One question, one answer; the connection is kept for the next one if it is still good."""
        good = False
        try:
            connection.settimeout(self._timeout)
            with contextlib.suppress(BrokenPipeError):  # it may have said why before it closed
                connection.sendall(question)
            answer = protocol.receive(connection, idle=within, within=self._timeout)
            if answer is None:
                raise ConnectionResetError("The keeper closed the connection.")
            code, fields = protocol.decode(answer)
            good = code not in protocol.LAST_WORDS
        except protocol.Refused as refused:
            raise ConnectionError(str(refused)) from None
        finally:
            if good:
                self._connections().append((connection, time.monotonic()))
            else:
                connection.close()
        return code, fields

    def _reused(self) -> socket.socket | None:
        idle = self._connections()
        with contextlib.suppress(IndexError):  # another thread took the last one
            connection, since = idle.pop()
            if time.monotonic() - since < REUSE_SECONDS:
                return connection
            connection.close()
        return None

    def _connected(self) -> socket.socket:
        try:
            if self.address.startswith("tls://"):
                return self._connected_there()
            return self._connected_here()
        except OSError as error:
            raise _NotSent(error.strerror or str(error)) from error

    def _connected_here(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._timeout)
        try:
            connection.connect(self.address.removeprefix("unix:"))
        except OSError:
            connection.close()
            raise
        return connection

    def _connected_there(self) -> socket.socket:
        """TLS 1.3, a certificate on both sides; the keeper's must be for the host that we name."""
        where = urlsplit(self.address)
        rules = self._rules()
        with socket.create_connection((where.hostname, where.port), timeout=self._timeout) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return rules.wrap_socket(plain, server_hostname=where.hostname)

    def _rules(self) -> ssl.SSLContext:
        """Read from the files each time, so that renewed certificates serve at once."""
        if self._certificates is None:
            raise OSError("it asks for certificates, and none are set")
        rules = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        rules.minimum_version = ssl.TLSVersion.TLSv1_3
        rules.verify_flags |= ssl.VERIFY_X509_STRICT
        try:
            rules.load_verify_locations(self._certificates / "ca.pem")
            rules.load_cert_chain(self._certificates / "certificate.pem", self._certificates / "key.pem")
        except OSError as error:
            raise OSError(f"the certificates in {self._certificates} cannot be used ({error})") from None
        return rules

    def _connections(self) -> list[tuple[socket.socket, float]]:
        """The idle connections of this process; those of the parent before a fork are closed on our side."""
        pid = os.getpid()
        if pid not in self._idle:
            inherited, self._idle = self._idle, {pid: []}
            for connection, _ in [one for idle in inherited.values() for one in idle]:
                connection.close()
        return self._idle[pid]


def _fields(code: int, answer: list[bytes]) -> list[bytes]:
    """The answer, or the refusal that it is."""
    if code:
        raise _refused(code, answer[0].decode("utf-8", "replace") if answer else "")
    return answer


def _refused(code: int, sentence: str) -> KeeperRefused:
    try:
        refusal = Refusal(code)
    except ValueError:
        return KeeperRefused("unknown_refusal", sentence)
    return _REFUSALS.get(refusal, KeeperRefused)(refusal.name.lower(), sentence)
