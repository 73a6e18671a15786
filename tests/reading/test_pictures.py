import pytest
from PIL import Image, ImageFile, ImageOps

from havre.reading.client import ReadingServer
from havre.reading.kinds import Kind
from havre.reading.readings import Limits, Page, Problem
from tests.reading import samples


def only_page(server: ReadingServer, data: bytes, kind: Kind, limits: Limits = Limits()) -> Page:  # noqa: B008
    reading = server.read_pages(data, kind, limits)
    assert (reading.problem, reading.page_count, len(reading.pages)) == (None, 1, 1)
    return reading.pages[0]


def test_a_photo_taken_upright_is_shown_upright_and_forgets_where(server: ReadingServer) -> None:
    page = only_page(server, samples.photo(orientation=6), Kind.JPEG)
    image = samples.opened(page.jpeg)
    assert image.size == (page.width, page.height) == (200, 400)
    assert samples.colour_at(page.jpeg, 100, 20)[0] > 240
    assert samples.colour_at(page.jpeg, 100, 380)[2] > 240
    for file in (page.jpeg, page.thumb):
        assert not samples.opened(file).getexif()
        assert samples.SECRET not in file


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_turns_as_pillow_turns_it(server: ReadingServer, orientation: int) -> None:
    data = samples.photo(orientation)
    expected = ImageOps.exif_transpose(samples.opened(data)).resize((8, 8))
    shown = samples.opened(only_page(server, data, Kind.JPEG).jpeg).resize((8, 8))
    pairs = zip(expected.tobytes(), shown.tobytes(), strict=True)
    assert max(abs(a - b) for a, b in pairs) < 40


def test_damaged_exif_loses_no_picture(server: ReadingServer) -> None:
    data = samples.saved(samples.red_then_blue(), "JPEG", exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff")
    assert only_page(server, data, Kind.JPEG).width == 400


def test_a_transparent_png_is_laid_on_white(server: ReadingServer) -> None:
    data = samples.saved(Image.new("RGBA", (40, 40), (0, 0, 0, 0)), "PNG")
    assert samples.colour_at(only_page(server, data, Kind.PNG).jpeg, 20, 20) == (255, 255, 255)


@pytest.mark.parametrize(
    ("mode", "ink", "shown"),
    [("1", 0, 0), ("L", 0, 0), ("LA", (0, 255), 0), ("P", 0, 0), ("RGB", 0, 0), ("I;16", 0x8080, 128)],
)
def test_every_mode_of_png_comes_out_in_colour(
    server: ReadingServer, mode: str, ink: int | tuple[int, ...], shown: int
) -> None:
    data = samples.saved(Image.new(mode, (40, 20), ink), "PNG")
    page = only_page(server, data, Kind.PNG)
    assert samples.opened(page.jpeg).mode == "RGB"
    assert samples.colour_at(page.jpeg, 9, 9) == (shown, shown, shown)


def test_a_png_with_a_transparent_palette_entry_is_laid_on_white(server: ReadingServer) -> None:
    image = samples.red_then_blue(40, 40).quantize(2)
    data = samples.saved(image, "PNG", transparency=image.getpixel((5, 5)))
    page = only_page(server, data, Kind.PNG)
    assert min(samples.colour_at(page.jpeg, 5, 20)) > 250
    assert samples.colour_at(page.jpeg, 35, 20)[2] > 240 > 20 > samples.colour_at(page.jpeg, 35, 20)[0]


def test_a_cmyk_photo_is_shown(server: ReadingServer) -> None:
    page = only_page(server, samples.saved(samples.red_then_blue().convert("CMYK"), "JPEG"), Kind.JPEG)
    red, green, _ = samples.colour_at(page.jpeg, 50, 50)
    assert red > 200 > 60 > green


def test_a_webp_is_shown(server: ReadingServer) -> None:
    assert only_page(server, samples.saved(samples.red_then_blue(), "WEBP"), Kind.WEBP).width == 400


def test_only_the_first_picture_of_a_telephone_multi_picture_file_is_shown(server: ReadingServer) -> None:
    data = samples.saved(
        samples.red_then_blue(), "MPO", save_all=True, append_images=[Image.new("RGB", (9, 9))]
    )
    assert only_page(server, data, Kind.JPEG).width == 400


def test_a_large_picture_is_reduced_and_a_small_one_is_not_enlarged(server: ReadingServer) -> None:
    large = only_page(server, samples.saved(samples.red_then_blue(3000, 1500), "PNG"), Kind.PNG)
    small = only_page(server, samples.saved(samples.red_then_blue(60, 30), "PNG"), Kind.PNG)
    assert (large.width, large.height, samples.opened(large.thumb).size) == (2000, 1000, (320, 160))
    assert (small.width, small.height, samples.opened(small.thumb).size) == (60, 30, (60, 30))


def test_a_very_thin_picture_keeps_one_pixel(server: ReadingServer) -> None:
    page = only_page(server, samples.saved(Image.new("RGB", (1, 30_000)), "PNG"), Kind.PNG)
    assert (page.width, page.height) == (1, 2000)


def test_sixty_megapixels_with_transparency_fit_the_memory(server: ReadingServer) -> None:
    data = samples.saved(Image.new("RGBA", (9000, 6600), (9, 9, 9, 9)), "PNG", compress_level=1)
    assert only_page(server, data, Kind.PNG).width == 2000


def test_a_jpeg_beyond_sixty_megapixels_is_decoded_reduced(server: ReadingServer) -> None:
    data = samples.saved(Image.new("L", (10_000, 7_000), 99), "JPEG")
    assert only_page(server, data, Kind.JPEG).width == 2000


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (samples.png_claiming(60_000, 60_000), Kind.PNG),
        (samples.png_claiming(10_000, 6_001), Kind.PNG),
        (samples.webp_claiming(16_383, 16_383), Kind.WEBP),
        (samples.webp_claiming(6_000, 5_000), Kind.WEBP),
    ],
)
def test_a_picture_that_declares_too_many_pixels_is_refused_unread(
    server: ReadingServer, data: bytes, kind: Kind
) -> None:
    reading = server.read_pages(data, kind)
    assert (reading.problem, reading.pages) == (Problem.TOO_LARGE, [])


def test_a_progressive_jpeg_that_would_fill_the_memory_is_refused(server: ReadingServer) -> None:
    data = bytearray(samples.saved(Image.new("CMYK", (64, 64)), "JPEG", progressive=True))
    frame = data.index(b"\xff\xc2")
    data[frame + 5 : frame + 9] = (8000).to_bytes(2) + (7000).to_bytes(2)
    assert server.read_pages(bytes(data), Kind.JPEG).problem is Problem.TOO_LARGE


@pytest.mark.parametrize(("format", "kind"), [("JPEG", Kind.JPEG), ("PNG", Kind.PNG), ("WEBP", Kind.WEBP)])
def test_a_truncated_picture_is_broken(server: ReadingServer, format: str, kind: Kind) -> None:
    data = samples.saved(Image.effect_noise((300, 300), 90).convert("RGB"), format)
    assert server.read_pages(data[: len(data) // 2], kind).problem is Problem.BROKEN


def test_a_picture_under_another_name_is_broken(server: ReadingServer) -> None:
    assert server.read_pages(samples.photo(), Kind.PNG).problem is Problem.BROKEN


def test_an_animation_hidden_behind_a_long_head_is_broken(server: ReadingServer) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    data = samples.saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert server.read_pages(data, Kind.PNG).problem is Problem.BROKEN


def test_pillow_never_guesses_the_end_of_a_truncated_file() -> None:
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
