"""kill -9 at random moments: nothing acknowledged is lost, nothing erased comes back, the journal is whole.

Several witnesses ask a real keeper for what the killed phase is made of. They note what was acknowledged and what was
*in doubt*, asked and not answered. After each kill the keeper starts again: on the same files, or without one of its
two folders, or on the second copy alone, the machine being gone. It must then hold to its word.
"""

import contextlib
import json
import os
import random
import secrets
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from havre.keeper import journal
from havre.keeper.journal import Journal
from havre.keeper.places import CannotStart
from havre.keeper.protocol import Call
from tests.keeper.killed import Keepers
from tests.keeper.phases import PHASES
from tests.keeper.witness import CALLS, Line, Witness

WITNESSES = 4
PHASE_SECONDS = 5.0
LASTS = {"rotate": 0.01, "compaction": 0.01, "take-over": 0.03, "ratchet": 0.003}  # seconds, about


class Campaign:
    """Kills, and what they hit."""

    def __init__(self, keepers: Keepers, chance: random.Random) -> None:
        self.hits: Counter[str] = Counter()
        self._keepers, self._chance = keepers, chance
        self._witnesses = [Witness(number, random.Random(chance.random())) for number in range(WITNESSES)]
        self._running = keepers.start()
        self._secrets = self._house_secrets()

    def run(self, kills: int, least: int) -> None:
        """At least so many kills in all, and in each phase."""
        while self.hits.total() < kills or min(self.hits[phase] for phase in PHASES[1:]) < least:
            assert self.hits.total() < 4 * kills, self.hits
            self._life(min(PHASES[1:], key=lambda phase: (self.hits[phase], self._chance.random())))
        self._verify(everything=True)
        self._running.kill()

    def _life(self, focus: str) -> None:
        with ThreadPoolExecutor() as pool:
            ends = [pool.submit(witness.work, self._keepers.socket, focus) for witness in self._witnesses]
            time.sleep(self._chance.uniform(0.002, 0.03))
            self._kill(self._chance.choice(CALLS) if focus == "take-over" else focus)
            for end in ends:
                end.result()
        if focus == "take-over":
            self._take_over()
        else:
            self._restart()
        self._verify()

    def _kill(self, focus: str) -> None:
        """Now, or within a few milliseconds of the beginning of the phase."""
        if focus == "take-over" or self._chance.random() < 0.8:
            deadline = time.monotonic() + PHASE_SECONDS
            while focus not in self._running.phases() and time.monotonic() < deadline:
                time.sleep(0)
            time.sleep(self._chance.choice([0, self._chance.uniform(0, LASTS.get(focus, 0.001))]))
        hit = self._running.kill()
        self.hits[focus if focus in hit else min(hit, default="between two calls")] += 1

    def _take_over(self) -> None:
        self._lose_journal()
        for _ in range(self._chance.choice([1, 1, 2])):
            self._running = self._keepers.begin_take_over()
            self._kill("take-over")
        self._running = self._keepers.end_take_over()

    def _restart(self) -> None:
        """On the same files, or on what a lost folder leaves, or on the second copy alone."""
        match self._chance.choices(["same", "own lost", "copy lost", "machine gone"], [6, 1, 1, 1])[0]:
            case "own lost":
                self._lose_journal()
                self._keepers.lose(self._keepers.home)
                if self._keepers.stands_by:  # it knows of a term of which this keeper knows no more
                    with pytest.raises(CannotStart):
                        self._keepers.start()
                    self._running = self._keepers.end_take_over()
                    return
            case "copy lost":
                self._keepers.lose(self._keepers.copy)
            case "machine gone":
                self._lose_journal()
                self._running = self._keepers.end_take_over()
                return
        self._running = self._keepers.start()

    def _lose_journal(self) -> None:
        """It is about to go with its folder: look at it a last time."""
        Journal(self._keepers.home).close()
        self._journal_is_whole()
        for witness in self._witnesses:
            witness.opened.clear()

    def _journal_is_whole(self) -> None:
        journal.verify(self._keepers.home)
        texts = [path.read_text() for path in (self._keepers.home / journal.FOLDER).glob("*.log")]
        lines = [json.loads(line.split("\t")[0]) for text in texts for line in text.splitlines()]
        opened = [line for line in lines if (line["what"], line["outcome"]) == ("open_key", "ok")]
        told = {(line["subject"], line["purpose"]) for line in opened}
        for witness in self._witnesses:
            assert witness.opened <= told

    def _verify(self, *, everything: bool = False) -> None:
        self._journal_is_whole()
        assert self._keepers.both_are_equal()
        assert self._house_secrets() == self._secrets
        for witness in self._witnesses:
            witness.must_keep_its_word(self._keepers.socket, everything=everything)

    def _house_secrets(self) -> list[list[bytes]]:
        line = Line(self._keepers.socket)
        secrets = [line.ask(Call.TOKENS, b"", b"phone", b"0"), line.ask(Call.PEPPER, b"pin", b"0")]
        line.close()
        return secrets


@pytest.mark.slow
@pytest.mark.parametrize("copy", ["folder", "standby"])
def test_kills_lose_nothing_acknowledged_and_bring_nothing_erased_back(
    copy: str, campaign: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = os.environ.get("SEED") or (secrets.token_hex(4) if campaign else "1")
    with contextlib.closing(Keepers(tmp_path, standby=copy == "standby")) as keepers:
        run = Campaign(keepers, random.Random(seed))
        run.run(*((250, 10) if campaign else (20, 1)))
    if campaign:
        with capsys.disabled():
            print(f"\nkills, with a {copy} as second copy (SEED={seed}):")
            print(*[f"    {phase:20}{count}" for phase, count in run.hits.most_common()], sep="\n")


def test_a_keeper_that_lives_is_not_taken_over_in_its_second_copy(tmp_path: Path) -> None:
    with contextlib.closing(Keepers(tmp_path, standby=False)) as keepers:
        keepers.start()
        keepers.home = tmp_path / "another"
        with pytest.raises(CannotStart, match="already running"):
            keepers.start()
