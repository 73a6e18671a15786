"""The life of one child: into the cage, the document in, the pages out."""

import io
import os
import socket
from typing import NoReturn

from havre.reading import cage
from havre.reading.readings import Limits, Problem
from havre.reading.render import render
from havre.reading.wire import End, Frame, Request, packed

_CHUNK = 256 * 1024


def run(descriptor: int, request: Request, *, server: int) -> NoReturn:
    """Read the document from `descriptor` and answer on it; never returns to the forked server's code.

    `server`: its pid. Exit status 0 when the last frame was sent, 1 for anything unforeseen.
    """
    status = 1
    try:
        cage.keep_only(descriptor)
        cage.confine(request.limits, parent=server)
        _answer(socket.socket(fileno=cage.DATA_FD), request)
        status = 0
    finally:
        os._exit(status)  # whatever was raised ends here: its text could quote the document


def _answer(data: socket.socket, request: Request) -> None:
    limits = request.limits
    document = _received(data, limits)
    if document is None:
        _send(data, End(Problem.TOO_LARGE))
        return
    for frame in render(
        document,
        request.kind,
        max_pages=limits.max_pages,
        page_px=limits.page_px,
        thumb_px=limits.thumb_px,
        max_pixels=limits.max_pixels,
    ):
        _send(data, frame)


def _received(data: socket.socket, limits: Limits) -> bytes | None:
    """The document up to the client's half-close, or None beyond `max_bytes`."""
    document = io.BytesIO()
    while chunk := data.recv(_CHUNK):
        if document.tell() + len(chunk) > limits.max_bytes:
            return None
        document.write(chunk)
    return document.getvalue()  # BytesIO hands its buffer over, without a second copy


def _send(data: socket.socket, frame: Frame) -> None:
    for piece in packed(frame):
        data.sendall(piece)
