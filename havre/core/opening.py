"""What must be done before the house opens: an app registers a step, and `bin/havre prepare` takes it.

A step runs on a database that is up to date, at each start, on each machine: taking it twice must do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

type Step = Callable[[], str]

_steps: dict[str, Step] = {}


def register(name: str, step: Step) -> None:
    """Add a step; it answers a sentence for the operator, or nothing to say."""
    _steps[name] = step


def steps() -> list[Step]:
    """What is registered, in order."""
    return list(_steps.values())


def run() -> Iterator[str]:
    """Take every step; gives the sentences."""
    for step in steps():
        if sentence := step():
            yield sentence
