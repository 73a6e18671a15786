"""A warm standby: a second keeper that holds the files of the first, and takes over by one command.

The primary writes to it as to a folder (`RemotePlace`), before it acknowledges anything. The calls of this
replication go in the frames of `protocol.py`, one answer for each question (integers big-endian)::

    hello    term u32                          -> session u64
    read     session, name, at u64             -> nothing when there is no such file; size u64, bytes from `at`
    write    session, name, at u64, bytes      -> nothing, once on the disk
    part     session, name, at u64, bytes      -> nothing; kept in memory until
    commit   session, name, SHA-256 of all     -> nothing, once the whole file took the place of the old one
    promote  nothing                           -> when the store was last written, ISO 8601 or empty

Only one session lives: the last that said hello. So a write that was delayed can never land after the store
was replaced. A primary whose term is lower than the highest one seen is FORBIDDEN: another has taken over.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path

from havre.keeper import protocol, tls
from havre.keeper.places import CannotStart, Folder
from havre.keeper.protocol import Refusal, Refused
from havre.keeper.server import Answer, Listener, Role, Server, UnixListener

NAMES = frozenset({b"store.log", b"days.keys", b"erased.ledger"})  # and never the root
CONTROL = "standby.sock"
PART_BYTES = 1 << 19
STEP_SECONDS = 1.5  # less than what a client waits for the primary
REPLACE_SECONDS = 30.0
PROMOTE_SECONDS = 300.0
MAX_FILE = 1 << 28
TERMS_AHEAD = 8  # how many take-overs a standby may have missed
_STORE, _MAGIC = "store.log", b"HAVREKS2"


class Copying(IntEnum):
    """What a primary asks its standby; `promote` is the operator's."""

    HELLO = 32
    READ = 33
    WRITE = 34
    PART = 35
    COMMIT = 36
    PROMOTE = 37


class TakenOver(CannotStart):
    """The standby, or a later primary, holds the keys now: this keeper must not go on."""


def store_term(path: Path) -> int:
    """The term in a store's header, unverified; 0 when there is no store."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except FileNotFoundError:
        return 0
    return int.from_bytes(head[8:]) if head[:8] == _MAGIC and len(head) == 12 else 0


def promote(home: Path) -> str:
    """Have the standby of `home` take over; when its store was last written. CannotStart when it cannot."""
    path = home / CONTROL
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(STEP_SECONDS)
            control.connect(os.fspath(path))
            control.sendall(protocol.encode(Copying.PROMOTE, []))
            frame = protocol.receive(control, idle=PROMOTE_SECONDS, within=STEP_SECONDS)
    except OSError as error:
        raise CannotStart(f"No standby answers on {path}: {error.strerror or error}.") from None
    if frame is None:
        raise CannotStart(f"The standby on {path} does not let this user promote it.")
    code, fields = protocol.decode(frame)
    if code:
        raise CannotStart(fields[0].decode())
    return fields[0].decode()


# --- the standby's side ---


class Standby:
    """Keeps a primary's files in `home` until it is promoted, then answers as the primary on the same ports."""

    def __init__(self, home: Path, listeners: Sequence[Listener], open_primary: Callable[[], Answer]) -> None:
        """`open_primary` opens the store of `home` under the next term; it lets go of all when it fails."""
        self._home, self._open_primary = home, open_primary
        self._guard = threading.Lock()
        self._folder: Folder | None = Folder(home)
        self._primary: Answer | None = None
        self._term, self._session = 0, b""
        self._parts: dict[str, bytearray] = {}
        control = UnixListener(home / CONTROL, role=Role.OPERATOR)
        others: dict[Role, Answer] = {Role.KEEPER: self._copy, Role.OPERATOR: self._control}
        self._server = Server(self._answer, [*listeners, control], others)

    def serve(self) -> None:
        """Until `stop`. What `open_primary` opened is closed by whoever gave it."""
        self._server.serve()
        with self._guard:
            self._let_go()

    def stop(self) -> None:
        """End `serve` soon; safe in a signal handler and from another thread."""
        self._server.stop()

    def _answer(self, call: int, fields: list[bytes]) -> list[bytes]:
        """For clients."""
        if self._primary is None:
            raise Refused(Refusal.STANDBY, "This keeper is a standby: ask the primary.")
        return self._primary(call, fields)

    def _control(self, call: int, fields: list[bytes]) -> list[bytes]:
        """For the operator, who may replicate too: a primary of the same user on the same machine does."""
        return self._promote() if call == Copying.PROMOTE else self._copy(call, fields)

    def _copy(self, call: int, fields: list[bytes]) -> list[bytes]:
        """For another keeper."""
        with self._guard:
            if self._primary is not None:
                raise Refused(Refusal.FORBIDDEN, "This standby has taken over.")
            try:
                if call == Copying.HELLO:
                    return self._hello(*fields)
                session, name, *rest = fields
                return self._on(self._file(session, name), call, *rest)
            except (TypeError, ValueError, struct.error):
                raise Refused(Refusal.MALFORMED, "There is no such call, or not with such fields.") from None
            except OSError as error:
                raise Refused(Refusal.STORE, f"The standby's disk says: {error.strerror}.") from None

    def _hello(self, term: bytes) -> list[bytes]:
        stored = store_term(self._home / _STORE)
        self._term = max(self._term, stored)
        (asked,) = struct.unpack(">I", term)
        if stored and asked > stored + TERMS_AHEAD:
            raise ValueError(asked)
        if asked < self._term:
            raise Refused(Refusal.FORBIDDEN, "Another keeper has taken over since.")
        self._term, self._session = asked, secrets.token_bytes(8)
        self._parts.clear()
        return [self._session]

    def _file(self, session: bytes, name: bytes) -> str:
        if not self._session or not hmac.compare_digest(session, self._session):
            raise Refused(Refusal.UNKNOWN, "Another connection took the place of this one.")
        if name not in NAMES:
            raise ValueError(name)
        return name.decode()

    def _on(self, name: str, call: int, *fields: bytes) -> list[bytes]:
        folder = self._folder
        if folder is None:
            raise Refused(Refusal.STORE, "This standby let go of its folder: start it again.")
        if call == Copying.READ:
            return _some(self._home / name, *fields)
        if call == Copying.WRITE:
            at, data = fields
            folder.write(name, _offset(at), data)
        elif call == Copying.PART:
            self._gather(name, *fields)
        elif call == Copying.COMMIT:
            (digest,) = fields
            self._commit(folder, name, digest)
        else:
            raise ValueError(call)
        return []

    def _gather(self, name: str, at: bytes, data: bytes) -> None:
        start = _offset(at)
        parts = self._parts[name] = self._parts.get(name, bytearray()) if start else bytearray()
        if start != len(parts):
            raise ValueError(start)
        parts += data

    def _commit(self, folder: Folder, name: str, digest: bytes) -> None:
        whole = bytes(self._parts.pop(name, b""))
        if hashlib.sha256(whole).digest() != digest:
            raise ValueError(name)
        folder.replace(name, whole)

    def _promote(self) -> list[bytes]:
        with self._guard:
            if self._primary is None:
                self._take_over()
            return [_last_written(self._home / _STORE).encode()]

    def _take_over(self) -> None:
        """Let go of the folder, and have it opened as a primary's; when that fails, stay a standby."""
        self._let_go()
        try:
            self._primary = self._open_primary()
        except (CannotStart, Refused, OSError) as reason:
            with contextlib.suppress(CannotStart, OSError):
                self._folder = Folder(self._home)
            raise Refused(Refusal.STORE, f"The standby cannot take over: {reason}") from None

    def _let_go(self) -> None:
        if self._folder:
            self._folder.close()
        self._folder = None


def _some(path: Path, at: bytes) -> list[bytes]:
    start = _offset(at)
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(start)
            return [struct.pack(">Q", size), file.read(PART_BYTES)]
    except FileNotFoundError:
        return []


def _offset(raw: bytes) -> int:
    at: int = struct.unpack(">Q", raw)[0]
    if at > MAX_FILE:
        raise ValueError(at)
    return at


def _last_written(path: Path) -> str:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
    except FileNotFoundError:
        return ""


# --- the primary's side ---


class RemotePlace:
    """A standby as a `Place`. Connects when it is first used, and again once when the connection broke."""

    def __init__(self, address: str, term: Callable[[], int], certificates: Path | None = None) -> None:
        """`address`: "tls://host:port", which needs `certificates`, or "unix:/path". CannotStart when it is neither.

        `term` gives that of the store that is replicated.
        """
        self.address, self._term = address, term
        self._reach = _way(address, certificates)
        self._guard = threading.Lock()
        self._line: _Line | None = None

    def read(self, name: str) -> bytes | None:
        """As Place; OSError when the standby does not answer, TakenOver when it must not be written any more."""
        return self._do(lambda line: line.read(name), REPLACE_SECONDS)

    def write(self, name: str, at: int, data: bytes) -> None:
        """As Place, within STEP_SECONDS."""
        self._do(lambda line: line.write(name, at, data), STEP_SECONDS)

    def replace(self, name: str, data: bytes) -> None:
        """As Place, within REPLACE_SECONDS."""
        self._do(lambda line: line.replace(name, data), REPLACE_SECONDS)

    def close(self) -> None:
        """Leave the standby."""
        with self._guard:
            self._drop()

    def _do[Done](self, work: "Callable[[_Line], Done]", within: float) -> Done:
        """Do it, once again when the connection broke; after a time-out there is no time left."""
        deadline = time.monotonic() + within
        with self._guard:
            fresh = self._line is None
            try:
                return work(self._connected(deadline))
            except (TimeoutError, _Declined):
                self._drop()
                raise
            except OSError:
                self._drop()
                if fresh:
                    raise
            try:
                return work(self._connected(deadline))
            except OSError:
                self._drop()
                raise

    def _connected(self, deadline: float) -> "_Line":
        if self._line is None:
            soon = min(deadline, time.monotonic() + STEP_SECONDS)
            connection = self._reach(soon)
            try:
                self._line = _Line(connection, self._term(), soon)
            except (OSError, TakenOver):
                connection.close()
                raise
        self._line.deadline = deadline
        return self._line

    def _drop(self) -> None:
        if self._line:
            self._line.connection.close()
        self._line = None


class _Declined(OSError):
    """The standby heard, and will not or cannot."""


class _Line:
    """One session with a standby."""

    def __init__(self, connection: socket.socket, term: int, deadline: float) -> None:
        self.connection, self.deadline = connection, deadline
        (self._session,) = self._ask(Copying.HELLO, struct.pack(">I", term))

    def read(self, name: str) -> bytes | None:
        content = bytearray()
        while found := self._on(Copying.READ, name, _at(len(content))):
            size, some = found
            content += some
            if len(content) >= int.from_bytes(size) or not some:
                return bytes(content)
        return None

    def write(self, name: str, at: int, data: bytes) -> None:
        for start in range(0, len(data), PART_BYTES):
            self._on(Copying.WRITE, name, _at(at + start), data[start : start + PART_BYTES])

    def replace(self, name: str, data: bytes) -> None:
        for start in range(0, len(data), PART_BYTES):
            self._on(Copying.PART, name, _at(start), data[start : start + PART_BYTES])
        self._on(Copying.COMMIT, name, hashlib.sha256(data).digest())

    def _on(self, call: Copying, name: str, *fields: bytes) -> list[bytes]:
        return self._ask(call, self._session, name.encode(), *fields)

    def _ask(self, call: Copying, *fields: bytes) -> list[bytes]:
        self.connection.settimeout(_left(self.deadline))
        self.connection.sendall(protocol.encode(call, list(fields)))
        left = _left(self.deadline)
        try:
            frame = protocol.receive(self.connection, idle=left, within=left)
            if frame is None:
                raise ConnectionResetError("The standby closed the connection.")
            code, answer = protocol.decode(frame)
        except Refused as refused:
            raise OSError(str(refused)) from None
        if code == Refusal.FORBIDDEN:
            raise TakenOver(f"{answer[0].decode()} Stop the keeper that runs here: it must not go on.")
        if code == Refusal.UNKNOWN:
            raise ConnectionResetError(answer[0].decode())
        if code:
            raise _Declined(f"The standby refused: {answer[0].decode()}")
        return answer


_Way = Callable[[float], socket.socket]


def _way(address: str, certificates: Path | None) -> _Way:
    """How to connect to an address, before a deadline."""
    kind, _, where = address.partition(":")
    if kind == "unix":
        return lambda deadline: _connected_here(where, deadline)
    if kind != "tls" or certificates is None:
        raise CannotStart(f"The standby {address} needs tls://host:port and a folder of certificates.")
    host, port = tls.split(where.removeprefix("//"))
    rules = tls.context(certificates, server=False)
    return lambda deadline: _connected_there(host, port, rules, deadline)


def _connected_here(path: str, deadline: float) -> socket.socket:
    plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    plain.settimeout(_left(deadline))
    try:
        plain.connect(path)
    except OSError:
        plain.close()
        raise
    return plain


def _connected_there(host: str, port: int, rules: ssl.SSLContext, deadline: float) -> socket.socket:
    with socket.create_connection((host, port), timeout=_left(deadline)) as plain:
        plain.settimeout(_left(deadline))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return rules.wrap_socket(plain, server_hostname=host)


def _left(deadline: float) -> float:
    """The seconds before a deadline; TimeoutError when it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("The standby did not answer in time.")
    return left


def _at(offset: int) -> bytes:
    return struct.pack(">Q", offset)
