"""`python -m demo.specimens OUTDIR`: one of each kind and style, and a contact sheet to look at."""

import sys
import time
from datetime import date
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from . import STYLES, Holder, Specimen, available, specimen
from .typeset import pages

CELL, CAPTION = 420, 26
AMINA = Holder(
    "Tesfay",
    "Amina",
    date(1992, 3, 14),
    "Asmara (Érythrée)",
    ("Hôtel du Port, chambre 14", "8 quai des Brumes", "00000 Exemple"),
    sex="F",
    nationality="érythréenne",
    children=(("Yonas Tesfay", date(2018, 5, 2)), ("Saba Tesfay", date(2024, 1, 20))),
)
BRUNO = Holder(
    "Lefèvre",
    "Bruno Paul",
    date(1974, 9, 3),
    "Saint-Amour-les-Ponts",
    ("CCAS, boîte 118", "1 place de la Passerelle", "00000 Saint-Amour-les-Ponts"),
    sex="M",
)
OF_BRUNO = frozenset(
    ("identity_card", "birth_certificate", "tax_notice", "payslip", "judgment", "loss_report", "release_note")
)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    today = date.today()  # noqa: DTZ011 - the papers of the person who looks
    made = []
    for index, kind in enumerate(available()):
        made.append(_written(folder, kind, "pdf", index, today))
        made.append(_written(folder, kind, "table", index, today))
    for index, style in enumerate(style for style in STYLES if style not in {"pdf", "table"}):
        made.append(
            _written(folder, "judgment" if style == "upside_down" else "health_cover", style, index, today)
        )
    _contact_sheet(made).save(folder / "contact-sheet.png")


def _written(folder: Path, kind: str, style: str, index: int, today: date) -> tuple[str, Specimen]:
    started = time.process_time()
    made = specimen(kind, BRUNO if kind in OF_BRUNO else AMINA, today, seed=index, style=style)
    (folder / f"{kind}-{style}{Path(made.name).suffix}").write_bytes(made.data)
    spent = time.process_time() - started
    print(f"{kind:20} {style:12} {len(made.data) / 1024:7.0f} KB  {spent:5.2f} s  {made.name}")
    return f"{kind} · {style}", made


def _contact_sheet(made: list[tuple[str, Specimen]]) -> Image.Image:
    columns = 6
    rows = -(-len(made) // columns)
    sheet = Image.new("RGB", (columns * CELL, rows * (CELL + CAPTION)), "#556")
    draw = ImageDraw.Draw(sheet)
    for index, (caption, one) in enumerate(made):
        left, top = index % columns * CELL, index // columns * (CELL + CAPTION)
        picture = ImageOps.contain(_picture(one), (CELL - 12, CELL - 12))
        sheet.paste(picture, (left + (CELL - picture.width) // 2, top + (CELL - picture.height) // 2))
        draw.text((left + 10, top + CELL), caption, fill="white", font_size=16)
    return sheet


def _picture(one: Specimen) -> Image.Image:
    if one.media_type == "application/pdf":
        return pages(one.data, longest=CELL * 2, only_first=True)[0]
    return ImageOps.exif_transpose(Image.open(BytesIO(one.data)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m demo.specimens OUTDIR")
    main(Path(sys.argv[1]))
