"""Who a specimen paper is about. Everyone here is invented."""

from dataclasses import dataclass
from datetime import date
from typing import Literal


@dataclass(frozen=True, slots=True)
class Holder:
    """The invented person named on a paper; an empty `sex` prints both forms ("Né(e)")."""

    family_name: str
    given_names: str
    born: date
    birth_place: str
    address: tuple[str, ...]
    sex: Literal["F", "M", ""] = ""
    nationality: str = "française"
    phone: str = "06 39 98 14 27"
    children: tuple[tuple[str, date], ...] = ()

    @property
    def name(self) -> str:
        return f"{self.given_names} {self.family_name.upper()}"

    def age(self, today: date) -> int:
        return today.year - self.born.year - ((today.month, today.day) < (self.born.month, self.born.day))

    def agreed(self, masculine: str, feminine: str, both: str) -> str:
        """The French form that agrees with the holder."""
        return {"M": masculine, "F": feminine}.get(self.sex, both)
