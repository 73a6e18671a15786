from __future__ import annotations

import pytest

from tests import cast as stage
from tests.cast import Cast


@pytest.fixture
def cast() -> Cast:
    return stage.build()
