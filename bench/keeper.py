"""`bin/bench keeper`: what keys and containers cost, each figure as a ratio to its limit or to a peer in the same run.

`bin/bench keeper --quick` takes smaller files and fewer people, to see that it runs.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from havre.config.supervisor import tie
from havre.core import container
from havre.core.keeper_client import Actor, KeeperClient
from havre.keeper.days import Days
from havre.keeper.keys import ShredKeys
from havre.keeper.places import Folder, Pair
from havre.keeper.store import Store

MB = 1 << 20
WORKER = Actor("worker", UUID(int=0))
READY_SECONDS = 60.0
PAPERS = 300
BATCHES = 10
UNBOUND = "1000000"  # the factor of the budgets, which are not what is measured


@dataclass
class Figure:
    """One line of the table: what was measured, its limit, and the ratio (1 or less is good)."""

    name: str
    measured: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def ratio(self) -> float:
        """Below 1 when the limit is kept."""
        return self.limit / self.measured if self.at_least else self.measured / self.limit


def main(arguments: list[str]) -> int:
    """1 when a figure is beyond its limit."""
    quick = "--quick" in arguments
    figures = [*_container(quick), *_calls(), *_many_people(2_000 if quick else 100_000)]
    for figure in figures:
        word = "at least" if figure.at_least else "at most"
        measured = f"{figure.measured:.3f} {figure.unit}".rstrip()
        print(f"{figure.name}: {measured} ({word} {figure.limit:g}); ratio to the limit {figure.ratio:.2f}")
    return 1 if any(figure.ratio > 1 for figure in figures) else 0


# --- the container ---


def _container(quick: bool) -> Iterator[Figure]:
    data = os.urandom((5 if quick else 50) * MB)
    pairs = [(_seconds(lambda: _bare(data)), _seconds(lambda: _sealed(data))) for _ in range(5)]
    share = statistics.median(bare / sealed for bare, sealed in pairs)
    yield Figure("sealing 50 MB, share of a bare AESGCM loop's speed", share, 0.4, "", at_least=True)
    with tempfile.TemporaryDirectory(prefix="havre-bench-") as folder:
        yield Figure(
            "1 KB at random in a 1-GB blob", _random_read(Path(folder), 20 if quick else 1024), 0.2, "ms"
        )


def _bare(data: bytes) -> None:
    aead, nonce = AESGCM(os.urandom(32)), bytes(12)
    view = memoryview(data)
    for start in range(0, len(data), container.CHUNK_BYTES):
        aead.encrypt(nonce, view[start : start + container.CHUNK_BYTES], None)


def _sealed(data: bytes) -> None:
    sealer = container.Sealer(_Nowhere(), os.urandom(32), b"bench")
    sealer.write(data)
    sealer.finish()


class _Nowhere:
    def write(self, data: bytes, /) -> int:
        return len(data)


def _random_read(folder: Path, megabytes: int) -> float:
    key, piece = os.urandom(32), os.urandom(MB)
    container.seal_to(folder / "blob", key, b"bench", (piece for _ in range(megabytes)))
    with container.open_from(folder / "blob", key, b"bench") as opened:
        places = [random.randrange(opened.length - 1024) for _ in range(2_000)]
        return _median(lambda: opened.read_at(places.pop(), 1024), len(places))


# --- the calls ---


def _calls() -> Iterator[Figure]:
    with _running() as (_, client):
        people = [uuid4() for _ in range(500)]
        yield Figure("create (fsync in two places)", _each(client.create, people), 5, "ms")
        person = people[0]
        _, wrapped = client.seal_key(person, "shared")
        yield Figure(
            "seal_key (no fsync)", _median(lambda: client.seal_key(person, "shared"), 2_000), 0.15, "ms"
        )
        one = _median(lambda: client.fields([person], "names", WORKER, "bench"), 2_000)
        yield Figure("fields of one (no fsync)", one, 0.15, "ms")
        opened = _median(lambda: client.open_key(person, "shared", wrapped, WORKER, "bench"), 500)
        yield Figure("open_key (journal's fsync)", opened, 5, "ms")
        hundred = _median(lambda: client.fields(people[:100], "names", WORKER, "bench"), 300)
        yield Figure("100 field keys in one call", hundred, 1, "ms")
        yield Figure(f"one paper among {PAPERS} erased", _papers_erased(client, person), 20, "ms")
        yield Figure("one person erased", _each(client.erase, people[200:300]), 20, "ms")


def _papers_erased(client: KeeperClient, person: UUID) -> float:
    papers = [("shared", client.seal_key(person, "shared")[1]) for _ in range(PAPERS)]

    def erase_one() -> None:
        nonlocal papers
        epoch, rewrapped = client.ratchet(person, papers)
        papers = [("shared", wrapped) for wrapped in rewrapped]
        client.ratchet_done(person, epoch)

    return _median(erase_one, 50)


# --- a country's people ---


def _many_people(count: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="havre-bench-") as folder:
        home = Path(folder) / "home"
        _people(home, count)
        start = time.perf_counter()
        with _running(home) as (process, client):
            yield Figure(f"start with {count} people", time.perf_counter() - start, 3, "s")
            yield Figure("compaction, two places", _seconds(lambda: client.rotate()), 5, "s")
            yield Figure("memory, at its highest", _highest_memory(process), 300, "MB")
            yield Figure(
                "one person erased among them", _seconds(lambda: client.erase(uuid4())) * 1000, 20, "ms"
            )


def _people(home: Path, count: int) -> None:
    """A store with that many subjects, as a keeper left it."""
    files = Pair(Folder(home), Folder(home.parent / "copy"))
    root = os.urandom(32)
    (home / "root.key").touch(mode=0o600)
    (home / "root.key").write_bytes(root)
    store = Store(files, Days(files, root))
    store._keys |= {os.urandom(16): ShredKeys.new() for _ in range(count)}
    store.compact()
    store.close()


def _highest_memory(process: subprocess.Popen[str]) -> float:
    (line,) = [
        line
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    return int(line.split()[1]) / 1024


# --- the tools ---


@contextmanager
def _running(home: Path | None = None) -> Iterator[tuple[subprocess.Popen[str], KeeperClient]]:
    """A real keeper with a second copy, in a process of its own, and a client."""
    with tempfile.TemporaryDirectory(prefix="havre-bench-") as folder:
        home = home or Path(folder) / "home"
        path = Path(folder) / "run" / "keeper.sock"
        command = [sys.executable, "-m", "havre.keeper", "--home", str(home), "--socket", str(path)]
        command += ["--copy", str(home.parent / "copy"), "--scale", UNBOUND]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=tie(os.getpid()))
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith("keeper ready"), "the keeper did not start"
            yield process, KeeperClient(path)
        finally:
            process.terminate()
            process.communicate(timeout=READY_SECONDS)


def _each(call: Callable[[UUID], object], people: list[UUID]) -> float:
    waiting = iter(people)
    return _median(lambda: call(next(waiting)), len(people))


def _median(work: Callable[[], object], times: int) -> float:
    """Milliseconds, in the quietest tenth: neighbours on the same machine come and go, and their noise only adds."""
    costs = [_seconds(work) for _ in range(times)]
    size = max(times // BATCHES, 10)
    batches = [costs[start : start + size] for start in range(0, times, size)]
    return min(statistics.median(batch) for batch in batches) * 1000


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
