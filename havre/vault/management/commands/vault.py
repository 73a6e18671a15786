"""`bin/havre vault verify`: reads every sealed file to its end and authenticates it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from havre.core import shelves, verification
from havre.core.keeper_client import KeeperAbsent, KeeperRefused
from havre.core.verification import AnotherRuns, Notes

FAULTS_FOUND, NOT_FINISHED, INTERRUPTED = 1, 2, 130
REASONS = {
    "missing": "it is missing",
    "altered": "it was altered",
    "unreadable": "the disk does not give it",
    "wrong_key": "its key opens nothing: the row was altered, or is another person's",
    "subject_unknown": "the keeper knows no key for its subject",
    "subject_erased": "its subject was erased, and the row stays: run erase_person again",
    "subject_damaged": "the keeper's record of its subject is damaged",
}


class Command(BaseCommand):
    help = "Look after what lies sealed on the disk."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        verify = actions.add_parser(
            "verify",
            help="read and authenticate every sealed file",
            description="Read and authenticate every sealed file. Exits with 1 on faults, 2 when it had to stop.",
        )
        verify.add_argument(
            "--resume", action="store_true", help="go on after the last paper that was finished"
        )
        verify.add_argument("--sweep", action="store_true", help="then remove what no row knows since a day")
        verify.add_argument("--json", action="store_true", help="report as one JSON object")
        verify.add_argument("--progress", action="store_true", help="a line a second, without a terminal too")

    def handle(self, *args: Any, resume: bool, sweep: bool, **options: Any) -> None:
        notes = _notes(resume=resume)
        try:
            seconds = self._verify(notes, aloud=not options["json"], shown=options["progress"])
            report = _report(notes, seconds, sweep=sweep)
            notes.finish()
        finally:
            notes.close()
        self.stdout.write(json.dumps(report) if options["json"] else "\n".join(_sentences(report)))
        if report["faults"]:
            raise SystemExit(FAULTS_FOUND)

    def _verify(self, notes: Notes, *, aloud: bool, shown: bool) -> float:
        """Read everything, saying faults as they are found; how many seconds it took."""
        plainly = partial(self.stderr.write, style_func=str)
        progress = Progress(notes, plainly if shown or self.stderr.isatty() else lambda line: None)
        self._say(notes.tally.faults, aloud=aloud)
        try:
            for checked in verification.run(notes, progress.wait):
                self._say(checked.faults, aloud=aloud)
                progress.show()
        except KeyboardInterrupt:
            raise _stopped("Interrupted.", INTERRUPTED) from None
        except KeeperAbsent:
            raise _stopped("The keeper does not answer.", NOT_FINISHED) from None
        except KeeperRefused as refused:
            raise _stopped(f"The keeper refuses: {refused}", NOT_FINISHED) from None
        return progress.seconds

    def _say(self, faults: Iterable[dict[str, Any]], *, aloud: bool) -> None:
        for fault in faults if aloud else ():
            self.stdout.write(_fault(fault))


class Progress:
    """What is done and what is left, said once a second."""

    def __init__(self, notes: Notes, say: Callable[[str], object]) -> None:
        self._tally = notes.tally
        self._say = say
        self._begun = self._said = time.monotonic()
        self._size = self._tally.size
        self._rows = self._tally.rows.total()
        self._all = self._rows + verification.left(self._tally)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def show(self) -> None:
        if time.monotonic() - self._said < 1:
            return
        self._said = time.monotonic()
        done, seconds = self._tally.rows.total(), self.seconds
        left = (self._all - done) * seconds / (done - self._rows)
        rate = (self._tally.size - self._size) / seconds
        self._say(
            f"{done:,} of {self._all:,} papers and messages, {_megabytes(self._tally.size)}, "
            f"{_megabytes(rate)}/s, about {left:,.0f} s left, faults: {len(self._tally.faults)}"
        )

    def wait(self, refused: KeeperRefused) -> None:
        self._say(f"The keeper has given enough keys for now ({refused.code}): waiting.")


def _notes(*, resume: bool) -> Notes:
    try:
        return Notes(Path(settings.HOME) / "run" / "verify.jsonl", resume=resume)
    except AnotherRuns:
        raise CommandError("Another verification is under way.", returncode=NOT_FINISHED) from None


def _stopped(why: str, code: int) -> CommandError:
    return CommandError(f"{why} To go on from here: bin/havre vault verify --resume", returncode=code)


def _report(notes: Notes, seconds: float, *, sweep: bool) -> dict[str, Any]:
    tally = notes.tally
    strays = [str(path) for path in shelves.strays()]
    return {
        "checked": dict(tally.rows),
        "files": tally.files,
        "bytes": tally.size,
        "seconds": round(seconds, 1),
        "faults": tally.faults,
        "unexpected": tally.unexpected,
        "strays": strays,
        "swept": [str(path) for path in shelves.sweep(by_hand=True)] if sweep else [],
    }


def _sentences(report: dict[str, Any]) -> list[str]:
    checked = ", ".join(f"{count:,} {shelf}" for shelf, count in report["checked"].items()) or "Nothing"
    lines = [f"{_name(one)}: no row speaks of it" for one in report["unexpected"]]
    swept = set(report["swept"])
    lines += [f"{path}: belongs to nobody{', removed' * (path in swept)}" for path in report["strays"]]
    return [
        *lines,
        f"{checked} verified: {report['files']:,} files, {_megabytes(report['bytes'])}, {report['seconds']} s.",
        f"Faults: {len(report['faults'])}.",
    ]


def _fault(fault: dict[str, Any]) -> str:
    detail = f"chunk {fault['chunk']}" if "chunk" in fault else fault.get("detail")
    return f"{_name(fault)}: {REASONS[fault['reason']]}" + (f" ({detail})" if detail else "")


def _name(fault: dict[str, Any]) -> str:
    """Which file of which row: what a report says before its reason."""
    facts = [f"{name} {value}" for name, value in fault.items() if name in ("document", "version", "message")]
    return ", ".join([*facts, *([fault["file"]] if fault["file"] else [])])


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.1f} MB"
