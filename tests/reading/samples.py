"""Documents made on the spot: nothing here was ever anyone's paper."""

import hashlib
import io
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from PIL import Image

SECRET = b"8 rue des Lilas"
_PASSWORD_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, format, **options)
    return target.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=["JPEG"])


def colour_at(data: bytes, x: int, y: int) -> tuple[int, int, int]:
    """Red, green and blue of one pixel of a JPEG, 0 to 255."""
    red, green, blue = opened(data).convert("RGB").crop((x, y, x + 1, y + 1)).tobytes()
    return red, green, blue


def darkest(data: bytes) -> int:
    """The darkest grey of a JPEG, 0 to 255."""
    return min(opened(data).convert("L").tobytes())


def red_then_blue(width: int = 400, height: int = 200) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    return image


def photo(orientation: int = 1) -> bytes:
    """A JPEG from a telephone: orientation, place, comment."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x013B] = SECRET.decode()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 24.0), 3: "E", 4: (2.0, 21.0, 7.0)})
    return saved(red_then_blue(), "JPEG", exif=exif, comment=SECRET)


def png_claiming(width: int, height: int) -> bytes:
    """A few bytes that announce a picture of any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(*chunk) for chunk in chunks)


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def webp_claiming(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + size + b"VP8L" + struct.pack("<I", 0)
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def pdf(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of numbered objects, the first being its catalog."""
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    head = b"xref\n0 %d\n0000000000 65535 f \n" % size
    tail = b"trailer\n<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, len(out))
    return out + head + table + tail


def pdf_stream(entries: bytes, body: bytes) -> bytes:
    return b"<<%b/Length %d>>\nstream\n%b\nendstream" % (entries, len(body), body)


def pdf_of_pages(
    count: int, *, box: bytes = b"0 0 595 842", content: bytes | None = None, trailer: bytes = b""
) -> bytes:
    """`count` equal pages; `content` is a whole stream object."""
    kids = b" ".join(b"%d 0 R" % (number + 5) for number in range(count))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[%b]/Contents 3 0 R/Resources<</Font<</F 4 0 R>>>>>>" % box
    shared = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, count),
        content or pdf_stream(b"", b"BT /F 40 Tf 60 700 Td (Attestation) Tj ET"),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    return pdf([*shared, *[page] * count], trailer)


def pdf_bomb() -> bytes:
    """70 MB of drawing orders in 70 kB."""
    orders = zlib.compress(b"0 0 m 1 1 l S\n" * 5_000_000, 6)
    return pdf_of_pages(1, content=pdf_stream(b"/Filter/FlateDecode", orders))


def filled_form_pdf() -> bytes:
    """An empty page whose only mark is what was typed into a field."""
    typed = b"/Tx BMC BT /F 12 Tf 2 5 Td (AMINA) Tj ET EMC"
    look = b"/Type/XObject/Subtype/Form/BBox[0 0 100 20]/Resources<</Font<</F 6 0 R>>>>"
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(AMINA)/DA(/F 12 Tf)/F 4/Rect[10 10 110 30]/P 3 0 R"
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]/DR<</Font<</F 6 0 R>>>>>>>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Annots[4 0 R]>>",
            field + b"/AP<</N 5 0 R>>>>",
            pdf_stream(look, typed),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        ]
    )


def encrypted_pdf(*, opens_without_password: bool) -> bytes:
    """RC4 40 bits, revision 2 (ISO 32000-1, §7.6.3): locked to readers, or only against changes."""
    owner, identifier, permissions = b"\x11" * 32, b"\x33" * 16, struct.pack("<i", -4)
    key = hashlib.md5(_PASSWORD_PADDING + owner + permissions + identifier, usedforsecurity=False).digest()[
        :5
    ]
    user = _rc4(key, _PASSWORD_PADDING) if opens_without_password else b"\x22" * 32
    entries = (
        owner.hex().encode(),
        user.hex().encode(),
        identifier.hex().encode(),
        identifier.hex().encode(),
    )
    trailer = b"/Encrypt<</Filter/Standard/V 1/R 2/O<%b>/U<%b>/P -4>>/ID[<%b><%b>]" % entries
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", _BLANK], trailer)


_BLANK = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]>>"


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def then(data: bytes, do: Callable[[], object]) -> Iterator[bytes]:
    """The document in two pieces, with something happening to the child once the first has gone."""
    yield data[: len(data) // 2]
    do()
    yield data[len(data) // 2 :]
