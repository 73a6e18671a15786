"""The keeper's protocol, version 1: one question, one answer, over a Unix stream socket.

Frame (integers big-endian)::

    length u32          of all that follows, at most 1 MiB
    version u8          1
    code u8             question: a Call; answer: 0, or a Refusal
    field, each         length u32 | bytes

A connection carries any number of questions, one at a time. Texts are UTF-8; a subject or an id is 16 bytes;
an actor is 17 bytes: its kind (ACTOR_KINDS) then its id. The fields of each call, and of its answer:

    ping                                              -> version
    create      subject                               ->
    seal_key    subject, part                         -> DEK 32, wrapped 44
    open_key    subject, part, wrapped, actor, purpose -> DEK 32
    fields      class, actor, purpose, subject...     -> for each: refusal u8 (0 = none), then key 32 if 0
    tokens      scope (0 or 16 bytes), kind, fact...  -> for each: HMAC 32
    erase       subject                               ->
    check                                             -> JSON

A refusal has one field, a sentence. After MALFORMED, VERSION or BUSY the keeper closes the connection.
"""

import socket
import struct
import time
from enum import IntEnum

VERSION = 1
MAX_FRAME = 1 << 20
MAX_SUBJECTS = 100
MAX_FACTS = 1000
ACTOR_KINDS = {"person": 1, "professional": 2, "worker": 3, "system": 4}
_HEAD = struct.Struct(">IBB")
_LENGTH = struct.Struct(">I")


class Call(IntEnum):
    """What can be asked."""

    PING = 1
    CREATE = 2
    SEAL_KEY = 3
    OPEN_KEY = 4
    FIELDS = 5
    TOKENS = 6
    ERASE = 7
    CHECK = 8


class Refusal(IntEnum):
    """Why the keeper did not answer."""

    UNKNOWN = 1
    ERASED = 2
    DAMAGED = 3
    FORBIDDEN = 4
    WRONG_KEY = 5
    MALFORMED = 6
    VERSION = 7
    BUSY = 8
    STORE = 9


LAST_WORDS = frozenset({Refusal.MALFORMED, Refusal.VERSION, Refusal.BUSY})


class Refused(Exception):
    """A typed refusal; its text never holds a key."""

    def __init__(self, code: Refusal, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def encode(code: int, fields: list[bytes]) -> bytes:
    """One whole frame, length included."""
    body = b"".join(part for field in fields for part in (_LENGTH.pack(len(field)), field))
    if len(body) + 2 > MAX_FRAME:
        raise Refused(Refusal.MALFORMED, "The message is larger than 1 MiB.")
    return _HEAD.pack(len(body) + 2, VERSION, code) + body


def decode(body: bytes) -> tuple[int, list[bytes]]:
    """The code and fields of a frame without its length; Refused when of another version or not whole."""
    if len(body) < 2 or body[0] != VERSION:
        raise Refused(Refusal.VERSION, f"This keeper speaks version {VERSION} of its protocol.")
    fields, at = [], 2
    while at < len(body):
        start = at + _LENGTH.size
        if start > len(body):
            raise Refused(Refusal.MALFORMED, "A field is cut short.")
        at = start + int.from_bytes(body[at:start])
        if at > len(body):
            raise Refused(Refusal.MALFORMED, "A field is longer than its message.")
        fields.append(body[start:at])
    return body[1], fields


def receive(connection: socket.socket, *, idle: float, within: float) -> bytes | None:
    """The next frame without its length; None when the other side closed between two frames.

    Waits `idle` seconds for the first byte, then `within` seconds for all the rest: TimeoutError beyond.
    ConnectionError when the frame is cut; Refused when it is announced larger than 1 MiB.
    """
    connection.settimeout(idle)
    head = connection.recv(_LENGTH.size)
    if not head:
        return None
    deadline = time.monotonic() + within
    connection.settimeout(within)
    if len(head) < _LENGTH.size:
        head += _exactly(connection, _LENGTH.size - len(head), deadline)
    length = int.from_bytes(head)
    if length > MAX_FRAME:
        raise Refused(Refusal.MALFORMED, "The message is larger than 1 MiB.")
    return _exactly(connection, length, deadline)


def _exactly(connection: socket.socket, size: int, deadline: float) -> bytes:
    received = connection.recv(size) if size else b""
    while len(received) < size:
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        more = connection.recv(size - len(received))
        if not more:
            raise ConnectionResetError("The connection closed in the middle of a message.")
        received += more
    return received
