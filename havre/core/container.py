"""The container of every blob at rest: C2SP chunked-encryption v1 (c2sp.org/chunked-encryption).

Of the choices that the specification leaves, HKDF-Expand with SHA-512 and AEAD_AES_256_GCM: its instantiation named
Cobblestone-256. Sealing is `cryptography`'s; its decryptor reads forward only, so reading is ours. The file::

    salt 24 | commitment 32 | chunk 0 | chunk 1 | ... | final chunk

- key 32 | base nonce 12 | commitment 32 = HKDF-Expand(input key,
  "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM" | 0x00 | salt | context);
- the message is cut every 16,384 bytes; the final chunk is always shorter and may be empty. Chunk k is sealed
  under the base nonce XOR k (12 bytes, big-endian), without associated data, and starts at 56 + 16,400 k.
  There are at most 2^38 chunks.

The caller's context says what the file is and whose: `havre/1|name|owner|object|number`. For a paper these are the
file's name in it (`original`, `page-3`), the person, the document and the version (`blobs.py`), so that rows which
change places open nothing; for a message `message`, its subject and its id; for a file on its way in `arrival`, its
sender and its id. Inside, our message is::

    data | zeros | true length u64 big-endian

and its whole length is the Padmé size (Nikitin et al., PETS 2019, algorithm 1) of the data plus 8: at most
12 % more, and the file's size tells only the first digits of the data's. The length is at the end, so that
data can be sealed as they arrive; it is read with the final chunk, which must be opened first in any case: a
file cut at a chunk's boundary has no final chunk.
"""

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hmac import compare_digest
from pathlib import Path
from typing import BinaryIO, Protocol

from cryptography.cobblestone import Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

KEY_BYTES = 32
SALT_BYTES = 24
COMMITMENT_BYTES = 32
HEADER_BYTES = SALT_BYTES + COMMITMENT_BYTES
CHUNK_BYTES = 16_384
TAG_BYTES = 16
SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
MAX_CHUNKS = 1 << 38
TRAILER_BYTES = 8
PIECE_BYTES = 64 * CHUNK_BYTES  # sealed at once
UNFINISHED = ".tmp"  # how the name of a container ends while it is written
LABELS = frozenset({"original", "pages", "preview", "text"})
_NONCE_BYTES = 12
_INFO = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
_FILE_BUFFER = 1 << 20
_ZEROS = bytes(CHUNK_BYTES)


class ContainerDamaged(Exception):
    """The container was altered, cut, swapped, or sealed under another key or context.

    `chunk` is the number of the chunk that does not verify, or None when it is the header or the length.
    """

    def __init__(self, sentence: str, chunk: int | None = None) -> None:
        super().__init__(sentence)
        self.chunk = chunk


class Writable(Protocol):
    """Where a Sealer writes: a binary file that takes all it is given."""

    def write(self, data: bytes, /) -> object:
        """Take all of `data`."""


def derive(dek: bytes, label: str) -> bytes:
    """The 32-byte sub-key of a paper's DEK for "original", "pages", "preview" or "text" (HKDF-SHA-256)."""
    if label not in LABELS:
        raise ValueError(f"A sub-key is one of {', '.join(sorted(LABELS))}, not {label!r}.")
    return HKDF(SHA256(), KEY_BYTES, None, f"paper/{label}".encode()).derive(_checked(dek))


def padme(size: int) -> int:
    """The Padmé size for `size` bytes: the same or more, by at most 12 %."""
    if size < 2:
        return size
    exponent = size.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (size + mask) & ~mask


class Sealer:
    """Seals what is written to it, chunk by chunk; nothing readable ever reaches `out`.

    Memory is a few chunks. A Sealer that was not finished leaves a container that no reader accepts.
    """

    def __init__(self, out: Writable, key: bytes, context: bytes) -> None:
        """Nothing is written yet; ValueError when the key is not 32 bytes."""
        self._out = out
        self._encryptor = Cobblestone256Encryptor(_checked(key), context)
        self._finished = False
        self.length = 0

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Take some data, of any size; the number of bytes taken, which is all of them."""
        if self._finished:
            raise ValueError("The container is finished.")
        self.length += len(data)
        for start in range(0, len(data), PIECE_BYTES):
            self._out.write(self._encryptor.update(memoryview(data)[start : start + PIECE_BYTES]))
        return len(data)

    def finish(self) -> int:
        """Write the padding, the true length and the final chunk; the true length in bytes."""
        if self._finished:
            return self.length
        padding = padme(self.length + TRAILER_BYTES) - TRAILER_BYTES - self.length
        for start in range(0, padding, CHUNK_BYTES):
            self._out.write(self._encryptor.update(_ZEROS[: padding - start]))
        trailer = self._encryptor.update(self.length.to_bytes(TRAILER_BYTES))
        self._out.write(trailer + self._encryptor.finalize())
        self._finished = True
        return self.length


class Message:
    """Reads a chunked-encryption message at random, whatever is inside. `length` is in bytes.

    Opening verifies the commitment, then the final chunk, hence the length; each read verifies the chunks that it
    needs, so a message whose middle is damaged opens, and says so when that middle is read. Not safe between threads.
    """

    def __init__(self, source: BinaryIO, key: bytes, context: bytes) -> None:
        """Open a seekable binary file; ContainerDamaged when it is not this message, whole."""
        self._source = source
        size = source.seek(0, os.SEEK_END)
        source.seek(0)
        header = source.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            raise ContainerDamaged("The container is cut in its header.")
        salt, commitment = header[:SALT_BYTES], header[SALT_BYTES:]
        self._aead, self._base_nonce, expected = _derived(key, context, salt)
        if not compare_digest(expected, commitment):
            raise ContainerDamaged("The container was sealed under another key or context.")
        self.final, rest = divmod(size - HEADER_BYTES, SEALED_CHUNK_BYTES)
        if rest < TAG_BYTES:
            raise ContainerDamaged("The container is cut: it has no final chunk.")
        if self.final >= MAX_CHUNKS:
            raise ContainerDamaged("The container is longer than the format allows.")
        self.length = self.final * CHUNK_BYTES + rest - TAG_BYTES
        self.chunk(self.final)

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end`, both within the message."""
        if start == end:
            return b""
        first, last = start // CHUNK_BYTES, (end - 1) // CHUNK_BYTES
        clear = b"".join([self.chunk(number) for number in range(first, last + 1)])
        return clear[start - first * CHUNK_BYTES : end - first * CHUNK_BYTES]

    def chunk(self, number: int) -> bytes:
        """One chunk, from 0 to `final`."""
        self._source.seek(HEADER_BYTES + number * SEALED_CHUNK_BYTES)
        expected = min(SEALED_CHUNK_BYTES, self.length - number * CHUNK_BYTES + TAG_BYTES)
        sealed = self._source.read(expected)
        if len(sealed) < expected:
            raise ContainerDamaged("The container became shorter while it was read.", number)
        nonce = (self._base_nonce ^ number).to_bytes(_NONCE_BYTES)
        try:
            return self._aead.decrypt(nonce, sealed, None)
        except InvalidTag:
            raise ContainerDamaged(f"Chunk {number} of the container was altered or moved.", number) from None


class Opened:
    """Reads a container's data at random. `length` is the true length of the data, in bytes.

    A damaged middle is said when it is read, as by Message. Not safe between threads.
    """

    def __init__(self, source: BinaryIO, key: bytes, context: bytes) -> None:
        """Open a seekable binary file; ContainerDamaged when it is not this container, whole."""
        self._source = source
        self._message = Message(source, key, context)
        self.length = self._true_length()

    def read_at(self, offset: int, size: int) -> bytes:
        """The data from `offset`, `size` bytes or what is left, as a slice of bytes would give."""
        if offset < 0 or size < 0:
            raise ValueError("An offset and a size are not negative.")
        return self._message.read(min(offset, self.length), min(offset + size, self.length))

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def chunks(self) -> Iterator[bytes]:
        """All the data in order, in pieces of at most 16 KiB; the padding is verified too."""
        for number in range(self._message.final + 1):
            chunk = self._message.chunk(number)
            piece = chunk[: max(self.length - number * CHUNK_BYTES, 0)]
            if piece:
                yield piece

    def _true_length(self) -> int:
        """Read the trailer, at the end of the message; it may lie across the last two chunks."""
        size = self._message.length
        if size < TRAILER_BYTES:
            raise ContainerDamaged("The container is cut: it has no length.")
        length = int.from_bytes(self._message.read(size - TRAILER_BYTES, size))
        if padme(length + TRAILER_BYTES) != size:
            raise ContainerDamaged("The container's length is not the length that it says.")
        return length


@contextmanager
def open_from(path: Path, key: bytes, context: bytes) -> Iterator[Opened]:
    """The container at `path`, closed at the end of the block; ContainerDamaged or OSError."""
    with path.open("rb") as source:
        yield Opened(source, key, context)


def verify(path: Path, key: bytes, context: bytes) -> int:
    """Authenticate every chunk of the container at `path`; its size on the disk, in bytes. As `open_from`."""
    with open_from(path, key, context) as opened:
        for _piece in opened.chunks():
            pass
    return path.stat().st_size


def seal_to(path: Path, key: bytes, context: bytes, source: Iterable[bytes]) -> int:
    """Seal `source` into a new container at `path`; the true length in bytes.

    The file appears whole and on disk, or not at all: already sealed under a temporary name beside it, fsync,
    rename, fsync of the folder. Any failure (OSError, disk full, `source` itself) leaves no debris; after a
    power cut a sealed `.tmp` file may stay, until `shelves.sweep`.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}{UNFINISHED}")
    try:
        with _new_private(temporary) as out:
            sealer = Sealer(out, key, context)
            for data in source:
                sealer.write(data)
            length = sealer.finish()
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return length


def _derived(key: bytes, context: bytes, salt: bytes) -> tuple[AESGCM, int, bytes]:
    """What seals one container: its cipher, its base nonce as a number, its commitment."""
    size = KEY_BYTES + _NONCE_BYTES + COMMITMENT_BYTES
    expanded = HKDFExpand(SHA512(), size, _INFO + salt + context).derive(_checked(key))
    base_nonce = int.from_bytes(expanded[KEY_BYTES : KEY_BYTES + _NONCE_BYTES])
    return AESGCM(expanded[:KEY_BYTES]), base_nonce, expanded[KEY_BYTES + _NONCE_BYTES :]


def _checked(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"A container's key is {KEY_BYTES} bytes.")
    return key


def _new_private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", _FILE_BUFFER)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network folders cannot be synchronised
            raise
    finally:
        os.close(descriptor)
