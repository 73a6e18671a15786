"""The server: one thread for each connection, one question at a time on each, on several listeners at once.

A listener says who is at the other end (`Role`); the server gives each role its own answers.
"""

import contextlib
import os
import pwd
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from havre.keeper import protocol
from havre.keeper.places import CannotStart, private_folder
from havre.keeper.protocol import Refusal, Refused

IDLE_SECONDS = 600.0
FRAME_SECONDS = 2.0
MAX_CONNECTIONS = 256  # on each listener: a crowd on one does not close the others
_PEER = struct.Struct("3i")  # struct ucred: pid, uid, gid

Answer = Callable[[int, list[bytes]], list[bytes]]


class Role(StrEnum):
    """Who speaks: a process that asks for keys, another keeper, or the operator of this one."""

    CLIENT = "client"
    KEEPER = "keeper"
    OPERATOR = "operator"


class Listener(Protocol):
    """Where connections arrive."""

    name: str
    listening: socket.socket

    def welcome(self, connection: socket.socket) -> tuple[socket.socket, Role]:
        """The connection, ready to be used, and who is there; OSError for one that must be closed."""

    def refuse(self, connection: socket.socket, words: bytes) -> None:
        """Say a last frame to somebody who was not welcomed, where that can be done without waiting."""

    def close(self) -> None:
        """Listen no more."""


class Server:
    """Answers on its listeners until `stop`."""

    def __init__(
        self, answer: Answer, listeners: Sequence[Listener], others: Mapping[Role, Answer] | None = None
    ) -> None:
        """`answer` is for clients, `others` for the other roles; a role without answers is not heard."""
        self._answers = {Role.CLIENT: answer, Role.KEEPER: _takes_no_copies, **(others or {})}
        self._listeners = listeners
        self._free = {listener.name: threading.BoundedSemaphore(MAX_CONNECTIONS) for listener in listeners}
        self._stopped = False

    def serve(self) -> None:
        """Accept connections until `stop`, then close the listeners."""
        try:
            with selectors.DefaultSelector() as selector:
                for listener in self._listeners:
                    listener.listening.setblocking(False)
                    selector.register(listener.listening, selectors.EVENT_READ, listener)
                while not self._stopped:
                    for key, _ in selector.select():
                        self._accept(key.data)
        finally:
            for listener in self._listeners:
                listener.close()

    def stop(self) -> None:
        """End `serve` soon; safe in a signal handler and from another thread."""
        self._stopped = True
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.listening.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: Listener) -> None:
        try:
            connection, _ = listener.listening.accept()
        except BlockingIOError:  # it left before it was let in
            return
        except OSError:
            if not self._stopped:  # out of descriptors, perhaps: leave the others time to end
                time.sleep(0.05)
            return
        if not self._started(listener, connection):
            with connection, contextlib.suppress(OSError):
                busy = Refused(Refusal.BUSY, "The keeper has too many connections.")
                listener.refuse(connection, _refusal(busy))

    def _started(self, listener: Listener, connection: socket.socket) -> bool:
        """Give the connection a thread, if there is room for one."""
        free = self._free[listener.name]
        if not free.acquire(blocking=False):
            return False
        try:
            threading.Thread(target=self._converse, args=(listener, connection, free), daemon=True).start()
        except RuntimeError:  # the system gives no more threads
            free.release()
            return False
        return True

    def _converse(self, listener: Listener, connection: socket.socket, free: threading.Semaphore) -> None:
        """Answer until the other side leaves, stays silent, or stops making sense."""
        try:
            with connection, contextlib.suppress(OSError):
                ready, role = listener.welcome(connection)
                with ready:
                    while role in self._answers and self._exchange(ready, self._answers[role]):
                        pass
        finally:
            free.release()

    def _exchange(self, connection: socket.socket, answer: Answer) -> bool:
        """One question and its answer; false when the conversation is over."""
        try:
            frame = protocol.receive(connection, idle=IDLE_SECONDS, within=FRAME_SECONDS)
            if frame is None:
                return False
            words, good = protocol.encode(0, answer(*protocol.decode(frame))), True
        except Refused as refused:
            words, good = _refusal(refused), refused.code not in protocol.LAST_WORDS
        connection.settimeout(FRAME_SECONDS)
        connection.sendall(words)
        return good


class UnixListener:
    """A Unix socket. Mode 0600 in a folder of mode 0700; with `allow`, open to these users of the system too.

    Then the folder must belong to the keeper's user, be entered by its group and written by its owner alone
    (2750): the socket is of that group, mode 0660. Whatever the modes, the system is asked who connects.
    """

    def __init__(self, path: Path, *, allow: Collection[str] = (), role: Role = Role.CLIENT) -> None:
        """Take the socket's path; CannotStart when a living keeper has it, or when its folder is too open."""
        self.name = str(path)
        self._path, self._role = path, role
        self._users = {os.geteuid(), 0, *map(_user, allow)}
        if allow:
            self.listening = _bound(path, _shared_folder(path.parent))
        else:
            private_folder(path.parent)
            self.listening = _bound(path, None)

    def welcome(self, connection: socket.socket) -> tuple[socket.socket, Role]:
        if hasattr(socket, "SO_PEERCRED"):
            _, user, _ = _PEER.unpack(
                connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
            )
            if user not in self._users:
                raise PermissionError
        return connection, self._role

    def refuse(self, connection: socket.socket, words: bytes) -> None:
        connection.setblocking(False)
        connection.sendall(words)

    def close(self) -> None:
        self.listening.close()
        self._path.unlink(missing_ok=True)


def _refusal(refused: Refused) -> bytes:
    return protocol.encode(refused.code, [str(refused).encode()])


def _takes_no_copies(call: int, fields: list[bytes]) -> list[bytes]:
    raise Refused(Refusal.FORBIDDEN, "This keeper is the primary: it takes no copies of another.")


def _user(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise CannotStart(f"There is no user {name} on this system: create it, or do not name it.") from None


def _shared_folder(folder: Path) -> int:
    """The group that may enter the folder; CannotStart when others may, or when it is another's."""
    try:
        found = folder.stat()
    except OSError as error:
        raise CannotStart(f"The socket's folder {folder} cannot be used: {error.strerror}.") from None
    if found.st_uid not in (os.geteuid(), 0) or found.st_mode & 0o027:
        raise CannotStart(
            f"The socket's folder {folder} is not the keeper's, or is open to others: "
            "give it to the keeper's user, with the group that may enter, and run chmod 2750 on it."
        )
    return found.st_gid


def _bound(path: Path, group: int | None) -> socket.socket:
    """Bind the socket, for `group` too; one left by a dead keeper is replaced, a living keeper is left alone."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _refuse_living(path)
        path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            listener.bind(os.fspath(path))
        finally:
            os.umask(mask)
        if group is not None:
            os.chown(path, -1, group)
            path.chmod(0o660)
        listener.listen(4 * MAX_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise CannotStart(f"The socket {path} cannot be opened: {error.strerror or error}.") from None
    return listener


def _refuse_living(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(FRAME_SECONDS)
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            probe.connect(os.fspath(path))
            raise CannotStart(f"A keeper already running answers on {path}.")
