"""One keeper's files together: the day keys, the store, the ledger of erasures and the journal, and their upkeep."""

import contextlib
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from havre.keeper import ledger
from havre.keeper.days import NAME as DAYS
from havre.keeper.days import Days, Held
from havre.keeper.journal import Journal
from havre.keeper.keys import ShredKeys
from havre.keeper.ledger import NAME as LEDGER
from havre.keeper.ledger import Ledger
from havre.keeper.past import Past
from havre.keeper.places import CannotStart, Folder, Pair, Place
from havre.keeper.protocol import Refused
from havre.keeper.store import NAME as STORE
from havre.keeper.store import Kinship, Present, Store, kinship, writes

DAY_SECONDS = 86_400
RETRY_SECONDS = 10.0
RETRY_AT_MOST = 300.0
NEWER = (
    "it holds a newer store than the one here: stop this keeper, keep its erased.ledger, put the copy's files in the "
    "place of its own, then merge that ledger"
)
FORK = (
    "it and the store here went on apart, and neither is overwritten: stop this keeper, keep both folders, give each "
    "the erasures of the other (ledger merge), and choose the one to go on with; the other leaves --copy"
)
STRANGER = "the store in it is not of this house, or its header is damaged: give --copy another folder, or an empty one"
UNMENDED = "records are damaged here that it may have whole: restart the keeper: both places are then read and mended"
WHY = {Kinship.NEWER: NEWER, Kinship.FORK: FORK, Kinship.STRANGER: STRANGER}


def judge_copy(files: Pair, root: bytes) -> None:
    """Before anything is written: leave a copy alone that went on apart; CannotStart when it is another house's."""
    stores, tables = files.contents(STORE), files.contents(DAYS)
    if len(stores) + len(tables) < 4 or stores[0] == stores[1]:
        return
    days = [Held(root, table) for table in tables]
    ours = next(filter(None, (Present.of(held, stores[0]) for held in days)), None)
    found = _least_strange(Past(files.own), ours, days, stores[1])
    if found == Kinship.STRANGER or (days[0] and tables[1] and not days[1] and not stores[1]):
        raise CannotStart(f"The second copy is left as it is: {STRANGER}.")
    if found == Kinship.FORK:
        files.behind = FORK


def _least_strange(past: Past, ours: Present | None, days: list[Held], content: bytes) -> Kinship:
    """Under the day keys of each place in turn."""
    found = [kinship(past, ours, held, content) for held in reversed(days)]
    return next((kin for kin in found if kin != Kinship.STRANGER), Kinship.STRANGER)


class House:
    """Opens everything in `home` under a root key; brings each to what the ledger says; tends it."""

    def __init__(self, home: Path, files: Pair, root: bytes, *, take_over: bool = False) -> None:
        self.files, self._home, self._root = files, home, root
        self.started = time.time()
        self._since_behind: float | None = None
        self._rotating = threading.Lock()
        self._last_rotation, self._last_try = time.monotonic(), 0.0
        self._retry = RETRY_SECONDS / 2
        self._oldest_day = 1
        self._late_told = False
        self.journal = Journal(home)
        try:
            judge_copy(files, root)
            self.days = Days(files, root)
            self.store = Store(files, self.days, take_over=take_over)
            self.ledger = Ledger(files, self.store.house.papers)
            if files.behind == FORK:
                self._merge_copy()
            self.replay()
            self._tell_start(take_over=take_over)
        except BaseException:
            self.journal.close()
            raise

    def settle(self, subject: bytes, keys: ShredKeys) -> None:
        """Leave every earlier epoch of a subject behind, for good when this returns."""
        with writes():
            self.ledger.add(ledger.Kind.RATCHETED, subject, keys.epoch)
            self.store.put(subject, keys.settled())

    def rotate(self) -> int:
        """Re-key the store under a new day key; keys beyond the last fourteen go once both places have it."""
        with self._rotating, writes():
            last_one_failed = self.store.stamp.day != self.days.newest
            day = self.days.newest if last_one_failed else self.days.add()
            self.store.compact()
            self._last_rotation = time.monotonic()
            if self.files.confirmed:
                self.days.destroy_old()
            self.journal.write("rotate", {"day": day})
            self.journal.rotate()
        return day

    def tend(self) -> None:
        """What the clock asks for, called each second: sync the journal, follow the second copy, re-key each day."""
        self.journal.sync()
        self._follow_copy()
        if self._day_is_over():
            self.rotate()

    def report(self, after: int) -> dict[str, object]:
        """What `check` answers; `after` is the last line of the journal that the caller knows."""
        position, digest = self.journal.head
        if self.files.confirmed:
            self._oldest_day = self.days.oldest
        return {
            "role": "primary",
            "started": _iso(self.started),
            **self.store.status(),
            "day": {"number": self.days.newest, "made": _iso(self.days.made(self.days.newest))},
            "oldest_day": self._oldest_day,
            "copy": self._copy(),
            "ledger": self.ledger.erasures,
            "journal": {
                "position": position,
                "digest": digest,
                "digest_after": self.journal.digest_at(after),
            },
            "alarms": [
                {
                    "n": line["n"],
                    "at": line["at"],
                    "what": line["what"],
                    "subject": line.get("subject"),
                    "actor": line.get("actor"),
                    "detail": line.get("detail", ""),
                }
                for line in self.journal.alarms(after)
            ],
        }

    def close(self) -> None:
        """Wait for what is being written, and let go of everything."""
        self.store.close()
        self.journal.close()

    def replay(self) -> None:
        """What was erased stays erased, whichever store was put back; and the ledger knows all that was."""
        for subject in self.store.subjects() if len(self.ledger) else ():
            keys = self.store.keys(subject)
            if self.ledger.erased(subject):
                self.store.erase(subject)
            elif self.ledger.epoch(subject) > keys.oldest_epoch:
                self.store.put(subject, keys.at(max(keys.epoch, self.ledger.epoch(subject))))
        for subject in self.store.erased():
            self.ledger.add(ledger.Kind.ERASED, subject)
        if self.files.confirmed:
            self.days.destroy_old()

    def _tell_start(self, *, take_over: bool) -> None:
        stamp = self.store.stamp
        self.journal.write("start", {"term": stamp.term, "generation": stamp.generation, "day": stamp.day})
        if take_over:
            self.journal.alarm("take-over", f"term {stamp.term}")
        if self.store.repaired:
            self.journal.alarm("repaired", "the store was older than its second copy, or damaged")
        if damaged := self.store.damaged_records + self.days.damaged + self.ledger.damaged:
            self.journal.alarm("damaged", f"{damaged} records")
        self._follow_copy()

    def _follow_copy(self) -> None:
        """Say when the second copy is left behind and when it is back; try again after ten seconds, then later."""
        if self.files.behind and self._since_behind is None:
            self._since_behind = time.time()
            self.journal.alarm("copy-behind", self.files.behind)
        if self.files.behind and time.monotonic() - self._last_try > self._retry:
            with self._rotating, contextlib.suppress(OSError, Refused):
                self._catch_up()
            self._last_try = time.monotonic()
            self._retry = min(2 * self._retry, RETRY_AT_MOST) if self.files.behind else RETRY_SECONDS / 2
        if not self.files.behind and self._since_behind is not None:
            self._since_behind = None
            self.journal.alarm("copy-back", "both places are the same again")

    def _catch_up(self) -> None:
        """Write all again from memory, in both places, if what the copy holds is an ancestor of ours."""
        if self.files.copy is None:
            return
        if why := self._why_apart(self.files.copy):
            self._say_behind(why)
            self._merge_copy()
            self.replay()
            return
        with self.store.paused(), self.files.catching_up():
            self.days.rewrite()
            if not self.files.alone:
                self.ledger.rewrite()
            if not self.files.alone:
                self.store.rewrite()
        if self.files.confirmed:
            self.store.follow()
            self.days.destroy_old()

    def _why_apart(self, copy: Place) -> str | None:
        """Why what the copy holds must not be overwritten; OSError when it does not answer."""
        store, days = copy.read(STORE) or b"", copy.read(DAYS) or b""
        held = Held(self._root, days)
        if days and not store and not held:
            return STRANGER
        kin = kinship(self.store.past, self.store.present, held, store)
        if kin == Kinship.STRANGER:
            kin = kinship(self.store.past, self.store.present, self.days, store)
        damaged = self.store.damaged_records or self.ledger.damaged or self.store.status()["damaged"]
        return WHY.get(kin) or (UNMENDED if self.files.unread and damaged and store else None)

    def _say_behind(self, why: str) -> None:
        if self.files.behind != why:
            self.files.behind = why
            self.journal.alarm("copy-behind", why)

    def _merge_copy(self) -> None:
        """What the ledger of a copy that is left alone says is true here too."""
        if self.files.copy is not None and self.files.behind:
            with contextlib.suppress(OSError):
                self.ledger.merge(self.files.copy.read(LEDGER) or b"")

    def _day_is_over(self) -> bool:
        """A day by the clock of the wall, or by that of the machine when the other went back."""
        by_the_wall = time.time() - self.days.made(self.days.newest)
        if by_the_wall < -DAY_SECONDS:  # made by a clock that was wrong
            if not self._late_told:
                self.journal.alarm(
                    "day-late", "the newest day key was made in the future: the clock was wrong"
                )
            self._late_told = True
            return True
        by_the_machine = time.monotonic() - self._last_rotation
        return max(by_the_wall, by_the_machine) >= DAY_SECONDS

    def _copy(self) -> dict[str, object]:
        if self.files.copy is None:
            return {"state": "none", "same_disk": False, "why": "", "since": None}
        since = self._since_behind
        return {
            "state": "behind" if self.files.behind else "ok",
            "same_disk": isinstance(self.files.copy, Folder)
            and self.files.copy.path.stat().st_dev == self._home.stat().st_dev,
            "why": self.files.behind or "",
            "since": _iso(since) if since else None,
        }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
