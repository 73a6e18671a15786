"""What each call does, whoever carries it. Budgets and the keeper's own journal will stand in `answer`."""

import json
from collections.abc import Callable

from havre.keeper import __version__, keys
from havre.keeper.protocol import ACTOR_KINDS, MAX_FACTS, MAX_SUBJECTS, VERSION, Call, Refusal, Refused
from havre.keeper.store import Store

_KIND_OF = {number: kind for kind, number in ACTOR_KINDS.items()}
_NONE = b"\0"


class Keeper:
    """The calls of the protocol over one store and its root key. Safe between threads."""

    def __init__(self, store: Store, root: bytes) -> None:
        self.store = store
        self._root = root
        self._calls: dict[int, Callable[[list[bytes]], list[bytes]]] = {
            Call.PING: self._ping,
            Call.CREATE: self._create,
            Call.SEAL_KEY: self._seal_key,
            Call.OPEN_KEY: self._open_key,
            Call.FIELDS: self._fields,
            Call.TOKENS: self._tokens,
            Call.ERASE: self._erase,
            Call.CHECK: self._check,
        }

    def answer(self, call: int, fields: list[bytes]) -> list[bytes]:
        """The fields of the answer; Refused with the reason otherwise."""
        if call not in self._calls:
            raise Refused(Refusal.MALFORMED, "There is no such call.")
        return self._calls[call](fields)

    def _ping(self, fields: list[bytes]) -> list[bytes]:
        _counted(fields, 0)
        return [__version__.encode()]

    def _create(self, fields: list[bytes]) -> list[bytes]:
        (subject,) = _counted(fields, 1)
        self.store.create(_id(subject))
        return []

    def _seal_key(self, fields: list[bytes]) -> list[bytes]:
        subject, part = _counted(fields, 2)
        return list(keys.new_wrapped(self._part_key(subject, _one_of(keys.PARTS, part))))

    def _open_key(self, fields: list[bytes]) -> list[bytes]:
        subject, part_name, wrapped, actor, purpose = _counted(fields, 5)
        part = _one_of(keys.PARTS, part_name)
        _asked_by(actor, purpose, private=part == keys.PRIVATE)
        try:
            return [keys.unwrap(self._part_key(subject, part), wrapped)]
        except keys.WrongKey:
            raise Refused(
                Refusal.WRONG_KEY, "This wrapped key does not open for this subject and part."
            ) from None

    def _fields(self, fields: list[bytes]) -> list[bytes]:
        class_name, actor, purpose, *subjects = _counted(fields, 3, MAX_SUBJECTS)
        field_class = _one_of(keys.FIELD_CLASSES, class_name)
        _asked_by(actor, purpose, private=field_class == keys.PRIVATE)
        return [self._field_key(_id(subject), field_class) for subject in subjects]

    def _tokens(self, fields: list[bytes]) -> list[bytes]:
        scope, kind, *facts = _counted(fields, 2, MAX_FACTS)
        key = keys.token_key(self._root, _id(scope) if scope else b"", _word(kind))
        return [keys.token(key, fact) for fact in facts]

    def _erase(self, fields: list[bytes]) -> list[bytes]:
        (subject,) = _counted(fields, 1)
        self.store.erase(_id(subject))
        return []

    def _check(self, fields: list[bytes]) -> list[bytes]:
        _counted(fields, 0)
        return [json.dumps({"version": __version__, "protocol": VERSION, **self.store.status()}).encode()]

    def _part_key(self, subject: bytes, part: str) -> bytes:
        return keys.part_key(self.store.keys(_id(subject)), part)

    def _field_key(self, subject: bytes, field_class: str) -> bytes:
        """One page shows many people: a subject that is gone says so without hiding the others."""
        try:
            return _NONE + keys.fields_key(self.store.keys(subject), field_class)
        except Refused as refused:
            return bytes([refused.code])


def _counted(fields: list[bytes], fixed: int, more: int = 0) -> list[bytes]:
    if not fixed <= len(fields) <= fixed + more:
        raise Refused(Refusal.MALFORMED, "This call does not take that many fields.")
    return fields


def _id(raw: bytes) -> bytes:
    if len(raw) != 16:
        raise Refused(Refusal.MALFORMED, "An id is 16 bytes.")
    return raw


def _one_of(names: frozenset[str], raw: bytes) -> str:
    name = raw.decode("ascii", "replace")
    if name not in names:
        raise Refused(Refusal.MALFORMED, f"One of {', '.join(sorted(names))} is expected.")
    return name


def _word(raw: bytes) -> str:
    """A purpose or a kind of token: 1 to 64 ASCII letters, digits, dots, dashes and underscores."""
    word = raw.decode("ascii", "replace")
    if (
        len(word) > 64
        or not word.replace(".", "a").replace("-", "a").replace("_", "a").isalnum()
        or not word.isascii()
    ):
        raise Refused(Refusal.MALFORMED, "A purpose or kind is a short ASCII word.")
    return word


def _asked_by(actor: bytes, purpose: bytes, *, private: bool) -> None:
    """Who asks, and what for; the private part is never opened for a professional."""
    kind = _KIND_OF.get(actor[0]) if len(actor) == 17 else None
    if kind is None:
        raise Refused(Refusal.MALFORMED, "An actor is a kind and an id.")
    _word(purpose)
    if private and kind == "professional":
        raise Refused(Refusal.FORBIDDEN, "The private part is never opened for a professional.")
