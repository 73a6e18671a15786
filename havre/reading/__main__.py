"""`python -m havre.reading --socket PATH`: the reading server."""

import argparse
import gc
import os
import socket
import sys
from pathlib import Path

from havre.reading.render import warm_up
from havre.reading.server import Server, listen


def main() -> int:
    """Serve; exit 0 when the owner is gone, 2 when the socket cannot be opened."""
    options = _options()
    warm_up()  # before the socket: who can connect finds the server ready
    try:
        listener = _listener(options)
    except OSError as error:
        sys.stderr.write(f"havre.reading: {error}\n")
        return 2
    gc.freeze()  # children share these pages as long as nobody touches them
    server = Server(
        listener,
        at_once=options.at_once,
        jobs_per_life=options.jobs_per_life,
        lifeline=sys.stdin.buffer if options.until_stdin_closes else None,
    )
    if server.serve():
        _start_next_life(options, listener)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="havre.reading", description="Turns untrusted files into images.")
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket, in a folder of mode 0700")
    parser.add_argument("--at-once", type=int, default=2, help="documents read together")
    parser.add_argument("--jobs-per-life", type=int, default=50, help="documents before a fresh process")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="end with the process that started it"
    )
    parser.add_argument("--listener-fd", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def _listener(options: argparse.Namespace) -> socket.socket:
    if options.listener_fd is None:
        return listen(options.socket)
    return socket.socket(fileno=options.listener_fd)


def _start_next_life(options: argparse.Namespace, listener: socket.socket) -> None:
    """Replace this process; waiting clients stay in the listening socket's queue."""
    listener.set_inheritable(True)
    again = [] if options.listener_fd is not None else ["--listener-fd", str(listener.fileno())]
    os.execv(sys.executable, [*sys.orig_argv, *again])  # noqa: S606  # our own command, no shell


if __name__ == "__main__":
    sys.exit(main())
