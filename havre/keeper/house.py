"""One keeper's files together: the day keys, the store, the ledger of erasures and the journal, and their upkeep."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from havre.keeper import ledger
from havre.keeper.days import NAME as DAYS
from havre.keeper.days import Days
from havre.keeper.journal import Journal
from havre.keeper.keys import ShredKeys
from havre.keeper.ledger import NAME as LEDGER
from havre.keeper.ledger import Ledger
from havre.keeper.places import Folder, Pair
from havre.keeper.store import NAME as STORE
from havre.keeper.store import Store, writes

DAY_SECONDS = 86_400
RETRY_SECONDS = 10.0
NEWER = "it holds a newer store than the one here: stop this keeper and put the copy's files in the place of its own"


class House:
    """Opens everything in `home` under a root key; brings each to what the ledger says; tends it."""

    def __init__(self, home: Path, files: Pair, root: bytes, *, take_over: bool = False) -> None:
        self.files, self._home = files, home
        self.started = time.time()
        self._since_behind: float | None = None
        self._rotating = threading.Lock()
        self._last_rotation, self._last_try = time.monotonic(), 0.0
        self.journal = Journal(home)
        try:
            self.days = Days(files, root)
            self.store = Store(files, self.days, take_over=take_over)
            self.ledger = Ledger(files, self.store.house.papers)
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
            if (
                self.store.stamp.day == self.days.newest
            ):  # else the last re-keying failed, and its key is to be used
                self.days.add()
            day = self.days.newest
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
        return {
            "role": "primary",
            "started": _iso(self.started),
            **self.store.status(),
            "day": {"number": self.days.newest, "made": _iso(self.days.made(self.days.newest))},
            "oldest_day": self.days.oldest,
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
        """Say when the second copy is left behind and when it is back; try again every ten seconds."""
        if self.files.behind and self._since_behind is None:
            self._since_behind = time.time()
            self.journal.alarm("copy-behind", self.files.behind)
        if self.files.behind and time.monotonic() - self._last_try > RETRY_SECONDS:
            self._last_try = time.monotonic()
            with self._rotating:
                if not self._copy_is_newer() and self.files.catch_up((DAYS, STORE, LEDGER)):
                    self.days.destroy_old()
        if not self.files.behind and self._since_behind is not None:
            self._since_behind = None
            self.journal.alarm("copy-back", "both places are the same again")

    def _copy_is_newer(self) -> bool:
        """Whether a second copy that did not answer at the start holds what was never read here: it is left alone."""
        if self.files.copy is None or not self.files.unread:
            return False
        try:
            newer = self.store.predates(self.files.copy.read(STORE) or b"")
        except OSError:  # it still does not answer
            return True
        if newer and self.files.behind != NEWER:
            self.files.behind = NEWER
            self.journal.alarm("copy-behind", NEWER)
        return newer

    def _day_is_over(self) -> bool:
        """A day by the clock of the wall, or by that of the machine when the other went back."""
        by_the_wall = time.time() - self.days.made(self.days.newest)
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
