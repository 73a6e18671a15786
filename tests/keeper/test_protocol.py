"""Frames: whole or refused."""

import socket
import threading
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from havre.keeper import protocol
from havre.keeper.protocol import Refusal, Refused


@given(code=st.integers(0, 255), fields=st.lists(st.binary(max_size=50), max_size=20))
def test_a_message_comes_back_as_it_was(code: int, fields: list[bytes]) -> None:
    frame = protocol.encode(code, fields)
    assert int.from_bytes(frame[:4]) == len(frame) - 4
    assert protocol.decode(frame[4:]) == (code, fields)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_refusal(body: bytes) -> None:
    try:
        code, fields = protocol.decode(body)
    except Refused as refused:
        assert refused.code in (Refusal.MALFORMED, Refusal.VERSION)  # noqa: PT017 -- both ends are legal
    else:
        assert protocol.encode(code, fields)[4:] == body


@given(
    fields=st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5),
    cut=st.integers(min_value=1, max_value=1000),
)
def test_a_message_cut_inside_a_field_is_refused(fields: list[bytes], cut: int) -> None:
    body = protocol.encode(1, fields)[4:]
    last = len(fields[-1])
    with pytest.raises(Refused):
        protocol.decode(body[: len(body) - 1 - cut % last])


def test_another_version_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        protocol.decode(b"\x02\x01")
    assert refused.value.code == Refusal.VERSION


def test_a_message_over_one_mebibyte_is_refused_on_both_sides() -> None:
    with pytest.raises(Refused):
        protocol.encode(1, [bytes(protocol.MAX_FRAME)])
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall((protocol.MAX_FRAME + 1).to_bytes(4))
        with pytest.raises(Refused):
            protocol.receive(ours, idle=1, within=1)


def test_a_frame_that_arrives_byte_by_byte_is_read_whole() -> None:
    frame = protocol.encode(7, [b"abc", b""])
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pieces = [frame[at : at + 1] for at in range(len(frame))]
        sender = threading.Thread(target=lambda: list(map(theirs.sendall, pieces)))
        sender.start()
        assert protocol.receive(ours, idle=1, within=1) == frame[4:]
        sender.join()


@pytest.mark.parametrize("sent", [b"\x00", b"\x00\x00\x00\x09\x01\x01\x00"])
def test_a_frame_that_stops_in_the_middle_times_out(sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(sent)
        with pytest.raises(TimeoutError):
            protocol.receive(ours, idle=1, within=0.05)


def test_a_frame_that_drips_without_end_times_out() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(protocol.MAX_FRAME.to_bytes(4))
        reader = threading.Thread(target=lambda: failed.append(_failure(ours, within=0.1)))
        failed: list[type | None] = []
        start = time.monotonic()
        reader.start()
        while reader.is_alive() and time.monotonic() < start + 5:
            theirs.sendall(b"x")
        reader.join(10)
    assert failed == [TimeoutError]
    assert time.monotonic() - start < 2


def test_a_frame_that_is_announced_and_never_sent_takes_no_room() -> None:
    pairs = [socket.socketpair() for _ in range(50)]
    readers = [threading.Thread(target=_failure, args=(ours,), kwargs={"within": 0.5}) for ours, _ in pairs]
    tracemalloc.start()
    for _, theirs in pairs:
        theirs.sendall(protocol.MAX_FRAME.to_bytes(4) + b"\x01")
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert tracemalloc.get_traced_memory()[1] < 50 * 2 * protocol.AT_ONCE
    tracemalloc.stop()
    for pair in pairs:
        for end in pair:
            end.close()


def test_a_question_that_comes_before_the_answer_to_the_last_is_refused() -> None:
    frame = protocol.encode(1, [b"abc"])
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(frame + frame[:1])
        assert _failure(ours, within=1) is Refused


def _failure(connection: socket.socket, *, within: float) -> type | None:
    """How the reading of one frame fails."""
    try:
        protocol.receive(connection, idle=1, within=within)
    except (OSError, Refused) as failure:
        return type(failure)
    return None


def test_a_frame_cut_by_a_closed_connection_is_an_error_and_a_closed_connection_is_not() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(b"\x00\x00\x00\x09\x01")
        with pytest.raises(ConnectionError):
            protocol.receive(ours, idle=1, within=1)
        assert protocol.receive(ours, idle=1, within=1) is None
