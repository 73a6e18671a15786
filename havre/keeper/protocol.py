"""The keeper's protocol, version 1: one question, one answer, over a Unix stream socket.

Frame (integers big-endian)::

    length u32          of all that follows, at most 1 MiB
    version u8          1
    code u8             question: a Call; answer: 0, or a Refusal
    field, each         length u32 | bytes

A connection carries any number of questions, one at a time. Texts are UTF-8; a subject or an id is 16 bytes;
an actor is 17 bytes: its kind (ACTOR_KINDS) then its id. The fields of each call, and of its answer:

    create       subject                                 ->
    seal_key     subject, part                           -> DEK 32, wrapped 44
    open_key     subject, part, wrapped, actor, purpose  -> DEK 32
    fields       class, actor, purpose, subject...       -> for each: refusal u8 (0 = none), then key 32 if 0
    tokens       scope (0 or 16 bytes), kind, fact...    -> for each: HMAC 32
    pepper       kind, data                              -> HMAC 32
    ratchet      subject, then part, wrapped for each    -> epoch u32, then for each: wrapped 44, empty if lost
    ratchet_done subject, epoch u32                      ->
    erase        subject                                 -> day u32
    rotate                                               -> day u32
    check        nothing, or after u64                   -> JSON

The whole specification is docs/keeper-protocol.md.

A refusal has one field, a sentence. After MALFORMED, VERSION, BUSY or STANDBY the keeper closes the connection.
"""

import socket
import struct
import time
from enum import IntEnum

VERSION = 1
MAX_FRAME = 1 << 20
MAX_SUBJECTS = 100
MAX_FACTS = 1000
MAX_PAPERS = 5000
ACTOR_KINDS = {"person": 1, "professional": 2, "worker": 3, "system": 4}
_HEAD = struct.Struct(">IBB")
_LENGTH = struct.Struct(">I")
AT_ONCE = 65_536  # more than most frames: one system call reads them whole


class Call(IntEnum):
    """What can be asked."""

    CREATE = 1
    SEAL_KEY = 2
    OPEN_KEY = 3
    FIELDS = 4
    TOKENS = 5
    PEPPER = 6
    RATCHET = 7
    RATCHET_DONE = 8
    ERASE = 9
    ROTATE = 10
    CHECK = 11


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
    BUDGET = 10
    STANDBY = 11


LAST_WORDS = frozenset({Refusal.MALFORMED, Refusal.VERSION, Refusal.BUSY, Refusal.STANDBY})


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
    received = connection.recv(AT_ONCE)
    if not received:
        return None
    deadline = time.monotonic() + within
    received = _at_least(connection, received, _LENGTH.size, deadline)
    length = int.from_bytes(received[: _LENGTH.size])
    if length > MAX_FRAME:
        raise Refused(Refusal.MALFORMED, "The message is larger than 1 MiB.")
    received = _at_least(connection, received, _LENGTH.size + length, deadline)
    if len(received) > _LENGTH.size + length:
        raise Refused(Refusal.MALFORMED, "A question comes after the answer to the one before.")
    return received[_LENGTH.size :]


def _at_least(connection: socket.socket, received: bytes, size: int, deadline: float) -> bytes:
    if len(received) >= size:
        return received
    pieces, missing = [received], size - len(received)
    while missing > 0:
        if (left := deadline - time.monotonic()) <= 0:
            raise TimeoutError
        connection.settimeout(left)
        more = connection.recv(AT_ONCE)
        if not more:
            raise ConnectionResetError("The connection closed in the middle of a message.")
        pieces.append(more)
        missing -= len(more)
    return b"".join(pieces)
