"""What must be done before the house opens is done by `prepare`, and may say a sentence."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from havre.core import opening
from havre.core.management.commands import prepare


@pytest.mark.django_db
def test_prepare_takes_each_step_and_says_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(opening, "_steps", {})
    for name in ("_migrate", "_collect_static"):
        monkeypatch.setattr(prepare, name, lambda: None)
    opening.register("quiet", lambda: "")
    opening.register("loud", lambda: "The moon is late.")
    call_command("prepare")
    assert capsys.readouterr().err == "The moon is late.\n"
