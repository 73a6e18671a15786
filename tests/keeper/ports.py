"""Servers that run in a thread of the tests, and one question asked with raw bytes."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Protocol

from havre.keeper import protocol


class Serves(Protocol):
    """A server or a standby."""

    def serve(self) -> None: ...

    def stop(self) -> None: ...


@contextlib.contextmanager
def serving(server: Serves) -> Iterator[threading.Thread]:
    """Meanwhile it serves."""
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        server.stop()
        thread.join(5)
        assert not thread.is_alive()


def echo(call: int, fields: list[bytes]) -> list[bytes]:
    """Answers what it was asked."""
    return fields


def asked(connection: socket.socket, call: int, *fields: bytes) -> tuple[int, list[bytes]]:
    """The code and fields of one answer; ConnectionError when there is none."""
    connection.sendall(protocol.encode(call, list(fields)))
    frame = protocol.receive(connection, idle=3, within=3)
    if frame is None:
        raise ConnectionResetError
    return protocol.decode(frame)
