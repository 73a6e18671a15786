"""The keeper's command line: `python -m havre.keeper [COMMAND] --home DIR …`; without a command, it serves."""

import argparse
import ctypes
import resource
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from havre.keeper import commands
from havre.keeper.budgets import Budgets
from havre.keeper.calls import Keeper
from havre.keeper.places import CannotStart
from havre.keeper.protocol import Refused
from havre.keeper.server import Listener, Server, UnixListener
from havre.keeper.standby import Standby
from havre.keeper.tls import TlsListener

PR_SET_DUMPABLE = 4
TEND_SECONDS = 1.0
_NOUNS = ("journal", "ledger", "root")


def main() -> int:
    """Do what is asked; 2 when it cannot be done, with one sentence on the error output."""
    options = _parser().parse_args(_with_command(sys.argv[1:]))
    _hide_memory()
    try:
        code: int = options.run(options)
    except (CannotStart, Refused) as reason:
        commands.say(str(reason))
        return 2
    except OSError as error:
        commands.say(f"{error.filename or options.home}: {error.strerror or error}.")
        return 2
    return code


def serve(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    house = commands.open_house(options)
    keeper = Keeper(house, Budgets(options.scale))
    server = Server(keeper.answer, _listeners(options))
    _stop_on_signals(server.stop)
    found = house.store.status()
    counts = f"subjects {found['subjects']}, damaged {found['damaged_records']}"
    print(f"keeper ready on {options.socket}: {counts}", flush=True)
    with _Clock(keeper.tend):
        server.serve()
    house.close()
    return 0


def stand_by(options: argparse.Namespace) -> int:
    """Hold the files of a primary until the operator says that this one takes over."""
    clocks: list[_Clock] = []

    def open_primary() -> Callable[[int, list[bytes]], list[bytes]]:
        house = commands.open_house(options, take_over=True)
        keeper = Keeper(house, Budgets(options.scale))
        clocks.append(_Clock(keeper.tend, house.close))
        clocks[-1].__enter__()
        return keeper.answer

    waiting = Standby(options.home, _listeners(options), open_primary)
    _stop_on_signals(waiting.stop)
    print(f"standby ready on {options.socket}", flush=True)
    waiting.serve()
    for clock in clocks:
        clock.__exit__()
    return 0


class _Clock:
    """Calls a function each second, in a thread, until the block ends; then another once."""

    def __init__(self, tick: Callable[[], None], last: Callable[[], None] = lambda: None) -> None:
        self._tick, self._last = tick, last
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._last()

    def _run(self) -> None:
        while not self._stop.wait(TEND_SECONDS):
            self._tick()


def _listeners(options: argparse.Namespace) -> list[Listener]:
    listeners: list[Listener] = [UnixListener(options.socket, allow=options.allow)]
    if options.listen:
        if not options.certificates:
            raise CannotStart(
                "--listen asks for --certificates: make them with `bin/havre keeper certificates`."
            )
        listeners.append(TlsListener(options.listen, options.certificates))
    return listeners


def _stop_on_signals(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())


def _hide_memory() -> None:
    """No core dump, and no other process of this user may read this one's memory (prctl(2))."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def _with_command(words: list[str]) -> list[str]:
    """`serve` when no command is given; `journal verify` is one command."""
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help")):
        return ["serve", *words]
    if words[0] in _NOUNS:
        return ["-".join(words[:2]), *words[2:]]
    return words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bin/havre keeper", description="The process that holds the keys.")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    where = _where()

    def verb(name: str, run: Callable[[argparse.Namespace], int], about: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=about, description=about, parents=[where])
        made.set_defaults(run=run)
        return made

    verb("serve", serve, "Serve until SIGTERM (the default).")
    verb("standby", stand_by, "Hold a primary's files, ready to take over.")
    verb("take-over", commands.take_over, "Have the standby of this home become the primary.")
    verb("check", commands.check, "Print the running keeper's health; 1 when something must be mended.")
    verb("rotate", commands.rotate, "Re-key the store of the running keeper now.")
    verb("journal-verify", commands.verify_journal, "Read the journal whole.")
    for name, run, about in (
        ("ledger-copy", commands.copy_ledger, "Copy the ledger of erasures, to keep it off site."),
        ("ledger-merge", commands.merge_ledger, "Take the erasures of another copy (keeper stopped)."),
    ):
        verb(name, run, about).add_argument("file", type=Path)
    rotation = verb("root-rotate", commands.rotate_root, "Replace the root (keeper stopped).")
    rotation.add_argument("--to", default="", help="another keeping than --root for the new root")
    verb(
        "root-reseal", commands.reseal_root, "New passphrases, or the newest transit key, for the same root."
    )
    certificates = verb("certificates", commands.make_certificates, "Make TLS certificates.")
    certificates.add_argument("folder", type=Path)
    certificates.add_argument("--keeper", action="append", default=[], metavar="NAME=HOST[,HOST]")
    certificates.add_argument("--client", action="append", default=[], metavar="NAME")
    return parser


def _factor(text: str) -> float:
    factor = float(text)
    if not 0 < factor < float("inf"):
        raise ValueError(text)
    return factor


def _where() -> argparse.ArgumentParser:
    """The options that every command takes; `bin/havre keeper` gives them from the settings."""
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--home", type=Path, required=True, help="the keeper's folder, mode 0700")
    where.add_argument("--socket", type=Path, required=True, help="its Unix socket")
    where.add_argument(
        "--copy", default="", help="the second copy: a folder, tls://host:port of a standby, or none"
    )
    where.add_argument("--strict-copy", action="store_true", help="refuse to write when the copy cannot")
    where.add_argument("--root", default="file", help="file, credential, passphrases or transit:KEY")
    where.add_argument("--split", default="", metavar="K/N", help="for new passphrases: K of N open")
    where.add_argument("--no-create", action="store_true", help="refuse to begin a new store")
    where.add_argument("--listen", default="", metavar="HOST:PORT", help="answer over TLS too")
    where.add_argument("--certificates", type=Path, help="the folder of this machine's TLS certificates")
    where.add_argument(
        "--allow", action="append", default=[], metavar="USER", help="may speak on the socket too"
    )
    where.add_argument(
        "--scale", type=_factor, default=1.0, help="multiplies the budgets of classes and of the house"
    )
    return where


if __name__ == "__main__":
    sys.exit(main())
