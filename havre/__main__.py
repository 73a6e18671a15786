"""`bin/havre …`: `serve` starts the house; anything else is a management command."""

from __future__ import annotations

import os
import sys

from havre.config.env import WrongSetting


def main() -> None:
    """One sentence and exit code 2 for an operator's mistake."""
    try:
        _run()
    except WrongSetting as mistake:
        print(mistake, file=sys.stderr)
        raise SystemExit(2) from None


def _run() -> None:
    if sys.argv[1:2] == ["serve"]:
        from havre.config import supervisor

        raise SystemExit(supervisor.main(sys.argv[2:]))
    if sys.argv[1:2] == ["keeper"]:
        from havre.config import supervisor

        raise SystemExit(supervisor.keeper(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "havre.config.settings")
    from django.core.management import execute_from_command_line

    from havre.core.keeper_client import KeeperAbsent, KeeperUnable

    try:
        execute_from_command_line(["bin/havre", *sys.argv[1:]])
    except KeeperUnable as reason:
        raise SystemExit(f"The keeper cannot answer now: {reason}") from None
    except KeeperAbsent:
        raise SystemExit("The keeper does not answer: start the house first (`bin/havre serve`).") from None


if __name__ == "__main__":
    main()
