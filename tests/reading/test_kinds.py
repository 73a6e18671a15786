import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from havre.reading.kinds import HEAD_BYTES, TAIL_BYTES, Kind, sniff
from tests.reading import samples

FRAMES = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (samples.photo(), Kind.JPEG),
        (samples.saved(FRAMES[0], "PNG"), Kind.PNG),
        (samples.saved(FRAMES[0], "WEBP"), Kind.WEBP),
        (samples.saved(FRAMES[0], "WEBP", lossless=True), Kind.WEBP),
        (samples.saved(FRAMES[0].convert("RGBA"), "WEBP", exif=b"Exif\0\0"), Kind.WEBP),
        (samples.pdf_of_pages(1), Kind.PDF),
        (b"\xef\xbb\xbf\r\n" + samples.pdf_of_pages(1), Kind.PDF),
        (b"", None),
        (b"GIF89a", None),
        (b"PK\x03\x04", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"RIFF\0\0\0\0WEBPVP8X", None),
    ],
)
def test_the_content_says_what_a_file_is(data: bytes, kind: Kind | None) -> None:
    assert sniff(data[:HEAD_BYTES]) is kind


def test_an_animation_is_not_a_paper() -> None:
    for kind in ("PNG", "WEBP"):
        data = samples.saved(FRAMES[0], kind, save_all=True, append_images=FRAMES[1:])
        assert sniff(data) is None


def test_a_pdf_after_other_bytes_needs_its_end_mark() -> None:
    data = b"X-Scanner: third floor\r\n" + samples.pdf_of_pages(1)
    assert sniff(data[:HEAD_BYTES], data[-TAIL_BYTES:]) is Kind.PDF
    assert sniff(b"A PDF begins with %PDF-1.7, says the manual.") is None


def test_a_pdf_header_beyond_the_first_kilobyte_does_not_count() -> None:
    assert sniff(b"x" * 1024 + samples.pdf_of_pages(1), b"%%EOF") is None


def test_the_first_magic_number_decides_for_a_polyglot() -> None:
    picture = samples.saved(FRAMES[0], "JPEG", comment=samples.pdf_of_pages(1))
    assert b"%PDF-1.7" in picture[:1024]
    assert sniff(picture, b"%%EOF") is Kind.JPEG


def test_media_types_and_extensions_are_distinct() -> None:
    assert (Kind.JPEG.media_type, Kind.JPEG.extension) == ("image/jpeg", ".jpg")
    assert len({kind.media_type for kind in Kind}) == len({kind.extension for kind in Kind}) == len(Kind)


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8X", b"%PDF-1"])
)
def test_no_bytes_make_sniffing_fail(noise: bytes, magic: bytes) -> None:
    assert sniff(magic + noise, noise) in {None, *Kind}
