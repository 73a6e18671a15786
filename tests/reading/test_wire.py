import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from havre.reading.kinds import Kind
from havre.reading.readings import Limits, Page, Problem
from havre.reading.wire import End, Frame, FrameError, PageCount, Request, packed, read_frame

JPEG = b"\xff\xd8\xff"
PAGE = Page(1, 20, 10, JPEG + b"page", JPEG + b"thumb")


def sent(frame: Frame) -> bytes:
    return b"".join(packed(frame))


@pytest.mark.parametrize("frame", [PageCount(7), PAGE, End(None), *(End(problem) for problem in Problem)])
def test_a_frame_arrives_as_it_left(frame: Frame) -> None:
    assert read_frame(io.BytesIO(sent(frame)), Limits()) == frame


def test_a_frame_cut_anywhere_is_a_hang_up() -> None:
    whole = sent(PAGE)
    assert {read_frame(io.BytesIO(whole[:end]), Limits()) for end in range(len(whole))} == {None}


@pytest.mark.parametrize(
    "frame",
    [
        Page(1, 2001, 10, JPEG, JPEG),
        Page(1, 20, 10, b"<html>", JPEG),
        Page(1, 20, 10, JPEG, b"<svg>"),
        Page(1, 20, 10, JPEG + bytes(16 * 1024 * 1024), JPEG),
    ],
)
def test_a_page_that_was_not_asked_for_is_refused(frame: Page) -> None:
    with pytest.raises(FrameError):
        read_frame(io.BytesIO(sent(frame)), Limits())


def test_a_request_arrives_as_it_left() -> None:
    request = Request(Kind.PDF, Limits(max_pages=3, wall_seconds=1.5))
    assert Request.unpacked(request.packed()) == request


@given(st.binary(max_size=100))
def test_no_frame_makes_the_client_fail_otherwise(noise: bytes) -> None:
    try:
        frame = read_frame(io.BytesIO(noise), Limits())
    except FrameError:
        return
    assert frame is None or isinstance(frame, PageCount | Page | End)
