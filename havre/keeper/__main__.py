"""Start the keeper: `python -m havre.keeper --home DIR --socket PATH`."""

import argparse
import ctypes
import resource
import signal
import sys
from pathlib import Path

from havre.keeper import root
from havre.keeper.calls import Keeper
from havre.keeper.protocol import Refused
from havre.keeper.server import Server
from havre.keeper.store import Store

PR_SET_DUMPABLE = 4


def main() -> int:
    """Serve until SIGTERM or SIGINT; 2 when it cannot start, with one sentence on the error output."""
    options = _options()
    _hide_memory()
    try:
        store, server = _prepare(options.home, options.socket, create=not options.no_create)
    except (root.CannotStart, Refused) as reason:
        print(reason, file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    found = store.status()
    counts = f"subjects {found['subjects']}, damaged {found['damaged_records']}"
    print(f"keeper ready on {options.socket}: {counts}", flush=True)
    server.serve()
    store.close()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m havre.keeper", description="The process that holds the keys."
    )
    parser.add_argument(
        "--home", type=Path, required=True, help="folder of the root key and the store, mode 0700"
    )
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket, in a folder of mode 0700")
    parser.add_argument(
        "--no-create", action="store_true", help="refuse to start without an existing root key"
    )
    return parser.parse_args()


def _hide_memory() -> None:
    """No core dump, and no other process of this user may read this one's memory (prctl(2))."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def _prepare(home: Path, socket: Path, *, create: bool) -> tuple[Store, Server]:
    if create or home.exists():
        root.private_folder(home)
    if create:
        root.init(home)
    key = root.load(home)
    store = Store(home, key)
    return store, Server(Keeper(store, key), socket)


if __name__ == "__main__":
    sys.exit(main())
