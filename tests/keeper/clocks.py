"""The two clocks of a keeper, moved by hand."""

import time
from types import SimpleNamespace

import pytest

from havre.keeper import days, house, journal, ledger

DAY = 86_400


class Clocks:
    """What `time.time` and `time.monotonic` answer to the keeper's modules."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.machine = time.time(), 1_000.0
        seen = SimpleNamespace(time=lambda: self.wall, monotonic=lambda: self.machine)
        for module in (days, house, journal, ledger):
            monkeypatch.setattr(module, "time", seen)

    def pass_by(self, seconds: float) -> None:
        """Both go forward."""
        self.wall += seconds
        self.machine += seconds
