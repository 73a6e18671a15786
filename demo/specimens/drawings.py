"""What a paper carries besides words, as SVG: signatures, codes, a portrait without a face."""

from collections.abc import Sequence
from math import cos, sin, tau
from random import Random

import segno

INK = ("#1c2f6b", "#14213d", "#23366f", "#1a1a1a")


def signature(rng: Random) -> str:
    """A hurried signature: a capital, some letters that tire, a flourish."""
    x, y = 14.0, 52.0
    path = [f"M{x} {y} {rng.choice(_CAPITALS)}"]
    x += 30
    path.append(f"M{x} {y - 6}")
    tired = rng.uniform(0.8, 0.95)
    for step in range(rng.randint(6, 11)):
        high, width = rng.uniform(6, 18) * tired**step, rng.uniform(7, 19)
        letter = rng.choice(_LETTERS)
        path.append("c" + " ".join(f"{px * width:.1f} {py * high:.1f}" for px, py in letter))
        x += width
    if rng.random() < 0.6:
        path.append(f"c{rng.randint(20, 40)} -20 20 {rng.randint(14, 30)} -{x * 0.5:.0f} 22")
    if rng.random() < 0.5:
        start, reach = x * rng.uniform(0.1, 0.4), x * rng.uniform(0.5, 0.9)
        path.append(f"M{start:.0f} {y + 16} l{reach:.0f} -{rng.randint(2, 14)}")
    shift, turn, width = rng.randint(-4, 4), rng.randint(-7, 3), rng.uniform(1.4, 2.4)
    return _svg(
        f'<g transform="translate(0 {shift}) rotate({turn} 90 50)">'
        f'<path d="{" ".join(path)}" fill="none" stroke="{rng.choice(INK)}" stroke-width="{width:.1f}" '
        'stroke-linecap="round" stroke-linejoin="round"/></g>',
        240,
        90,
    )


# Relative strokes of a capital (B, L, C, T) and of small letters, in units of width and height.
_CAPITALS = (
    "c-4 -18 2 -42 8 -44 c20 -2 16 20 -4 22 c28 -4 24 24 -8 24",
    "c10 -14 22 -50 10 -46 c-12 6 -16 40 -6 46 c8 4 18 -2 24 -8",
    "m24 -36 c-10 -14 -30 4 -26 26 c3 16 18 12 28 2",
    "m-6 -38 c12 -8 22 6 40 -4 m-18 2 c-8 16 -6 28 -14 42",
)
_LETTERS = (
    ((0.2, -1), (0.7, -1), (0.55, 0.3), (0.5, 0.9), (0.9, 0.4), (1, 0)),
    ((0.3, -0.2), (0.9, -2.4), (0.5, -2.2), (0.2, -1.8), (0.3, 0.3), (1, 0)),
    ((0.3, 0.6), (0.5, 0.5), (0.5, -0.4), (0.6, 0.9), (0.9, 0.3), (1, 0)),
    ((0.4, -0.3), (0.6, -0.1), (0.4, 1.6), (0.2, 2.4), (0.2, 0.4), (1, 0)),
    ((0.3, -0.2), (0.7, -0.3), (1, 0)),
)


def portrait(rng: Random) -> str:
    """Head and shoulders, no face: nobody's photograph."""
    hair, skin, coat = rng.choice(
        [
            ("#2b2320", "#8d6a52", "#3d4f5c"),
            ("#4a3a2c", "#c49b7c", "#5b4b57"),
            ("#191512", "#5f4535", "#6b6f57"),
            ("#8c8a86", "#d3ae94", "#40474d"),
        ]
    )
    hair_path = rng.choice(
        [
            "M27 45C24 18 38 12 51 12s26 8 23 32C68 34 66 28 50 29S32 34 27 45Z",
            "M25 66C20 22 36 11 50 11s31 10 25 55C70 64 72 36 65 31 52 36 38 30 34 34 30 42 31 60 25 66Z",
        ]
    )
    return _svg(
        '<rect width="100" height="128" fill="#d9dcd8"/>'
        f'<path d="M6 128C8 98 26 94 40 89L40 74 61 74 61 89C75 94 93 98 95 128Z" fill="{coat}"/>'
        f'<path d="M40 70L61 70 62 90C56 98 45 98 39 90Z" fill="{skin}"/>'
        f'<ellipse cx="50.5" cy="49" rx="21" ry="28" fill="{skin}"/><path d="{hair_path}" fill="{hair}"/>',
        100,
        128,
    )


def qr(text: str) -> str:
    """A QR code that any phone reads."""
    return modules([[bool(cell) for cell in row] for row in segno.make(text, error="m").matrix])


def modules(rows: Sequence[Sequence[bool]]) -> str:
    """A matrix code as one SVG path, a unit per module."""
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return _svg(f'<path d="{path}" fill="#111" shape-rendering="crispEdges"/>', len(rows[0]), len(rows))


def guilloche(rng: Random, *, lines: int = 44, tint: str = "#8fb0b5") -> str:
    """A field of fine waves, as security paper has; wide, to be cut to size."""
    sway, turn = rng.uniform(9, 15), rng.uniform(0, tau)
    waves = "".join(
        f'<path d="{_wave(row * 270 / lines - 10, sway, turn + row * 0.45)}" fill="none" stroke="{tint}" '
        'stroke-width=".3" stroke-opacity=".55"/>'
        for row in range(lines)
    )
    return _svg(waves, 400, 250)


def _wave(y: float, sway: float, turn: float) -> str:
    points = (f"{x} {y + sway * sin(turn + x / 19) * cos(turn / 3 + x / 83):.1f}" for x in range(0, 401, 4))
    return "M" + " L".join(points)


def _svg(inside: str, width: int, height: int) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{inside}</svg>'
