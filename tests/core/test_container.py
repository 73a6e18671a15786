"""The container: exactly the specification, and nothing altered, cut or swapped ever passes for whole."""

import errno
import hashlib
import io
import itertools
import json
import os
import random
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from havre.core import container
from havre.core.container import (
    CHUNK_BYTES,
    HEADER_BYTES,
    SEALED_CHUNK_BYTES,
    ContainerDamaged,
    Opened,
    Sealer,
)
from tests.core import c2sp_decoder

KEY = bytes(range(32))
CONTEXT = b"havre/1|original|bruno|residence-permit|1"
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


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["length"]))
def test_recorded_containers_open_with_both_decoders(vector: dict[str, str | int]) -> None:
    key, context = bytes.fromhex(str(vector["key"])), str(vector["context"]).encode()
    data = counted(int(vector["length"]))
    out, salt = io.BytesIO(), bytes.fromhex(str(vector["salt"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "token_bytes", lambda _: salt)
        sealer = Sealer(out, key, context)
    sealer.write(data)
    sealer.finish()
    content = out.getvalue()
    assert hashlib.sha256(content).hexdigest() == vector["sha256"]
    assert content[:HEADER_BYTES].hex() == vector["header"]
    assert content[-24:].hex() == vector["end"]
    if "hex" in vector:
        content = bytes.fromhex(str(vector["hex"]))
    assert opened(content, key, context) == data
    assert c2sp_decoder.decode(key, context, content)[: len(data)] == data


def counted(length: int) -> bytes:
    """0, 1, 2... 250, 0, 1...: the data of the recorded vectors."""
    return bytes(number % 251 for number in range(length))


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


@settings(max_examples=150, deadline=None)
@given(where=st.data(), length=st.sampled_from([CHUNK_BYTES - 8, CHUNK_BYTES + 20, 3 * CHUNK_BYTES]))
def test_a_container_cut_at_any_length_is_refused_when_opened(where: st.DataObject, length: int) -> None:
    content = sealed(sample(length))
    boundaries = [
        HEADER_BYTES + k * SEALED_CHUNK_BYTES for k in range(len(content) // SEALED_CHUNK_BYTES + 1)
    ]
    near = [at + step for at in boundaries for step in (-1, 0, 1, 15, 16, 17)]
    cut = where.draw(st.one_of(st.sampled_from(near), st.integers(0, len(content) - 1)))
    with pytest.raises(ContainerDamaged):
        Opened(io.BytesIO(content[: min(cut, len(content) - 1)]), KEY, CONTEXT)


def test_a_longer_container_is_refused() -> None:
    content = sealed(sample(5000))
    for extra in (b"\0", bytes(16), bytes(SEALED_CHUNK_BYTES), content[HEADER_BYTES:]):
        with pytest.raises(ContainerDamaged):
            opened(content + extra)


def test_two_swapped_chunks_are_refused() -> None:
    content = sealed(sample(3 * CHUNK_BYTES))
    first, second, third = (HEADER_BYTES + k * SEALED_CHUNK_BYTES for k in range(3))
    swapped = content[:first] + content[second:third] + content[first:second] + content[third:]
    with pytest.raises(ContainerDamaged, match="Chunk 0"):
        opened(swapped)


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


@settings(max_examples=150, deadline=None)
@given(length=LENGTHS, offset=st.integers(0, 80_000), size=st.integers(0, 80_000))
def test_read_at_is_a_slice(length: int, offset: int, size: int) -> None:
    data = sample(length)
    reader = Opened(io.BytesIO(sealed(data)), KEY, CONTEXT)
    assert reader.length == length
    assert reader.read_at(offset, size) == data[offset : offset + size]


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
