"""`bin/bench NAME` runs one benchmark; without a name, lists them."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

NOT_BENCHMARKS = {"__init__", "__main__", "stage"}


def names() -> list[str]:
    """Each module of this folder with a `main(arguments)` that gives the exit code."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in NOT_BENCHMARKS)


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in names():
        print(f"usage: bin/bench {{{','.join(names())}}}", file=sys.stderr)
        return 2
    code: int = import_module(f"bench.{arguments[0]}").main(arguments[1:])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
