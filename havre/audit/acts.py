"""The acts that the journal knows, each with the words a person reads; every app registers its own at start."""

from __future__ import annotations

from typing import Any

_sentences: dict[str, Any] = {}


class UnknownAct(LookupError):
    """An act was recorded that no app has registered."""


def register(act: str, sentence: Any) -> None:
    """Make an act known; `sentence` is a lazy translation that follows a name, like "a vu un document"."""
    _sentences[act] = sentence


def must_be_known(act: str) -> None:
    if act not in _sentences:
        raise UnknownAct(act)


def sentence(act: str) -> str:
    """The words of an act, in the language of the moment."""
    return str(_sentences.get(act, act))
