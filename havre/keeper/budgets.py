"""How much may be asked: a bound on what a web process that was taken over can open, and on what a loop can ruin.

Every budget is a bucket: `burst` at once, then `per_minute`. A call is refused whole when one of its buckets (its
actor's, its class of actors', the house's) has not enough left, and takes from none.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

MANY = 10_000  # actors remembered before the full buckets are forgotten


class Rate(NamedTuple):
    """What one bucket gives."""

    burst: float
    per_minute: float


class Asked(NamedTuple):
    """How much of what is asked for (the words of HOUSE), and by whom."""

    what: str
    amount: int
    kind: str = ""  # of actor
    actor: bytes = b""


ACTORS = {
    ("papers", "person"): Rate(300, 60),
    ("papers", "professional"): Rate(300, 60),
    ("names", "person"): Rate(1_000, 300),
    ("names", "professional"): Rate(5_000, 1_000),
}
CLASSES = {
    ("papers", "person"): Rate(2_000, 500),
    ("papers", "professional"): Rate(2_000, 500),
    ("papers", "worker"): Rate(3_000, 1_000),
    ("papers", "system"): Rate(200, 60),
    ("names", "person"): Rate(10_000, 2_000),
    ("names", "professional"): Rate(30_000, 6_000),
    ("names", "worker"): Rate(30_000, 6_000),
    ("names", "system"): Rate(5_000, 1_000),
}
HOUSE = {
    "papers": Rate(5_000, 1_500),
    "names": Rate(50_000, 10_000),
    "facts": Rate(200_000, 50_000),
    "peppers": Rate(600, 300),
    "calls": Rate(20_000, 6_000),
    "creations": Rate(2_000, 100),
    "ratchets": Rate(60, 6),
    "erasures": Rate(20, 1),
    "rekeyings": Rate(3, 0.05),
}


class OverBudget(Exception):
    """Nothing was taken; the text names the budget."""


class _Bucket:
    def __init__(self, rate: Rate, now: float) -> None:
        self.rate, self.left, self.at = rate, rate.burst, now

    def refill(self, now: float) -> None:
        self.left = min(self.rate.burst, self.left + (now - self.at) * self.rate.per_minute / 60)
        self.at = now


class Budgets:
    """The buckets of one keeper. `scale` multiplies those of the classes and of the house, not those of an actor."""

    def __init__(self, scale: float = 1, clock: Callable[[], float] = time.monotonic) -> None:
        if not 0 < scale < float("inf"):
            raise ValueError(scale)
        self._scale, self._clock = scale, clock
        self._guard = threading.Lock()
        self._buckets: dict[tuple[str, ...] | tuple[str, str, bytes], _Bucket] = {}
        self._room = MANY

    def take(self, asked: Asked) -> None:
        """Take from every bucket, at least one, or OverBudget."""
        with self._guard:
            now = self._clock()
            if len(self._buckets) > self._room:
                self._forget_full(now)
            buckets = [(name, self._bucket(name, rate, now)) for name, rate in self._rates(asked)]
            for name, bucket in buckets:
                bucket.refill(now)
                if bucket.left < max(asked.amount, 1):
                    raise OverBudget(" of ".join(str(word) for word in name[:2]))
            for _, bucket in buckets:
                bucket.left -= max(asked.amount, 1)

    def half_spent(self, what: str) -> bool:
        """Whether the house has used more than half of a budget."""
        with self._guard:
            bucket = self._buckets.get((what, "the house"))
            return bucket is not None and bucket.left < bucket.rate.burst / 2

    def _rates(self, asked: Asked) -> Iterator[tuple[tuple[str, ...] | tuple[str, str, bytes], Rate]]:
        if rate := ACTORS.get((asked.what, asked.kind)):
            yield (asked.what, "one " + asked.kind, asked.actor), rate
        if rate := CLASSES.get((asked.what, asked.kind)):
            yield (asked.what, "all " + asked.kind), self._scaled(rate)
        yield (asked.what, "the house"), self._scaled(HOUSE[asked.what])

    def _scaled(self, rate: Rate) -> Rate:
        return Rate(rate.burst * self._scale, rate.per_minute * self._scale)

    def _bucket(self, name: tuple[str, ...] | tuple[str, str, bytes], rate: Rate, now: float) -> _Bucket:
        if name not in self._buckets:
            self._buckets[name] = _Bucket(rate, now)
        return self._buckets[name]

    def _forget_full(self, now: float) -> None:
        for bucket in self._buckets.values():
            bucket.refill(now)
        self._buckets = {name: one for name, one in self._buckets.items() if one.left < one.rate.burst}
        self._room = max(MANY, 2 * len(self._buckets))
