"""What a file is, told by its content; names and declared types are not believed."""

import re
from enum import Enum

HEAD_BYTES = 4096
TAIL_BYTES = 1024

_PDF_HEADER_WITHIN = 1024  # ISO 32000-1, annex H.3, note 13
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_WEBP_CHUNKS = (b"VP8 ", b"VP8L", b"VP8X")
_WEBP_ANIMATED = 0x02


class Kind(Enum):
    """A type of file whose pages can be shown."""

    JPEG = ("image/jpeg", ".jpg")
    PNG = ("image/png", ".png")
    WEBP = ("image/webp", ".webp")
    PDF = ("application/pdf", ".pdf")

    def __init__(self, media_type: str, extension: str) -> None:
        self.media_type = media_type
        self.extension = extension


def sniff(head: bytes, tail: bytes = b"") -> Kind | None:
    """Name a file from its first bytes, or None for what has no pages here (animations included).

    `head`: the first HEAD_BYTES or more; `tail`: the last TAIL_BYTES, wanted only for a PDF whose header
    comes after other bytes (scanners and mail gateways add some): a text that merely quotes a header has no
    `%%EOF`. The first magic number decides, so a PDF hidden in a JPEG is a JPEG.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if head.startswith(_PNG_SIGNATURE):
        return None if _is_animated_png(head) else Kind.PNG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Kind.WEBP if _is_still_webp(head) else None
    return Kind.PDF if _is_pdf(head, tail) else None


def _is_animated_png(head: bytes) -> bool:
    """Walk the chunks up to the pixels: `acTL` comes before `IDAT` (PNG third edition, §11.3.6.1)."""
    at = len(_PNG_SIGNATURE)
    while at + 8 <= len(head):
        name = head[at + 4 : at + 8]
        if name in (b"acTL", b"IDAT"):
            return name == b"acTL"
        at += 12 + int.from_bytes(head[at : at + 4])
    return False


def _is_still_webp(head: bytes) -> bool:
    """RFC 9649, §2.7: only the extended format can be animated, and a flag says so."""
    chunk = head[12:16]
    if chunk not in _WEBP_CHUNKS:
        return False
    return chunk != b"VP8X" or (len(head) > 20 and not head[20] & _WEBP_ANIMATED)


def _is_pdf(head: bytes, tail: bytes) -> bool:
    header = re.search(rb"%PDF-\d", head[:_PDF_HEADER_WITHIN])
    if header is None:
        return False
    return not head[: header.start()].strip(b"\xef\xbb\xbf \t\r\n\x00") or b"%%EOF" in tail[-TAIL_BYTES:]
