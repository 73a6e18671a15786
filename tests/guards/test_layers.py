"""The layers of the house, as import-linter checks them, and that it sees a breach."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def test_every_import_goes_down() -> None:
    done = _lint(PROJECT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("havre/core/breach.py", "import havre.ui.views"),
        ("havre/audit/breach.py", "import havre.people.models"),
        ("havre/people/breach.py", "import havre.keeper.keys"),
        ("havre/people/breach.py", "import havre.reading.client"),
        ("havre/keeper/breach.py", "import django.conf"),
        ("havre/unheard_of/__init__.py", ""),
    ],
)
def test_a_breach_is_seen(tmp_path: Path, module: str, line: str) -> None:
    ignore = shutil.ignore_patterns("*.pyc", "static", "templates", "locale")
    shutil.copytree(PROJECT / "havre", tmp_path / "havre", ignore=ignore)
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    breach = tmp_path / module
    breach.parent.mkdir(exist_ok=True)
    breach.write_text(line + "\n")
    assert _lint(tmp_path).returncode == 1


def test_the_keepers_client_knows_its_protocol_and_nothing_else_of_it() -> None:
    tree = ast.parse((PROJECT / "havre/core/keeper_client.py").read_text())
    imported = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("havre.keeper")
        for alias in node.names
    }
    assert imported
    assert all(name.startswith("havre.keeper.protocol") for name in imported)


@pytest.mark.parametrize("module", ["havre.keeper.server", "havre.reading.server", "havre.reading.client"])
def test_the_processes_apart_run_without_django(module: str) -> None:
    code = f"import sys, {module}; sys.exit('django' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True, timeout=60)
