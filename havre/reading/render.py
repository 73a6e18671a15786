"""Documents become pages as JPEG images. Runs inside the cage, on bytes that nobody has checked."""

import io
import math
import struct
import warnings
import zlib
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium_c
from PIL import Image, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from havre.reading.kinds import Kind, sniff
from havre.reading.readings import MAX_PIXELS, Page, Problem
from havre.reading.wire import End, Frame, PageCount

# Pillow imports these only when a file asks for them; inside the cage it would be too late.
PLUGINS = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)

PAGE_QUALITY = 80
THUMB_QUALITY = 70

_FORMATS = {Kind.JPEG: "JPEG", Kind.PNG: "PNG", Kind.WEBP: "WEBP"}
_WEBP_MAX_PIXELS = 25_000_000  # libwebp and Pillow hold 16 bytes a pixel: 400 MB of the 512
_PROGRESSIVE_MAX_BYTES = (
    384 * 1024 * 1024
)  # libjpeg keeps every coefficient (2 bytes), whatever the reduction
_STRIP_ROWS = 256
_ORIENTATION = 0x0112  # EXIF 2.32, §4.6.4
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's readers raise on damaged files; anything else is a bug of theirs, told by the child's crash.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
    pypdfium2.PdfiumError,
)


class UnreadableError(Exception):
    """The document is refused, and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


def render(
    data: bytes,
    kind: Kind,
    *,
    max_pages: int,
    page_px: int,
    thumb_px: int,
    max_pixels: int = MAX_PIXELS,
) -> Iterator[Frame]:
    """Yield the page count, then up to `max_pages` pages, then the end, with the problem if there is one.

    `page_px` and `thumb_px`: pixels of the longer side (pictures are never enlarged, PDF pages always fill
    it). `max_pixels`: of a picture before reduction. Sets Pillow's process-wide pixel limit, so it is for a
    process that reads one document. An error that no damaged file explains is raised as it is.
    """
    try:
        _check_content(data, kind)
        if kind is Kind.PDF:
            yield from _pdf_pages(data, max_pages, page_px, thumb_px)
        else:
            yield PageCount(1)
            yield _page(1, _picture(data, kind, page_px, max_pixels), thumb_px)
    except UnreadableError as refusal:
        yield End(refusal.problem)
    except MemoryError:
        yield End(Problem.TOO_HEAVY)
    except Image.DecompressionBombError:
        yield End(Problem.TOO_LARGE)
    except _DAMAGE:
        yield End(Problem.BROKEN)
    else:
        yield End(None)


def warm_up() -> None:
    """Decode one tiny document of each kind, so that every lazy import and table is ready before the fork."""
    sizes = {"max_pages": 1, "page_px": 64, "thumb_px": 16}
    for kind, name in _FORMATS.items():
        sample, exif = io.BytesIO(), Image.Exif()
        exif[_ORIENTATION] = 6
        Image.new("RGB", (80, 40)).save(sample, name, exif=exif)
        list(render(sample.getvalue(), kind, **sizes))
    sample = io.BytesIO()
    with pypdfium2.PdfDocument.new() as document:
        document.new_page(100, 100)
        document.save(sample)
    list(render(sample.getvalue(), Kind.PDF, **sizes))


def _check_content(data: bytes, kind: Kind) -> None:
    """Look again, at the whole: the caller may have seen only the head."""
    if not data:
        raise UnreadableError(Problem.EMPTY)
    if sniff(data, data[-1024:]) is not kind:
        raise UnreadableError(Problem.BROKEN)


# Pictures


def _picture(data: bytes, kind: Kind, page_px: int, max_pixels: int) -> Image.Image:
    """The picture upright, RGB on white, within `page_px`, without metadata."""
    _bound_pixels(kind, max_pixels)
    with Image.open(io.BytesIO(data), formats=[_FORMATS[kind]]) as image:
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            _reduce_while_decoding(image, page_px, max_pixels)
        image.load()
        upright = _TURNS.get(_orientation(image))
        page = _shrunk(image, _fitted(image.size, page_px))
    return page if upright is None else page.transpose(upright)


def _bound_pixels(kind: Kind, max_pixels: int) -> None:
    """Have Pillow refuse from the header alone, before a decoder is created: it does so at twice its limit.

    A JPEG may be larger, since it can be decoded reduced; `_reduce_while_decoding` bounds it.
    """
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    if kind is Kind.WEBP:
        max_pixels = min(max_pixels, _WEBP_MAX_PIXELS)
    Image.MAX_IMAGE_PIXELS = None if kind is Kind.JPEG else max_pixels // 2


def _reduce_while_decoding(image: JpegImagePlugin.JpegImageFile, page_px: int, max_pixels: int) -> None:
    """Ask libjpeg for 1/2, 1/4 or 1/8 of the picture, never below the page; refuse what stays too large."""
    pixels = image.width * image.height
    if image.info.get("progressive") and pixels * len(image.getbands()) * 2 > _PROGRESSIVE_MAX_BYTES:
        raise UnreadableError(Problem.TOO_LARGE)
    image.draft(None, _fitted(image.size, page_px))
    if image.width * image.height > max_pixels:
        raise UnreadableError(Problem.TOO_LARGE)


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, or 1 where there is none that can be read: damaged EXIF loses no picture."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except _DAMAGE:
        return 1
    return value if isinstance(value, int) else 1


def _fitted(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """`size` scaled down so that its longer side is at most `longest` pixels, neither side under 1."""
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _shrunk(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Scale to `size` and flatten, strip by strip: a large picture is never held twice.

    Box reduction first, keeping twice the wanted pixels, then Lanczos.
    """
    step = max(1, min(image.width // (2 * size[0]), image.height // (2 * size[1])))
    small = Image.new("RGB", (math.ceil(image.width / step), math.ceil(image.height / step)))
    rows = _STRIP_ROWS * step
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        small.paste(_on_white(strip).reduce(step), (0, top // step))
    return small.resize(size, Image.Resampling.LANCZOS)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey
        return image.point(lambda grey: grey * (1 / 256)).convert("L").convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    inked = image.convert("RGBA")
    page = Image.new("RGB", image.size, "white")
    page.paste(inked, mask=inked.getchannel("A"))
    return page


# PDF


def _pdf_pages(data: bytes, max_pages: int, page_px: int, thumb_px: int) -> Iterator[Frame]:
    with _opened_pdf(data) as document:
        yield PageCount(len(document))
        if document.get_formtype() != pdfium_c.FORMTYPE_NONE:
            document.init_forms()  # without it, what was typed into the fields is not drawn
        for index in range(min(len(document), max_pages)):
            page = document[index]
            yield _page(index + 1, _drawn(page, page_px), thumb_px)
            page.close()


def _opened_pdf(data: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise UnreadableError(_pdf_problem(error.err_code)) from error


def _pdf_problem(code: int) -> Problem:
    if code in (pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY):
        return Problem.ENCRYPTED
    return Problem.EMPTY if code == pdfium_c.FPDF_ERR_SUCCESS else Problem.BROKEN


def _drawn(page: pypdfium2.PdfPage, page_px: int) -> Image.Image:
    """The page in exactly `page_px` pixels on its longer side, whatever size it declares."""
    scale = (page_px - 0.5) / max(page.get_size())  # the renderer rounds up
    image: Image.Image = page.render(scale=scale).to_pil()
    return image


# Both


def _page(number: int, image: Image.Image, thumb_px: int) -> Page:
    thumb = image.resize(_fitted(image.size, thumb_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return Page(number, *image.size, _jpeg(image, PAGE_QUALITY), _jpeg(thumb, THUMB_QUALITY))


def _jpeg(image: Image.Image, quality: int) -> bytes:
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality)
    return target.getvalue()
