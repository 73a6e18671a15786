"""Draws the PNG icons of the installed application from the mark: `python -m havre.ui.draw`."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

DUSK, SAND, LAMP = "#0d3640", "#f3eee4", "#f5c242"
FOLDER = Path(__file__).parent / "static" / "ui"
_FINE = 4  # drawn larger, then reduced: smooth edges


def draw(size: int, *, rounded: bool, inset: float) -> Image.Image:
    """The mark on its ground, `size` pixels wide; `inset` is the share left free on each side."""
    whole = size * _FINE
    image = Image.new("RGBA", (whole, whole), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((0, 0, whole - 1, whole - 1), whole * 0.22 if rounded else 0, fill=DUSK)
    unit = whole * (1 - 2 * inset) / 18  # the mark is 18 units wide
    start, width = whole * inset, 2.6 * unit

    def at(x: float, y: float) -> tuple[float, float]:
        return start + x * unit, whole / 2 + (y - 6.5) * unit

    def dot(x: float, y: float, radius: float, colour: str) -> None:
        cx, cy = at(x, y)
        pen.ellipse((cx - radius, cy - radius, cx + radius, cy + radius), fill=colour)

    half = width / 2
    (x0, y0), (x1, y1) = at(0, 0), at(18, 18)
    pen.arc((x0 - half, y0 - half, x1 + half, y1 + half), 180, 360, fill=SAND, width=round(width))
    pen.line((at(0, 13), at(18, 13)), fill=SAND, width=round(width))
    for x, y in ((0, 9), (18, 9), (0, 13), (18, 13)):
        dot(x, y, half, SAND)
    dot(9, 6, 3.4 * unit, LAMP)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def main() -> None:
    for name, size, rounded, inset in (
        ("icon-192.png", 192, True, 0.22),
        ("icon-512.png", 512, True, 0.22),
        ("icon-maskable.png", 512, False, 0.28),
    ):
        draw(size, rounded=rounded, inset=inset).quantize(64).save(FOLDER / name, optimize=True)


if __name__ == "__main__":
    main()
