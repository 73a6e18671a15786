"""A page as an old phone takes it: on a table, askew, badly lit, blurred, compressed.

Pillow only. Everything comes from a seed: the same arguments give the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from random import Random
from time import struct_time

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from .surfaces import SURFACES, grain, surface

type Point = tuple[float, float]

LONGEST = 2400
TWELVE_MEGAPIXELS = 4000
PHONES = (("Exemple", "Fictif A5"), ("Inventel", "Galet 3"), ("Sansmarque", "SM-X100"))
_TURNS = ((Image.Transpose.ROTATE_90, 6), (Image.Transpose.ROTATE_270, 8), (None, 1))
ORIENTATION, MAKE, MODEL, SOFTWARE, TAKEN = 0x0112, 0x010F, 0x0110, 0x0131, 0x0132


@dataclass(frozen=True, slots=True)
class Conditions:
    """How a photo is taken; amounts run from 0 (none) upwards, `light` from 0 (night) to 1 (day)."""

    surfaces: tuple[str, ...] = SURFACES
    tilt: float = 0.05  # how far each corner strays, as a share of the picture
    turn: float = 3.0  # degrees, either way
    light: float = 1.0
    blur: float = 0.6  # pixels at the default size
    noise: float = 0.35
    crumple: float = 0.0
    coffee: bool = False
    moved: int = 0  # pixels of a shaking hand


STYLES = {
    "table": Conditions(),
    "crumpled": Conditions(crumple=1.0),
    "coffee": Conditions(coffee=True, crumple=0.25),
    "dark": Conditions(light=0.46, blur=1.2, noise=0.9, tilt=0.07),
    "unreadable": Conditions(light=0.5, blur=9.0, noise=1.0, moved=46, tilt=0.1, turn=9),
}


def photograph(
    page: Image.Image, conditions: Conditions, today: date, *, seed: int, longest: int = LONGEST
) -> bytes:
    """A JPEG of the page on a table, its longer side `longest` pixels, most often stored turned (EXIF)."""
    rng = Random(f"photo|{seed}")
    short = longest * 3 // 4
    size = (short, longest) if page.height >= page.width else (longest, short)
    sheet = _worn(page, conditions, rng)
    corners = _corners(sheet.size, size, conditions, rng)
    ground = surface(rng.choice(conditions.surfaces), size, rng)
    paper = _laid(sheet, corners, size)
    mask = _outline(corners, size)
    _shade_under(ground, corners, rng)
    ground.paste(paper, (0, 0), mask)
    picture = _lit(ground, conditions, rng)
    picture = _soft(picture, conditions, longest)
    return _jpeg(grain(picture, conditions.noise, rng), today, rng)


def scanned(page: Image.Image, *, seed: int, upside_down: bool = False) -> Image.Image:
    """The page as a tired flatbed gives it: a touch askew, grey at one edge, a few specks."""
    rng = Random(f"scan|{seed}")
    image = page.rotate(rng.uniform(-0.8, 0.8), Image.Resampling.BICUBIC, fillcolor=(246, 246, 243))
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y, r = rng.randrange(image.width), rng.randrange(image.height), rng.choice((1, 1, 2))
        draw.ellipse((x, y, x + r, y + r), fill=(120, 120, 116))
    edge = (
        Image.linear_gradient("L")
        .rotate(90)
        .resize((image.width // 14, 8))
        .point(lambda v: 205 + v * 50 // 255)
    )
    band = image.crop((0, 0, image.width // 14, image.height))
    image.paste(ImageChops.multiply(band, Image.merge("RGB", [edge.resize(band.size)] * 3)), (0, 0))
    image = ImageEnhance.Contrast(image).enhance(1.06)
    return image.transpose(Image.Transpose.ROTATE_180) if upside_down else image


def scan_jpeg(page: Image.Image, *, seed: int) -> bytes:
    """A clean flat scan as a JPEG."""
    out = BytesIO()
    scanned(page, seed=seed).save(out, "JPEG", quality=85, dpi=(200, 200))
    return out.getvalue()


def scan_pdf(pages: Sequence[Image.Image], today: date, *, seed: int, upside_down: bool = False) -> bytes:
    """The pages as a PDF of scans, without a word of text in it."""
    first, *others = [
        scanned(page, seed=seed + index, upside_down=upside_down) for index, page in enumerate(pages)
    ]
    moment = struct_time((today.year, today.month, today.day, 9, 0, 0, 0, 1, 0))
    out = BytesIO()
    first.save(
        out, "PDF", save_all=True, append_images=others, resolution=200, quality=72,
        creationDate=moment, modDate=moment,
    )  # fmt: skip
    return out.getvalue()


def _worn(page: Image.Image, conditions: Conditions, rng: Random) -> Image.Image:
    sheet = _folded(page, rng)
    if conditions.coffee:
        sheet = _stained(sheet, rng)
    if conditions.crumple:
        sheet = _crumpled(sheet, conditions.crumple, rng)
    return sheet


def _folded(page: Image.Image, rng: Random) -> Image.Image:
    """A sheet that was folded in a pocket: one or two soft creases."""
    light = Image.new("L", (64, 96), 255)
    draw = ImageDraw.Draw(light)
    for at in rng.choice(((0.5,), (0.33, 0.66))):
        y = round(96 * at)
        draw.rectangle((0, y, 64, y + 3), fill=246)
        draw.line((0, y, 64, y), fill=222)
    if rng.random() < 0.5:
        draw.line((32, 0, 32, 96), fill=232)
    return _multiplied(page, light)


def _stained(page: Image.Image, rng: Random) -> Image.Image:
    """The ring of a cup, darker at its rim, a drop beside it."""
    width, height = page.width // 3, page.height // 3
    stain = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(stain)
    radius = width * rng.uniform(0.2, 0.26)
    x, y = width * rng.uniform(0.3, 0.75), height * rng.uniform(0.3, 0.7)
    for step in range(26):
        jitter = rng.uniform(-2, 2)
        r, tone = radius + jitter, rng.randint(0, 40)
        start = rng.randrange(360)
        box = (x - r, y - r * 0.97, x + r, y + r * 0.97)
        draw.arc(
            box,
            start,
            start + rng.randint(40, 190),
            fill=(196 + tone // 3, 160 + tone, 112 + tone),
            width=2 + step % 4,
        )
    for _ in range(9):
        r = rng.uniform(1, width * 0.022)
        dx, dy = rng.uniform(-1.6, 1.6) * radius, rng.uniform(-1.6, 1.6) * radius
        draw.ellipse(
            (x + dx - r, y + dy - r, x + dx + r, y + dy + r), fill=(205, 172, 130), outline=(180, 140, 95)
        )
    blot = Image.new("RGB", (width, height), "white")
    r = radius * 0.94
    ImageDraw.Draw(blot).ellipse((x - r, y - r, x + r * 1.2, y + r), fill=(238, 222, 196))
    stain = ImageChops.multiply(
        stain.filter(ImageFilter.GaussianBlur(1)), blot.filter(ImageFilter.GaussianBlur(radius / 5))
    )
    return ImageChops.multiply(page, stain.resize(page.size, Image.Resampling.BICUBIC))


def _crumpled(page: Image.Image, amount: float, rng: Random) -> Image.Image:
    """Displace by a mesh, then light the facets between random creases."""
    columns, rows = 8, 11
    reach = page.width * 0.009 * amount
    knots = {
        (c, r): (
            c * page.width / columns + rng.uniform(-reach, reach) * (0 < c < columns),
            r * page.height / rows + rng.uniform(-reach, reach) * (0 < r < rows),
        )
        for c in range(columns + 1)
        for r in range(rows + 1)
    }
    mesh = []
    for c in range(columns):
        for r in range(rows):
            box = (
                c * page.width // columns, r * page.height // rows,
                (c + 1) * page.width // columns, (r + 1) * page.height // rows,
            )  # fmt: skip
            quad = (*knots[c, r], *knots[c, r + 1], *knots[c + 1, r + 1], *knots[c + 1, r])
            mesh.append((box, quad))
    bent = page.transform(page.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)
    return _multiplied(bent, _facets(amount, rng))


def _facets(amount: float, rng: Random) -> Image.Image:
    """Shade each side of some random lines differently: the planes of a sheet made into a ball."""
    width, height = 220, 310
    relief = Image.new("L", (width, height), 232)
    for _ in range(round(26 * amount) + 6):
        x, y, far = rng.uniform(0, width), rng.uniform(0, height), 2 * height
        dx, dy = rng.uniform(-1, 1), rng.uniform(-1, 1)
        half = Image.new("L", (width, height), 128)
        nx, ny = -dy, dx
        ends = [(x - dx * far, y - dy * far), (x + dx * far, y + dy * far)]
        sides = [
            (ends[1][0] + nx * far, ends[1][1] + ny * far),
            (ends[0][0] + nx * far, ends[0][1] + ny * far),
        ]
        draw = ImageDraw.Draw(half)
        draw.polygon(ends + sides, fill=128 + rng.choice((-1, 1)) * rng.randint(3, 9))
        if rng.random() < 0.8:
            reach = rng.uniform(20, 90)
            crease = (x - dx * reach, y - dy * reach, x + dx * reach, y + dy * reach)
            draw.line(crease, fill=rng.choice((84, 96, 104, 160)), width=1)
        relief = ImageChops.add(relief, half, 1, -128)
    return relief.filter(ImageFilter.GaussianBlur(1.1)).point(lambda v: min(255, max(120, v + 14)))


def _corners(
    sheet: tuple[int, int], size: tuple[int, int], conditions: Conditions, rng: Random
) -> list[Point]:
    """Where the sheet's corners fall in the picture: top left, top right, bottom right, bottom left."""
    width, height = size
    scale = min(width / sheet[0], height / sheet[1]) * rng.uniform(0.84, 0.9)
    half_x, half_y = sheet[0] * scale / 2, sheet[1] * scale / 2
    turn = rng.uniform(-conditions.turn, conditions.turn)
    slope = turn * 0.01745
    away = rng.uniform(0.4, 1) * conditions.tilt
    stray = min(size) * conditions.tilt * 0.25
    corners = []
    for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        near = 1 + away * sy * 0.5  # the far side is smaller
        x, y = sx * half_x * near, sy * half_y
        corners.append(
            (
                width / 2 + x - y * slope + rng.uniform(-stray, stray),
                height / 2 + y + x * slope + rng.uniform(-stray, stray),
            )
        )
    return corners


def _laid(sheet: Image.Image, corners: Sequence[Point], size: tuple[int, int]) -> Image.Image:
    width, height = sheet.size
    flat = [(0.0, 0.0), (float(width), 0.0), (float(width), float(height)), (0.0, float(height))]
    coefficients = perspective(corners, flat)
    return sheet.transform(size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR)


def perspective(seen: Sequence[Point], flat: Sequence[Point]) -> list[float]:
    """The eight coefficients that take each point seen to its place on the flat sheet."""
    rows = []
    for (x, y), (u, v) in zip(seen, flat, strict=True):
        rows.append([x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, u])
        rows.append([0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, v])
    return _solved(rows)


def _solved(rows: list[list[float]]) -> list[float]:
    """Gauss and Jordan's elimination of n rows of n + 1 numbers."""
    count = len(rows)
    for column in range(count):
        pivot = max(range(column, count), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for row in range(count):
            if row != column:
                factor = rows[row][column]
                rows[row] = [a - factor * b for a, b in zip(rows[row], rows[column], strict=True)]
    return [row[-1] for row in rows]


def _outline(corners: Sequence[Point], size: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", size, 0)
    middle_x, middle_y = sum(x for x, _ in corners) / 4, sum(y for _, y in corners) / 4
    within = [(x + (middle_x - x) * 0.004, y + (middle_y - y) * 0.004) for x, y in corners]
    ImageDraw.Draw(mask).polygon(within, fill=255)
    return mask.filter(ImageFilter.BoxBlur(1))


def _shade_under(ground: Image.Image, corners: Sequence[Point], rng: Random) -> None:
    """Darken the table where the sheet throws its shadow."""
    small = (ground.width // 8, ground.height // 8)
    dx, dy = rng.uniform(-2, 3), rng.uniform(1, 4)
    shadow = Image.new("L", small, 255)
    ImageDraw.Draw(shadow).polygon([(x / 8 + dx, y / 8 + dy) for x, y in corners], fill=95)
    ground.paste(_multiplied(ground, shadow.filter(ImageFilter.GaussianBlur(2.2))), (0, 0))


def _lit(picture: Image.Image, conditions: Conditions, rng: Random) -> Image.Image:
    """A lamp on one side, the shadow of the hand that holds the phone, and that lamp's colour."""
    small = (picture.width // 16, picture.height // 16)
    side = Image.linear_gradient("L").rotate(rng.choice((0, 90, 180, 270)) + rng.randint(-30, 30))
    side = side.crop((40, 40, 216, 216)).resize(small, Image.Resampling.BICUBIC)
    lowest = 190 if conditions.light > 0.8 else 90
    light = side.point(lambda v: lowest + v * (255 - lowest) // 255)
    hand = Image.new("L", small, 255)
    x, y = rng.choice((-0.15, 0.75)) * small[0], rng.uniform(0.45, 0.8) * small[1]
    ImageDraw.Draw(hand).ellipse((x, y, x + small[0] * 0.55, y + small[1] * 0.9), fill=192)
    light = ImageChops.multiply(light, hand.filter(ImageFilter.GaussianBlur(small[0] / 10)))
    warmth = rng.choice(((255, 247, 232), (255, 240, 214), (240, 248, 255), (252, 255, 246)))
    level = conditions.light
    channels = [light.point(lambda v, tone=tone: int(v * tone / 255 * level)) for tone in warmth]
    return ImageChops.multiply(
        picture, Image.merge("RGB", channels).resize(picture.size, Image.Resampling.BILINEAR)
    )


def _soft(picture: Image.Image, conditions: Conditions, longest: int) -> Image.Image:
    for step in range(2, conditions.moved, 2):
        if step & (step - 1) == 0:  # 2, 4, 8…: each doubles the trail
            moved = ImageChops.offset(picture, step * longest // LONGEST, step * longest // LONGEST // 2)
            picture = Image.blend(picture, moved, 0.5)
    return picture.filter(ImageFilter.BoxBlur(conditions.blur * longest / LONGEST))


def _jpeg(picture: Image.Image, today: date, rng: Random) -> bytes:
    """Most phones store the sensor's rows and say in EXIF how to turn them."""
    exif = Image.Exif()
    turned, orientation = rng.choice(
        ((Image.Transpose.ROTATE_90, 6), (Image.Transpose.ROTATE_270, 8), (None, 1))
    )
    if turned is not None:
        picture = picture.transpose(turned)
    make, model = rng.choice(PHONES)
    exif[MAKE], exif[MODEL], exif[SOFTWARE] = make, model, "Photo simulée"
    exif[ORIENTATION] = orientation
    exif[TAKEN] = f"{today:%Y:%m:%d} {rng.randint(8, 21):02}:{rng.randrange(60):02}:{rng.randrange(60):02}"
    out = BytesIO()
    picture.save(out, "JPEG", quality=rng.randint(70, 85), exif=exif)
    return out.getvalue()


def _multiplied(picture: Image.Image, light: Image.Image) -> Image.Image:
    """Darken by a small grey image, stretched over the picture."""
    full = light.resize(picture.size, Image.Resampling.BILINEAR)
    return ImageChops.multiply(picture, Image.merge("RGB", (full, full, full)))
