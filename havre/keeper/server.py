"""The Unix-socket server: one thread for each connection, one question at a time on each."""

import contextlib
import os
import socket
import threading
import time
from pathlib import Path

from havre.keeper import protocol
from havre.keeper.calls import Keeper
from havre.keeper.protocol import Refusal, Refused
from havre.keeper.root import CannotStart, private_folder

IDLE_SECONDS = 600.0
FRAME_SECONDS = 2.0
MAX_CONNECTIONS = 256


class Server:
    """Answers on a socket of mode 0600 in a folder of mode 0700, until `stop`."""

    def __init__(self, keeper: Keeper, path: Path) -> None:
        """Take the socket's path; CannotStart when a living keeper has it."""
        self._keeper = keeper
        self._path = path
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._stopped = False
        self._listener = _listener(path)

    def serve(self) -> None:
        """Accept connections until `stop`; then remove the socket."""
        try:
            while not self._stopped:
                self._accept()
        finally:
            self._listener.close()
            self._path.unlink(missing_ok=True)

    def stop(self) -> None:
        """End `serve` soon; safe in a signal handler and from another thread."""
        self._stopped = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            if not self._stopped:  # out of descriptors, perhaps: leave the others time to end
                time.sleep(0.05)
            return
        if not self._started(connection):
            with connection, contextlib.suppress(OSError):
                connection.sendall(_refusal(Refused(Refusal.BUSY, "The keeper has too many connections.")))

    def _started(self, connection: socket.socket) -> bool:
        """Give the connection a thread, if there is room for one."""
        if not self._free.acquire(blocking=False):
            return False
        try:
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()
        except RuntimeError:  # the system gives no more threads
            self._free.release()
            return False
        return True

    def _converse(self, connection: socket.socket) -> None:
        """Answer until the other side leaves, stays silent, or stops making sense."""
        try:
            with connection, contextlib.suppress(OSError):
                while self._exchange(connection):
                    pass
        finally:
            self._free.release()

    def _exchange(self, connection: socket.socket) -> bool:
        """One question and its answer; false when the conversation is over."""
        try:
            frame = protocol.receive(connection, idle=IDLE_SECONDS, within=FRAME_SECONDS)
            if frame is None:
                return False
            answer = protocol.encode(0, self._keeper.answer(*protocol.decode(frame)))
        except Refused as refused:
            connection.sendall(_refusal(refused))
            return refused.code not in protocol.LAST_WORDS
        connection.sendall(answer)
        return True


def _refusal(refused: Refused) -> bytes:
    return protocol.encode(refused.code, [str(refused).encode()])


def _listener(path: Path) -> socket.socket:
    """Bind the socket; a file left by a dead keeper is replaced, a living keeper is left alone."""
    private_folder(path.parent)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _refuse_living(path)
        path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            listener.bind(os.fspath(path))
        finally:
            os.umask(mask)
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
