"""The container: exactly the specification, and nothing altered, cut or swapped ever passes for whole."""

import errno
import hashlib
import io
import itertools
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor
from hypothesis import given, settings
from hypothesis import strategies as st

from havre.core import container
from havre.core.container import (
    CHUNK_BYTES,
    HEADER_BYTES,
    SEALED_CHUNK_BYTES,
    ContainerDamaged,
    Message,
    Opened,
    Sealer,
)
from tests.core import c2sp_decoder

KEY = bytes(range(32))
CONTEXT = b"havre/1|original|bruno|residence-permit|1"
PUBLISHED = json.loads((Path(__file__).parent / "chunked_encryption_vectors.json").read_text())["vectors"]
VECTORS = json.loads((Path(__file__).parent / "container_vectors.json").read_text())
EDGES = [0, 1, 7, 8, 100, CHUNK_BYTES - 9, CHUNK_BYTES - 8, CHUNK_BYTES - 7, CHUNK_BYTES, CHUNK_BYTES + 1]
LENGTHS = st.one_of(
    st.sampled_from([*EDGES, *[size + CHUNK_BYTES for size in EDGES]]), st.integers(0, 70_000)
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def sample(length: int) -> bytes:
    return random.Random(length).randbytes(length)


def sealed(data: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> bytes:
    out = io.BytesIO()
    sealer = Sealer(out, key, context)
    sealer.write(data)
    assert sealer.finish() == len(data)
    return out.getvalue()


def opened(content: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> bytes:
    return b"".join(Opened(io.BytesIO(content), key, context).chunks())


# --- any data, in and out ---


@settings(max_examples=60, deadline=None)
@given(length=LENGTHS, cuts=st.lists(st.integers(0, 70_000), max_size=8))
def test_any_bytes_written_in_any_pieces_come_back(length: int, cuts: list[int]) -> None:
    data, out = sample(length), io.BytesIO()
    sealer = Sealer(out, KEY, CONTEXT)
    edges = [0, *sorted(min(cut, length) for cut in cuts), length]
    for start, end in itertools.pairwise(edges):
        assert sealer.write(data[start:end]) == end - start
    assert sealer.finish() == length
    assert opened(out.getvalue()) == data
    assert c2sp_decoder.decode(KEY, CONTEXT, out.getvalue())[:length] == data


PADME_EDGES = [(1 << power) + step - 8 for power in range(4, 21) for step in (-1, 0, 1)]


@pytest.mark.parametrize("piece", [1, 4096, CHUNK_BYTES, 65_536, 1 << 22])
def test_data_of_every_edge_length_come_in_and_out_in_pieces(piece: int, tmp_path: Path) -> None:
    longest = 40_000 if piece == 1 else 1 << 21
    for length in [0, 1, 16_383, 16_384, 16_385, *PADME_EDGES]:
        if length <= longest:
            data = sample(length)
            pieces = (data[start : start + piece] for start in range(0, length, piece))
            assert container.seal_to(tmp_path / "paper", KEY, CONTEXT, pieces) == length
            size = (tmp_path / "paper").stat().st_size
            message = container.padme(length + 8)
            assert size == HEADER_BYTES + message + 16 * (message // CHUNK_BYTES + 1)
            with container.open_from(tmp_path / "paper", KEY, CONTEXT) as reader:
                assert reader.length == length
                assert b"".join(reader.chunks()) == data


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_short_bytes_come_back(data: bytes) -> None:
    assert opened(sealed(data)) == data


@settings(max_examples=60, deadline=None)
@given(length=LENGTHS)
def test_the_message_is_data_zeros_and_length_of_padme_size(length: int) -> None:
    data = sample(length)
    message = c2sp_decoder.decode(KEY, CONTEXT, sealed(data))
    assert len(message) == container.padme(length + 8)
    assert message == data + bytes(len(message) - 8 - length) + length.to_bytes(8)


# --- the format, against others ---


def ciphertext_of(vector: dict[str, Any]) -> bytes:
    pieces = vector["ciphertext"]
    return b"".join(bytes(one) if isinstance(one, int) else bytes.fromhex(one) for one in pieces)


def read_whole(content: bytes, key: bytes, context: bytes) -> Iterator[bytes]:
    """The chunks of a message, whatever is in it."""
    message = Message(io.BytesIO(content), key, context)
    yield from (message.chunk(number) for number in range(message.final + 1))


def length_and_digest(clear: bytes) -> dict[str, Any]:
    return {"length": len(clear), "sha512": hashlib.sha512(clear).hexdigest()}


def vectors(*, valid: bool) -> Any:
    chosen = [vector for vector in PUBLISHED if vector["valid"] is valid]
    return pytest.mark.parametrize("vector", chosen, ids=lambda vector: str(vector["name"]))


@vectors(valid=True)
def test_published_messages_open(vector: dict[str, Any]) -> None:
    key, context, content = known(vector)
    clear = b"".join(read_whole(content, key, context))
    assert length_and_digest(clear) == vector["message"]
    assert c2sp_decoder.decode(key, context, content) == clear
    assert c2sp_decoder.encode(key, context, content[:24], clear) == content


@vectors(valid=False)
def test_published_faults_are_refused(vector: dict[str, Any]) -> None:
    key, context, content = known(vector)
    with pytest.raises(c2sp_decoder.Undecodable):
        c2sp_decoder.decode(key, context, content)
    chunks = read_whole(content, key, context)
    given: list[bytes] = []
    with pytest.raises((ContainerDamaged, ValueError)):
        given.extend(chunks)
    if vector.get("final_chunk_is_valid"):
        assert length_and_digest(b"".join(given)) == vector.get("message", length_and_digest(b""))
    else:
        assert given == [], "seen when it is opened, by its final chunk or before"


def known(vector: dict[str, Any]) -> tuple[bytes, bytes, bytes]:
    return bytes.fromhex(vector["key"]), bytes.fromhex(vector["context"]), ciphertext_of(vector)


def test_the_published_vectors_are_all_there() -> None:
    assert [vector["id"] for vector in PUBLISHED] == [*range(1, 7), *range(9, 36)]
    assert [vector["id"] for vector in PUBLISHED if vector["valid"]] == [1, 2, 3, 4, 5, 6, 9, 10]


@settings(max_examples=60, deadline=None)
@given(length=LENGTHS, context=st.binary(max_size=40))
def test_three_implementations_agree(length: int, context: bytes) -> None:
    data, salt = sample(length), bytes(range(24))
    content = c2sp_decoder.encode(KEY, context, salt, data)
    assert b"".join(read_whole(content, KEY, context)) == data
    ours = sealed(data, context=context)
    decryptor = Cobblestone256Decryptor(KEY, context)
    assert decryptor.update(ours) + decryptor.finalize() == c2sp_decoder.decode(KEY, context, ours)


def test_the_chunks_number_takes_more_than_one_byte() -> None:
    """As the published vectors 7 and 8 do: two hundred and fifty-eight chunks."""
    data, salt = sample(257 * CHUNK_BYTES + 1), bytes(24)
    content = c2sp_decoder.encode(KEY, CONTEXT, salt, data)
    decryptor = Cobblestone256Decryptor(KEY, CONTEXT)
    assert b"".join(read_whole(content, KEY, CONTEXT)) == data
    assert decryptor.update(content) + decryptor.finalize() == data


class Endless(io.BytesIO):
    """A file that says that it is longer than the format allows."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            return HEADER_BYTES + (1 << 38) * SEALED_CHUNK_BYTES + 16
        return super().seek(offset, whence)


def test_more_chunks_than_the_format_allows_are_refused() -> None:
    with pytest.raises(ContainerDamaged, match="longer than the format allows"):
        Message(Endless(sealed(b"data")), KEY, CONTEXT)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["length"]))
def test_recorded_containers_open(vector: dict[str, Any]) -> None:
    """What lies on disks today must open for ever: the padding and the trailer are ours, and recorded."""
    key, context, salt = (
        bytes.fromhex(vector["key"]),
        vector["context"].encode(),
        bytes.fromhex(vector["salt"]),
    )
    data = counted(vector["length"])
    padded = container.padme(len(data) + 8)
    message = data.ljust(padded - 8, b"\0") + len(data).to_bytes(8)
    content = c2sp_decoder.encode(key, context, salt, message)
    assert hashlib.sha256(content).hexdigest() == vector["sha256"]
    assert content[:HEADER_BYTES].hex() == vector["header"]
    assert content[-24:].hex() == vector["end"]
    assert opened(content, key, context) == data


def counted(length: int) -> bytes:
    """0, 1, 2... 250, 0, 1...: the data of the recorded vectors."""
    return bytes(number % 251 for number in range(length))


# --- altered, cut, swapped ---

WHOLE = sample(50_000)  # three chunks and, with its padding, an eighth of one
AT = [HEADER_BYTES + number * SEALED_CHUNK_BYTES for number in range(4)]  # where its chunks start
REGIONS = {
    "salt": (0, 24, None),
    "commitment": (24, 56, None),
    "first chunk": (AT[0], AT[1] - 16, 0),
    "first tag": (AT[1] - 16, AT[1], 0),
    "middle chunk": (AT[1], AT[2] - 16, 1),
    "middle tag": (AT[2] - 16, AT[2], 1),
    "last full chunk": (AT[2], AT[3] - 16, 2),
    "last full tag": (AT[3] - 16, AT[3], 2),
    "final chunk": (AT[3], -16, 3),
    "final tag": (-16, 0, 3),
}


def bits(region: str, size: int) -> Iterator[tuple[int, int]]:
    """Some bits of a region, (byte, mask): its first, its last, and a few between."""
    start, end, _chunk = REGIONS[region]
    first, last = start % size, (end - 1) % size
    for at in (first, last, *(random.Random(region).randint(first, last) for _ in range(6))):
        yield at, 1 << random.Random(at).randrange(8)


@pytest.mark.parametrize("region", REGIONS)
def test_one_bit_closes_what_it_is_in_and_nothing_else(region: str) -> None:
    whole, chunk = sealed(WHOLE), REGIONS[region][2]
    assert len(whole) - AT[3] > 16
    for at, mask in bits(region, len(whole)):
        content = bytearray(whole)
        content[at] ^= mask
        with pytest.raises(c2sp_decoder.Undecodable):
            c2sp_decoder.decode(KEY, CONTEXT, bytes(content))
        if chunk in (None, 3):
            with pytest.raises(ContainerDamaged) as fault:
                Opened(io.BytesIO(content), KEY, CONTEXT)
            assert fault.value.chunk == chunk
            continue
        reader = Opened(io.BytesIO(content), KEY, CONTEXT)
        for number in range(3):
            start, end = number * CHUNK_BYTES, min((number + 1) * CHUNK_BYTES, len(WHOLE))
            if number == chunk:
                with pytest.raises(ContainerDamaged, match=f"Chunk {chunk}") as fault:
                    reader.read_at(start + 5, 1)
                assert fault.value.chunk == chunk
            else:
                assert reader.read_at(start, end - start) == WHOLE[start:end]


@settings(max_examples=200, deadline=None)
@given(where=st.data(), length=st.sampled_from([0, 5, 300, CHUNK_BYTES - 8, CHUNK_BYTES + 20]))
def test_any_single_changed_bit_is_detected(where: st.DataObject, length: int) -> None:
    content = bytearray(sealed(sample(length)))
    at = where.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << where.draw(st.integers(0, 7))
    with pytest.raises(ContainerDamaged):
        opened(bytes(content))
    with pytest.raises(c2sp_decoder.Undecodable):
        c2sp_decoder.decode(KEY, CONTEXT, bytes(content))


@pytest.mark.parametrize("length", [0, 1, 200])
def test_a_short_container_cut_at_any_length_is_refused_when_opened(length: int) -> None:
    content = sealed(sample(length))
    for end in range(len(content)):
        with pytest.raises(ContainerDamaged):
            Opened(io.BytesIO(content[:end]), KEY, CONTEXT)


@pytest.mark.parametrize("length", [CHUNK_BYTES - 8, CHUNK_BYTES + 20, 3 * CHUNK_BYTES])
def test_a_container_cut_at_or_near_any_boundary_is_refused_when_opened(length: int) -> None:
    content = sealed(sample(length))
    chunks = [HEADER_BYTES + k * SEALED_CHUNK_BYTES for k in range(len(content) // SEALED_CHUNK_BYTES + 1)]
    for boundary in (0, 24, *chunks, len(content)):
        for cut in (boundary + step for step in (-17, -16, -15, -1, 0, 1, 15, 16, 17)):
            if 0 <= cut < len(content):
                with pytest.raises(ContainerDamaged, match=r"cut|altered"):
                    Opened(io.BytesIO(content[:cut]), KEY, CONTEXT)


def test_a_longer_container_is_refused() -> None:
    content = sealed(sample(5000))
    for extra in (b"\0", bytes(16), bytes(SEALED_CHUNK_BYTES), content[HEADER_BYTES:]):
        with pytest.raises(ContainerDamaged):
            opened(content + extra)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"", "no length"),
        (bytes(7), "no length"),
        (b"data" + (5).to_bytes(8), "not the length"),
        (b"data" + ((1 << 64) - 1).to_bytes(8), "not the length"),
        (b"data" + bytes(100) + (4).to_bytes(8), "not the length"),
    ],
)
def test_a_message_that_is_no_container_of_ours_is_refused(message: bytes, words: str) -> None:
    """Whoever has the key can make one; a reader must not give padding for data."""
    content = c2sp_decoder.encode(KEY, CONTEXT, bytes(24), message)
    with pytest.raises(ContainerDamaged, match=words):
        Opened(io.BytesIO(content), KEY, CONTEXT)


def test_two_swapped_chunks_are_refused() -> None:
    content = sealed(sample(3 * CHUNK_BYTES))
    first, second, third = (HEADER_BYTES + k * SEALED_CHUNK_BYTES for k in range(3))
    swapped = content[:first] + content[second:third] + content[first:second] + content[third:]
    with pytest.raises(ContainerDamaged, match="Chunk 0"):
        opened(swapped)


@pytest.mark.parametrize(("kept", "repeated"), [(1, 0), (0, 1), (2, 1)])
def test_a_chunk_put_in_place_of_another_is_refused(kept: int, repeated: int) -> None:
    content = bytearray(sealed(sample(3 * CHUNK_BYTES)))
    at = [HEADER_BYTES + k * SEALED_CHUNK_BYTES for k in range(4)]
    content[at[kept] : at[kept + 1]] = content[at[repeated] : at[repeated + 1]]
    with pytest.raises(ContainerDamaged, match=f"Chunk {kept} "):
        opened(bytes(content))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_chunk_taken_out_or_put_in_twice_is_refused(number: int) -> None:
    content = sealed(sample(3 * CHUNK_BYTES))
    start, end = (HEADER_BYTES + k * SEALED_CHUNK_BYTES for k in (number, number + 1))
    for changed in (content[:start] + content[end:], content[:end] + content[start:]):
        with pytest.raises(ContainerDamaged):
            Opened(io.BytesIO(changed), KEY, CONTEXT)


def test_a_chunk_of_another_version_of_the_paper_is_refused() -> None:
    one, two = sealed(sample(20_000)), sealed(sample(20_000))
    with pytest.raises(ContainerDamaged):
        opened(one[: HEADER_BYTES + SEALED_CHUNK_BYTES] + two[HEADER_BYTES + SEALED_CHUNK_BYTES :])


@pytest.mark.parametrize(("key", "context"), [(bytes(32), CONTEXT), (KEY, b"havre/1|original|bruno|other|1")])
def test_another_key_or_context_is_refused_by_the_commitment(key: bytes, context: bytes) -> None:
    with pytest.raises(ContainerDamaged, match="another key or context"):
        Opened(io.BytesIO(sealed(b"data")), key, context)


def test_damage_in_the_middle_leaves_the_rest_readable() -> None:
    data = sample(3 * CHUNK_BYTES)
    content = bytearray(sealed(data))
    content[HEADER_BYTES + SEALED_CHUNK_BYTES + 9] ^= 1
    reader = Opened(io.BytesIO(content), KEY, CONTEXT)
    assert reader.read_at(0, CHUNK_BYTES) == data[:CHUNK_BYTES]
    assert reader.read_at(2 * CHUNK_BYTES, 10) == data[2 * CHUNK_BYTES :][:10]
    with pytest.raises(ContainerDamaged, match="Chunk 1"):
        reader.read_at(CHUNK_BYTES - 1, 2)


READS = st.lists(st.tuples(st.integers(0, 90_000), st.integers(0, 90_000)), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(length=LENGTHS, reads=READS)
def test_reading_at_random_is_slicing(length: int, reads: list[tuple[int, int]]) -> None:
    data = sample(length)
    reader = Opened(io.BytesIO(sealed(data)), KEY, CONTEXT)
    assert reader.length == length
    for offset, size in reads:
        assert reader.read_at(offset, size) == data[offset : offset + size]
    assert b"".join(reader.chunks()) == data


@pytest.mark.parametrize(("offset", "size"), [(-1, 1), (0, -1)])
def test_nothing_is_read_before_the_beginning(offset: int, size: int) -> None:
    with pytest.raises(ValueError, match="not negative"):
        Opened(io.BytesIO(sealed(b"data")), KEY, CONTEXT).read_at(offset, size)


def test_a_file_that_shrinks_while_it_is_read_is_said_damaged() -> None:
    source = io.BytesIO(sealed(sample(50_000)))
    reader = Opened(source, KEY, CONTEXT)
    source.truncate(1000)
    with pytest.raises(ContainerDamaged, match="shorter"):
        reader.read_at(0, 10)


@given(size=st.integers(0, 1 << 45))
def test_padme_adds_at_most_twelve_percent_and_is_stable(size: int) -> None:
    padded = container.padme(size)
    assert size <= padded <= size * 1.12
    assert container.padme(padded) == padded


def test_padme_hides_all_but_few_sizes() -> None:
    assert len({container.padme(size) for size in range(1_000_000, 2_000_000)}) < 34


def test_equal_data_never_give_equal_containers() -> None:
    assert sealed(b"same")[:HEADER_BYTES] != sealed(b"same")[:HEADER_BYTES]


def test_a_sealer_is_finished_once() -> None:
    out = io.BytesIO()
    sealer = Sealer(out, KEY, CONTEXT)
    sealer.write(b"data")
    assert sealer.finish() == sealer.finish() == 4
    with pytest.raises(ValueError, match="finished"):
        sealer.write(b"more")


def test_an_unfinished_container_is_refused() -> None:
    out = io.BytesIO()
    Sealer(out, KEY, CONTEXT).write(sample(4 * CHUNK_BYTES))
    with pytest.raises(ContainerDamaged):
        Opened(io.BytesIO(out.getvalue()), KEY, CONTEXT)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_of_a_wrong_length_is_a_mistake_of_the_caller(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(io.BytesIO(), bytes(size), CONTEXT)


def test_sub_keys_differ_and_are_limited_to_known_labels() -> None:
    assert len({container.derive(KEY, label) for label in container.LABELS}) == len(container.LABELS) == 4
    with pytest.raises(ValueError, match="not 'thumbnail'"):
        container.derive(KEY, "thumbnail")


def test_seal_to_writes_one_private_file_that_opens(tmp_path: Path) -> None:
    path, data = tmp_path / "paper", sample(100_000)
    assert container.seal_to(path, KEY, CONTEXT, [data[:70_000], b"", data[70_000:]]) == len(data)
    assert names(tmp_path) == ["paper"]
    assert path.stat().st_mode & 0o777 == 0o600
    with container.open_from(path, KEY, CONTEXT) as reader:
        assert b"".join(reader.chunks()) == data


def test_nothing_readable_is_ever_on_disk(tmp_path: Path) -> None:
    secret = b"Bruno's residence permit " * 4000
    seen: list[bytes] = []

    def source() -> Iterator[bytes]:
        for start in range(0, len(secret), 9_999):
            yield secret[start : start + 9_999]
            seen.extend(path.read_bytes() for path in tmp_path.iterdir())

    container.seal_to(tmp_path / "paper", KEY, CONTEXT, source())
    seen.append((tmp_path / "paper").read_bytes())
    assert len(seen) > 2
    assert not [content for content in seen if b"residence" in content]


def full_disk(*_: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_no_debris_and_the_file_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "paper"
    container.seal_to(path, KEY, CONTEXT, [b"first"])
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        container.seal_to(path, KEY, CONTEXT, [b"second"])
    assert names(tmp_path) == ["paper"]
    with container.open_from(path, KEY, CONTEXT) as reader:
        assert reader.read_at(0, 10) == b"first"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_fills_while_writing_leaves_no_debris(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "_new_private", lambda _: Path("/dev/full").open("wb"))  # noqa: SIM115 -- seal_to closes it
    with pytest.raises(OSError, match="No space left"):
        container.seal_to(tmp_path / "paper", KEY, CONTEXT, [sample(3_000_000)])
    assert names(tmp_path) == []


def test_a_source_that_fails_leaves_no_debris(tmp_path: Path) -> None:
    def source() -> Iterator[bytes]:
        yield sample(20_000)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        container.seal_to(tmp_path / "paper", KEY, CONTEXT, source())
    assert names(tmp_path) == []


# --- memory ---

BOUNDED = """
import sys
from pathlib import Path
from havre.core import container

def peak():  # kB; getrusage would count what the parent had before the exec
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

path, key, piece = Path(sys.argv[1]), bytes(32), bytes(range(256)) * 256
container.seal_to(path, key, b"small", [piece])
with container.open_from(path, key, b"small") as small:
    assert sum(map(len, small.chunks())) == len(piece)
before = peak()
count = 300_000_000 // len(piece)
assert container.seal_to(path, key, b"large", (piece for _ in range(count))) == count * len(piece)
sealed = peak()
with container.open_from(path, key, b"large") as large:
    assert sum(map(len, large.chunks())) == count * len(piece)
    assert large.read_at(250_000_000, 100) == (piece * 2)[250_000_000 % len(piece) :][:100]
print(sealed - before, peak() - before)
"""


def test_the_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Three hundred megabytes in and out: what it takes more than a small file, in a process of its own."""
    command = [sys.executable, "-c", BOUNDED, str(tmp_path / "paper")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    sealing, reading = (int(kilobytes) for kilobytes in ran.stdout.split())
    assert sealing < 60_000
    assert reading < 60_000
    print(f"300 MB: {sealing} kB more to seal, {reading} kB more to read")
