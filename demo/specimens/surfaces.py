"""What a paper lies on when it is photographed, and the grain of a small sensor."""

from math import sin
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

SURFACES = ("wood", "formica", "tablecloth", "blanket")
_SMALL = 4  # textures are drawn at a quarter of the size, then enlarged


def surface(kind: str, size: tuple[int, int], rng: Random) -> Image.Image:
    """An RGB picture of a table, a cloth or knees under a blanket."""
    draw = {"wood": _wood, "formica": _formica, "tablecloth": _tablecloth, "blanket": _blanket}[kind]
    return draw((size[0] // _SMALL, size[1] // _SMALL), rng).resize(size, Image.Resampling.BILINEAR)


def speckle(size: tuple[int, int], rng: Random) -> Image.Image:
    """Grey noise around 128, the same for the same seed (Pillow's own noise cannot be seeded)."""
    tile = Image.frombytes("L", (256, 256), rng.randbytes(256 * 256)).point(lambda v: 64 + v // 2)
    wide = Image.new("L", size)
    for x in range(0, size[0], 256):
        for y in range(0, size[1], 256):
            wide.paste(tile, (x, y))
    return wide


def grain(picture: Image.Image, amount: float, rng: Random) -> Image.Image:
    """Add the noise of a small sensor, the same on the three channels."""
    noise = speckle(picture.size, rng).point(lambda v: int(128 + (v - 128) * 0.45 * amount))
    return ImageChops.add(picture, Image.merge("RGB", (noise, noise, noise)), 1, -128)


def _wood(size: tuple[int, int], rng: Random) -> Image.Image:
    base = rng.choice(((150, 105, 66), (120, 80, 52), (184, 146, 101)))
    picture = Image.new("RGB", size, base)
    draw = ImageDraw.Draw(picture)
    plank = rng.randint(90, 150)
    for x in range(size[0]):
        tone = int(9 * sin(x / 3.1) + 7 * sin(x / 11.7) + rng.randint(-7, 7)) + (x // plank * 13) % 17
        draw.line((x, 0, x, size[1]), fill=(base[0] + tone, base[1] + tone, base[2] + tone))
    noise = speckle((size[0] // 2 + 1, size[1] // 12 + 1), rng).resize(size, Image.Resampling.BICUBIC)
    draw_seams = ImageDraw.Draw(noise)
    for x in range(plank, size[0], plank):
        draw_seams.line((x, 0, x, size[1]), fill=60)
    return _toned(picture, noise, 0.22).rotate(rng.uniform(-2, 2), Image.Resampling.BILINEAR, fillcolor=base)


def _formica(size: tuple[int, int], rng: Random) -> Image.Image:
    base = rng.choice(((205, 203, 190), (176, 196, 199), (222, 205, 170)))
    picture = Image.new("RGB", size, base)
    draw = ImageDraw.Draw(picture)
    for _ in range(2600):
        x, y, tone = rng.randrange(size[0]), rng.randrange(size[1]), rng.choice((-34, -20, 18))
        draw.line(
            (x, y, x + rng.randint(-2, 2), y + 1), fill=(base[0] + tone, base[1] + tone, base[2] + tone)
        )
    return _toned(picture, speckle(size, rng), 0.08)


def _tablecloth(size: tuple[int, int], rng: Random) -> Image.Image:
    red = rng.choice(((178, 44, 48), (42, 88, 148), (58, 118, 84)))
    pale = tuple((255 + value) // 2 for value in red)
    picture = Image.new("RGB", size, (246, 243, 236))
    draw = ImageDraw.Draw(picture)
    step = rng.randint(26, 36)
    for x in range(0, size[0], step * 2):
        draw.rectangle((x, 0, x + step - 1, size[1]), fill=pale)
    for y in range(0, size[1], step * 2):
        draw.rectangle((0, y, size[0], y + step - 1), fill=pale)
        for x in range(0, size[0], step * 2):
            draw.rectangle((x, y, x + step - 1, y + step - 1), fill=red)
    wide = picture.rotate(rng.uniform(-12, 12), Image.Resampling.BILINEAR, fillcolor=pale)
    cut = wide.crop((size[0] // 8, size[1] // 8, size[0] * 7 // 8, size[1] * 7 // 8)).resize(size)
    return _toned(cut, speckle(size, rng), 0.12)


def _blanket(size: tuple[int, int], rng: Random) -> Image.Image:
    base = rng.choice(((74, 82, 98), (112, 84, 72), (92, 98, 78)))
    folds = Image.frombytes("L", (7, 9), rng.randbytes(63)).resize(size, Image.Resampling.BICUBIC)
    weave = ImageChops.multiply(speckle(size, rng), Image.new("L", size, 235)).filter(
        ImageFilter.BoxBlur(0.6)
    )
    return _toned(_toned(Image.new("RGB", size, base), folds, 0.35), weave, 0.4)


def _toned(picture: Image.Image, grey: Image.Image, amount: float) -> Image.Image:
    """Lighten and darken around 128, by a share of the grey."""
    shift = grey.point(lambda v: int(128 + (v - 128) * amount))
    return ImageChops.add(picture, Image.merge("RGB", (shift, shift, shift)), 1, -128)
