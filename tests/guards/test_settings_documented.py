"""docs/settings.md says what env.py reads: each setting, its default, what it does."""

from __future__ import annotations

import re
from pathlib import Path

from havre.config import env

PROJECT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `(HAVRE_\w+)` \| (.*?) \| (.*?) \|$", re.MULTILINE)


def _rows() -> dict[str, tuple[str, str]]:
    text = (PROJECT / "docs" / "settings.md").read_text()
    return {name: (default, about) for name, default, about in ROW.findall(text)}


def test_every_setting_is_documented_as_it_is_and_no_other() -> None:
    expected = {
        setting.name: (f"`{setting.default}`" if setting.default else "none", setting.about)
        for setting in env.SETTINGS
    }
    assert _rows() == expected


def test_nothing_else_of_the_platform_reads_the_environment() -> None:
    allowed = {
        "havre/config/env.py": "it is the place",
        "havre/config/supervisor.py": "hands the command line's choices to its children",
        "havre/config/wsgi.py": "names the settings module",
        "havre/__main__.py": "names the settings module",
        "havre/keeper/roots/credential.py": "systemd names there the folder of its credentials",
        "havre/keeper/roots/transit.py": "the Vault's own address and token, as its other programs read them",
    }
    reads = {
        str(path.relative_to(PROJECT))
        for path in (PROJECT / "havre").rglob("*.py")
        if re.search(r"os\.environ|getenv", path.read_text())
    }
    assert reads == set(allowed)
