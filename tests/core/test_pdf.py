"""PDF: text is data, in any script, and never a program."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest

from havre.core import pdf

TEMPLATE = """#let it = json(bytes(sys.inputs.data))
#set text(font: ("Noto Sans", "Noto Sans Arabic"))
#it.name
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "name.typ"
    path.write_text(TEMPLATE)
    return path


def text_of(data: bytes) -> str:
    text: str = pypdfium2.PdfDocument(data)[0].get_textpage().get_text_range()
    return text.strip()


@pytest.mark.parametrize(
    "name",
    [
        '#read("/etc/passwd")',
        "*Bruno* _Lefevre_ `x`",
        "$x^2$ \\ #let a = 1",
        "= Titre",
        "#panic(1) // fin",
        "<etiquette> @renvoi",
        '"], #it.name [',
    ],
)
def test_a_name_full_of_markup_is_only_a_name(template: Path, name: str) -> None:
    assert text_of(pdf.typeset(template, {"name": name})) == name


def test_a_name_in_arabic_is_drawn_and_not_boxed(template: Path) -> None:
    text = text_of(pdf.typeset(template, {"name": "محمد"}))
    assert set(text) & set("محمد") or any(ord(sign) > 0xFB50 for sign in text)


def test_the_pdf_is_tagged_and_the_same_each_time_in_its_words(template: Path) -> None:
    made = pdf.typeset(template, {"name": "Bruno"})
    assert made.startswith(b"%PDF-")
    assert b"/StructTreeRoot" in made


def test_without_fonts_the_house_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pdf, "FONT_FOLDERS", (str(tmp_path),))
    pdf.fonts.cache_clear()
    with pytest.raises(pdf.FontsMissing, match="fonts-noto-core"):
        pdf.fonts()
    pdf.fonts.cache_clear()
