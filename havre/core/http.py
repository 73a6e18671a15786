"""The mark of a page that anyone may open, signed in or not, even when a session has just ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http.response import HttpResponseBase

type View = Callable[..., HttpResponseBase]


def open_to_all[V: View](view: V) -> V:
    marked: Any = view
    marked.open_to_all = True
    return view


def takes_files[V: View](view: V) -> V:
    """The mark of a view whose form brings files: what is sent to any other one is not kept."""
    marked: Any = view
    marked.takes_files = True
    return view
