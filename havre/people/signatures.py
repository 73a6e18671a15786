"""Signatures on the screen: strokes as numbers, never a picture file, so that there is nothing to decode or to run."""

from __future__ import annotations

import json
from typing import Any

MOST_POINTS = 6_000
SIDE = 1_000  # strokes are drawn in a square of this side


class NotASignature(ValueError):
    """The strokes are not what the signature field sends, or there are too few of them."""


def strokes(text: str) -> list[list[tuple[int, int]]]:
    """Strokes from the field's JSON: lists of [x, y] points, whole numbers from 0 to 1000."""
    try:
        drawn = json.loads(text)
        result = [[_point(pair) for pair in stroke] for stroke in drawn]
    except (ValueError, TypeError, RecursionError) as error:
        raise NotASignature("not strokes") from error
    count = sum(len(stroke) for stroke in result)
    if not 4 <= count <= MOST_POINTS:
        raise NotASignature(f"{count} points")
    return result


def _point(pair: Any) -> tuple[int, int]:
    x, y = pair
    if not (type(x) is int and type(y) is int and 0 <= x <= SIDE and 0 <= y <= SIDE):
        raise ValueError("a point lies outside")
    return x, y


def path(drawn: list[list[tuple[int, int]]]) -> str:
    """An SVG path of the strokes."""
    return " ".join("M" + " L".join(f"{x} {y}" for x, y in stroke) for stroke in drawn if stroke)
