"""What the operator asks of the keeper on the command line, beside running it."""

import json
import shutil
import socket
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from havre.keeper import journal, ledger, protocol, roots, standby, tls
from havre.keeper.days import Days
from havre.keeper.house import House, judge_copy
from havre.keeper.places import CannotStart, Folder, Pair, Place
from havre.keeper.protocol import Call
from havre.keeper.standby import RemotePlace, store_term
from havre.keeper.store import NAME as STORE

ANSWER_SECONDS = 60.0


def say(sentence: str) -> None:
    """Tell the operator something."""
    print(sentence, file=sys.stderr, flush=True)


def open_house(options: Namespace, *, take_over: bool = False) -> House:
    """The house of `--home`, with its second copy and its root; CannotStart when it cannot be opened."""
    if options.no_create and not options.home.exists():
        raise CannotStart(f"There is no keeper in {options.home}: start once without --no-create.")
    own = Folder(options.home)
    try:
        files = Pair(own, _copy(options, own), strict=options.strict_copy)
        root = _root(options, files)
        return House(options.home, files, root, take_over=take_over)
    except BaseException:
        own.close()
        raise


def check(options: Namespace) -> int:
    """Print what the running keeper says of itself; 1 when something is not as it should be."""
    (report,) = _ask(options.socket, Call.CHECK)
    found = json.loads(report)
    if options.certificates:
        found["certificate_days"] = tls.days_left(options.certificates)
    print(json.dumps(found, indent=2))
    faults = _faults(found)
    for fault in faults:
        say(fault)
    return 1 if faults else 0


def rotate(options: Namespace) -> int:
    """Re-key the store of the running keeper now."""
    (day,) = _ask(options.socket, Call.ROTATE)
    print(f"day key {int.from_bytes(day)} seals the store now")
    return 0


def verify_journal(options: Namespace) -> int:
    """Read the journal whole; 1 when it does not follow from itself."""
    try:
        first, last = journal.verify(options.home)
    except journal.Broken as broken:
        say(str(broken))
        return 1
    print(f"the journal is whole: lines {first} to {last}")
    return 0


def copy_ledger(options: Namespace) -> int:
    """Copy the ledger of erasures to a file, which may leave the machine: it names nobody."""
    source = options.home / ledger.NAME
    if not source.exists():
        raise CannotStart(f"There is no ledger in {options.home} yet.")
    shutil.copyfile(source, options.file)
    print(f"{source.stat().st_size // ledger.ENTRY_BYTES} entries copied to {options.file}")
    return 0


def merge_ledger(options: Namespace) -> int:
    """Take the erasures of another copy of the ledger; the keeper must be stopped."""
    with _opened(options) as house:
        taken = house.ledger.merge(options.file.read_bytes())
        house.replay()
    print(f"{taken} entries taken")
    return 0


def rotate_root(options: Namespace) -> int:
    """Put a new root in the place of the old one, perhaps in another keeping; the keeper must be stopped."""
    own = Folder(options.home)
    files = Pair(own, _copy(options, own))
    try:
        old = roots.provider(options.root)
        root = roots.settled(old, options.home, lambda key: Days.opens(files, key), say)
        judge_copy(files, root)
        if not files.confirmed:
            raise CannotStart(f"The second copy must follow before the root is replaced: {files.behind}.")
        days = Days(files, root)
        roots.rotate(
            old,
            roots.provider(options.to or options.root, split=options.split),
            options.home,
            days.rewrap,
            say,
        )
    finally:
        files.close()
    print("the root was replaced" if files.confirmed else f"the second copy is behind: {files.behind}")
    return 0


def reseal_root(options: Namespace) -> int:
    """Keep the same root under new passphrases, or under the newest transit key; the keeper must be stopped."""
    own = Folder(options.home)
    try:
        roots.provider(options.root, split=options.split).reseal(options.home)
    finally:
        own.close()
    return 0


def make_certificates(options: Namespace) -> int:
    """Make the instance's authority and a folder of certificates for each machine."""
    keepers = {name: hosts.split(",") for name, _, hosts in (one.partition("=") for one in options.keeper)}
    for folder in tls.make_certificates(options.folder, keepers, options.client):
        print(folder)
    return 0


def take_over(options: Namespace) -> int:
    """Have the standby of `--home` become the primary."""
    written = standby.promote(options.home)
    print(f"this keeper is the primary now; its store was last written {written or 'never'}")
    return 0


def _root(options: Namespace, files: Pair) -> bytes:
    provider = roots.provider(options.root, split=options.split)
    fresh = not any(files.contents(STORE)) and files.confirmed  # a copy that is silent may have one
    if not fresh and not options.home.joinpath(STORE).exists():
        say(f"{options.home} has no store: the second copy's is used")
    return roots.settled(
        provider,
        options.home,
        lambda key: Days.opens(files, key),
        say,
        create=fresh and not options.no_create,
    )


def _copy(options: Namespace, own: Folder) -> Place | None:
    where: str = options.copy
    if where in ("", "none"):
        return None
    if where.startswith(("tls://", "unix:")):
        return RemotePlace(where, lambda: store_term(own.path / STORE), options.certificates)
    if Path(where).resolve() == own.path.resolve():
        raise CannotStart("The second copy lies in another folder than the first: change --copy.")
    return Folder(Path(where))


@contextmanager
def _opened(options: Namespace) -> Iterator[House]:
    house = open_house(options)
    try:
        yield house
    finally:
        house.close()


def _ask(path: Path, call: Call) -> list[bytes]:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(path))
            connection.sendall(protocol.encode(call, []))
            frame = protocol.receive(connection, idle=ANSWER_SECONDS, within=ANSWER_SECONDS)
    except OSError as error:
        raise CannotStart(f"No keeper answers on {path}: {error.strerror or error}.") from None
    code, fields = protocol.decode(frame or b"")
    if code:
        raise CannotStart(fields[0].decode())
    return fields


def _faults(found: dict[str, object]) -> list[str]:
    """What the operator must mend, one sentence each."""
    faults = []
    copy = found["copy"]
    if isinstance(copy, dict) and copy["state"] == "none":
        faults.append("There is no second copy: if this disk is lost, every paper is.")
    elif isinstance(copy, dict) and copy["state"] == "behind":
        faults.append(f"The second copy is behind since {copy['since']}: {copy['why']}.")
    elif isinstance(copy, dict) and copy["same_disk"]:
        faults.append("The second copy is on the same disk as the first.")
    if found["damaged"]:
        faults.append(f"{found['damaged']} subjects cannot be opened: their records are damaged.")
    if int(str(found.get("certificate_days", 365))) < 30:
        faults.append(f"The certificate ends in {found['certificate_days']} days.")
    return faults
