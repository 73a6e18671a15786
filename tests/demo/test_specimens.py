"""The specimen papers: each typesets, says what it is, and is photographed the same way twice."""

import re
from datetime import date, timedelta
from io import BytesIO
from random import Random
from time import process_time

import pypdfium2
import pytest
from PIL import Image, ImageOps, ImageStat

from demo import specimens
from demo.specimens import Holder, available, photograph, specimen
from demo.specimens.datamatrix import _codewords, _reed_solomon, encode
from demo.specimens.numbers import iban, months_later, mrz_digit
from demo.specimens.papers import in_cyrillic
from demo.specimens.typeset import TEMPLATES, pages, typeset

TODAY = date(2026, 6, 13)
AMINA = Holder(
    "Tesfay",
    "Amina",
    date(1992, 3, 14),
    "Asmara",
    ("Hôtel du Port", "8 quai des Brumes", "00000 Exemple"),
    sex="F",
    nationality="érythréenne",
    children=(("Yonas", date(2018, 5, 2)), ("Saba", date(2024, 1, 20))),
)
UNNAMED = Holder("O’Brien-Ñuñez #x", '"Œdipe" \\ $a$', date(2017, 1, 1), "*", ())
PHONE = re.compile(r"(?<!\d)0[1-9](?:[ .\u00a0]?\d\d){4}(?!\d)")
FICTION = re.compile(r"01 99 00|03 53 01|04 65 71|06 39 98")
SMALL = 480


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


@pytest.mark.parametrize("kind", available())
def test_each_paper_says_that_it_is_a_specimen_and_names_its_holder(kind: str) -> None:
    text = text_of(typeset(kind, AMINA, TODAY, seed=1))
    assert "SPÉCIMEN" in text
    assert "PERSONNES" in text.upper()
    holder = in_cyrillic(AMINA.name) if kind == "diploma_cyrillic" else "TESFAY"
    assert holder.upper() in re.sub(r"\s+", " ", text).upper()


@pytest.mark.parametrize("kind", available())
def test_no_paper_holds_a_phone_number_outside_fiction(kind: str) -> None:
    source = (TEMPLATES / f"{kind}.typ").read_text(encoding="utf-8")
    for text in (source, text_of(typeset(kind, AMINA, TODAY, seed=4))):
        for phone in PHONE.findall(text):
            assert FICTION.match(phone.replace("\u00a0", " ")), phone


@pytest.mark.parametrize("kind", available())
def test_no_paper_takes_the_dress_of_the_state(kind: str) -> None:
    text = text_of(typeset(kind, AMINA, TODAY, seed=1)).lower()
    assert "république" not in text
    assert "marianne" not in text


@pytest.mark.parametrize("kind", available())
def test_a_name_full_of_markup_stays_a_name(kind: str) -> None:
    assert text_of(typeset(kind, UNNAMED, TODAY, seed=2))


@pytest.mark.parametrize("kind", available())
def test_each_paper_fits_the_pages_meant_for_it(kind: str) -> None:
    sheets = pages(typeset(kind, AMINA, TODAY, seed=1), longest=100)
    assert len(sheets) == (3 if kind == "judgment" else 1)


@pytest.mark.parametrize(
    "today", [date(2026, 1, 1), date(2028, 2, 29), date(2026, 8, 31), date(2026, 12, 31)]
)
def test_papers_are_typeset_on_any_day(today: date) -> None:
    assert all(typeset(kind, AMINA, today, seed=3).startswith(b"%PDF") for kind in available())


def test_the_receipt_ends_in_28_days() -> None:
    text = text_of(typeset("residence_receipt", AMINA, TODAY, seed=1))
    assert f"{TODAY + timedelta(days=28):%d/%m/%Y}" in text


def test_the_release_is_on_a_thursday_of_the_last_week() -> None:
    text = text_of(typeset("release_note", AMINA, TODAY, seed=1))
    assert "jeudi 11 juin 2026" in text


def test_the_machine_readable_zone_checks() -> None:
    text = text_of(typeset("identity_card", AMINA, TODAY, seed=1))
    upper, middle, names = re.findall(r"[A-Z0-9<]{30}", text)
    assert upper.startswith("IDUTOSPE")
    assert names.startswith("TESFAY<<AMINA<")
    assert mrz_digit(upper[5:14]) == upper[14]
    assert mrz_digit(middle[0:6]) == middle[6]
    assert mrz_digit(middle[8:14]) == middle[14]
    assert mrz_digit(upper[5:30] + middle[0:7] + middle[8:15] + middle[18:29]) == middle[29]


def test_the_check_digit_is_the_one_of_the_standard() -> None:
    assert mrz_digit("520727") == "3"  # ICAO 9303 part 3, appendix A


def test_an_iban_checks_and_names_a_bank_that_does_not_exist() -> None:
    printed, bank, *_ = iban(Random("iban"))
    compact = printed.replace("\u00a0", "")
    moved = compact[4:] + compact[:4]
    assert int("".join(str(int(c, 36)) for c in moved)) % 97 == 1
    assert bank == "99999"


def test_a_data_matrix_is_framed_and_bounded() -> None:
    symbol = encode("DC03FR00" * 12)
    assert len({len(symbol), *(len(row) for row in symbol)}) == 1
    assert all(row[0] for row in symbol)
    assert all(symbol[-1])
    with pytest.raises(ValueError, match="too long"):
        encode("A" * 200)


def test_the_error_codewords_are_those_of_the_standard_example() -> None:
    assert _codewords("123456") == [142, 164, 186]  # ISO/IEC 16022, annex O
    assert _reed_solomon([142, 164, 186], 5) == [114, 25, 5, 88, 102]


def test_a_month_later_stays_within_the_month() -> None:
    assert months_later(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert months_later(date(2026, 3, 31), -13) == date(2025, 2, 28)


@pytest.mark.parametrize("style", specimens.STYLES)
def test_the_same_seed_gives_the_same_bytes(style: str) -> None:
    first, again = (specimen("payslip", AMINA, TODAY, seed=7, style=style, longest=SMALL) for _ in range(2))
    assert first == again
    assert first != specimen("payslip", AMINA, TODAY, seed=8, style=style, longest=SMALL)


@pytest.mark.parametrize("style", photograph.STYLES)
def test_a_photo_is_a_jpeg_of_an_invented_phone_with_an_orientation(style: str) -> None:
    photo = specimen("domiciliation", AMINA, TODAY, seed=3, style=style, longest=SMALL)
    image = Image.open(BytesIO(photo.data))
    image.load()
    assert (photo.media_type, image.format) == ("image/jpeg", "JPEG")
    assert sorted(image.size) == [SMALL * 3 // 4, SMALL]
    assert image.getexif()[photograph.ORIENTATION] in {1, 6, 8}
    assert (image.getexif()[photograph.MAKE], image.getexif()[photograph.MODEL]) in photograph.PHONES
    assert ImageOps.exif_transpose(image).height == SMALL


def test_photos_of_every_orientation_are_made() -> None:
    page = Image.new("RGB", (60, 80), "white")
    found = set()
    for seed in range(12):
        data = photograph.photograph(page, photograph.Conditions(), TODAY, seed=seed, longest=160)
        found.add(Image.open(BytesIO(data)).getexif()[photograph.ORIENTATION])
    assert found == {1, 6, 8}


def test_a_photo_may_have_twelve_megapixels() -> None:
    photo = specimen("payslip", AMINA, TODAY, seed=1, longest=photograph.TWELVE_MEGAPIXELS)
    assert sorted(Image.open(BytesIO(photo.data)).size) == [3000, 4000]


def test_a_dark_photo_is_darker_than_a_plain_one() -> None:
    plain, dark = (
        Image.open(BytesIO(specimen("payslip", AMINA, TODAY, seed=1, style=style, longest=SMALL).data))
        for style in ("table", "dark")
    )
    assert ImageStat.Stat(dark.convert("L")).mean[0] < ImageStat.Stat(plain.convert("L")).mean[0] * 0.7


def test_the_scan_upside_down_has_three_pages_and_no_text() -> None:
    scan = specimen("judgment", AMINA, TODAY, seed=1, style="upside_down")
    assert scan.media_type == "application/pdf"
    assert not text_of(scan.data).strip()
    assert len(pages(scan.data, longest=50)) == 3


def test_the_four_corners_seen_land_on_the_sheet() -> None:
    seen = [(12.0, 9.0), (310.0, 22.0), (290.0, 415.0), (3.0, 400.0)]
    flat = [(0.0, 0.0), (200.0, 0.0), (200.0, 300.0), (0.0, 300.0)]
    a, b, c, d, e, f, g, h = photograph.perspective(seen, flat)
    for (x, y), corner in zip(seen, flat, strict=True):
        depth = g * x + h * y + 1
        assert ((a * x + b * y + c) / depth, (d * x + e * y + f) / depth) == pytest.approx(corner)


def test_an_unknown_kind_or_style_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="passport"):
        specimen("passport", AMINA, TODAY, seed=1)
    with pytest.raises(ValueError, match="polaroid"):
        specimen("payslip", AMINA, TODAY, seed=1, style="polaroid")


def test_a_photo_costs_little_time() -> None:
    specimen("payslip", AMINA, TODAY, seed=1)
    started = process_time()
    for seed in range(2):
        specimen("payslip", AMINA, TODAY, seed=seed)
    assert (process_time() - started) / 2 < 1.5  # 0.4 s on a plain machine; a margin for a busy one
