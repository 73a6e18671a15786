"""A search for inputs that a program handles badly, guided by what each try reaches (lines, branches, outcomes).

`Search` knows nothing of the keeper: a try is a string of bytes, cut into steps of STEP_BYTES. Those that reach
something new are kept, and changed again: whole steps are added, removed, repeated, moved or taken from another try,
and single bytes are replaced.
"""

import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, TracebackType

STEP_BYTES = 8
MAX_STEPS = 40
_FUNCTION = 0x01  # CO_OPTIMIZED: neither a module nor a class body


class Fault(AssertionError):
    """A try that was handled badly, as short as could be."""

    def __init__(self, tried: bytes, cause: Exception) -> None:
        super().__init__(f"{type(cause).__name__} {cause}; again with: {tried.hex()}")
        self.tried = tried


class Reached:
    """The lines and the ways out of branches of one folder's code that were run (PEP 669), while it is entered."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self.lines: set[tuple[str, int]] = set()
        self._ways: dict[tuple[CodeType, int], set[int]] = {}
        self.count = 0

    def __enter__(self) -> "Reached":
        tool, events = sys.monitoring, sys.monitoring.events
        tool.use_tool_id(_TOOL, "fuzzing")
        tool.register_callback(_TOOL, events.LINE, self._line)
        tool.register_callback(_TOOL, events.BRANCH, self._branch)
        tool.restart_events()
        tool.set_events(_TOOL, events.LINE | events.BRANCH)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        sys.monitoring.set_events(_TOOL, 0)
        sys.monitoring.free_tool_id(_TOOL)

    def never(self, source: Path) -> list[int]:
        """The lines of the functions of a file that were never run."""
        wanted = set(_lines(compile(source.read_text(), str(source), "exec")))
        return sorted(line for line in wanted if (str(source), line) not in self.lines)

    def _line(self, code: CodeType, line: int) -> object:
        if code.co_filename.startswith(self._folder):
            self.lines.add((code.co_filename, line))
            self.count += 1
        return sys.monitoring.DISABLE

    def _branch(self, code: CodeType, here: int, there: int) -> object:
        if not code.co_filename.startswith(self._folder):
            return sys.monitoring.DISABLE
        ways = self._ways.setdefault((code, here), set())
        if there not in ways:
            ways.add(there)
            self.count += 1
        return sys.monitoring.DISABLE if len(ways) > 1 else None


_TOOL = 4  # none of those that PEP 669 reserves


class Search:
    """Tries `target`, which answers with what happened (any hashable things), or raises when that is a fault."""

    def __init__(
        self, target: Callable[[bytes], Iterable[object]], folder: Path, chance: random.Random
    ) -> None:
        self.reached = Reached(folder)
        self.tries = 0
        self.kept: list[bytes] = []
        self._target, self._chance = target, chance
        self._happened: set[object] = set()

    def run(self, seconds: float) -> None:
        """Until the time is over; Fault for the first that is found."""
        end = time.monotonic() + seconds
        with self.reached:
            while time.monotonic() < end:
                self._try(self._next())

    def _try(self, tried: bytes) -> None:
        self.tries += 1
        before = self.reached.count + len(self._happened)
        try:
            self._happened.update(self._target(tried))
        except Exception as cause:
            raise Fault(self._shortened(tried), cause) from cause
        if self.reached.count + len(self._happened) > before:
            self.kept.append(tried)

    def _shortened(self, tried: bytes) -> bytes:
        """Without the steps that the fault can do without."""
        steps = _cut(tried)
        for at in reversed(range(len(steps))):
            fewer = steps[:at] + steps[at + 1 :]
            try:
                self._target(b"".join(fewer))
            except Exception:  # noqa: BLE001 - the same, or another one
                steps = fewer
        return b"".join(steps)

    def _next(self) -> bytes:
        chance = self._chance
        if not self.kept or chance.random() < 0.05:
            return chance.randbytes(STEP_BYTES * chance.randrange(1, MAX_STEPS))
        recent = self.kept[-50:] if chance.random() < 0.5 else self.kept
        steps = _cut(chance.choice(recent))
        for _ in range(chance.choice([1, 1, 2, 3, 5, 8])):
            self._change(steps)
        return b"".join(steps[:MAX_STEPS])

    def _change(self, steps: list[bytes]) -> None:
        chance = self._chance
        at = chance.randrange(len(steps) + 1)
        match chance.randrange(8):
            case 0:
                steps.insert(at, chance.randbytes(STEP_BYTES))
            case 1 if len(steps) > 1:
                del steps[at - 1]
            case 2 if steps:
                steps.insert(at, chance.choice(steps))
            case 3 if steps:
                steps.insert(at, steps.pop(chance.randrange(len(steps))))
            case 4:
                other = _cut(chance.choice(self.kept))
                steps[at:] = other[chance.randrange(len(other) + 1) :]
            case _ if steps:
                step = bytearray(steps[at - 1])
                step[chance.randrange(STEP_BYTES)] = chance.randrange(256)
                steps[at - 1] = bytes(step)


def _cut(tried: bytes) -> list[bytes]:
    return [tried[at : at + STEP_BYTES] for at in range(0, len(tried) - STEP_BYTES + 1, STEP_BYTES)]


def _lines(code: CodeType) -> Iterator[int]:
    """The lines of the functions in `code`, their first ones aside."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_flags & _FUNCTION:
                yield from {line for _, _, line in inner.co_lines() if line and line > inner.co_firstlineno}
            yield from _lines(inner)
