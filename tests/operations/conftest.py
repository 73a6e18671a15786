from __future__ import annotations

import pytest

from havre.core import sealing
from havre.operations import tasks
from havre.operations.models import Alarm
from tests import cast as stage
from tests.cast import Cast
from tests.operations.keepers import Keeper


@pytest.fixture
def cast(clock: object) -> Cast:
    return stage.build()


@pytest.fixture
def keeper_told(clock: object, monkeypatch: pytest.MonkeyPatch) -> Keeper:
    """A keeper that is well, in the place of the house's."""
    told = Keeper()
    monkeypatch.setattr(sealing, "keeper", lambda: told)
    return told


@pytest.fixture
def watched(cast: Cast, keeper_told: Keeper) -> Keeper:
    """The same, once the worker has read it, with the cast in the house: nothing is wrong."""
    tasks.watch()
    assert not Alarm.objects.exists()
    keeper_told.asked.clear()
    return keeper_told
