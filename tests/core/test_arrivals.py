"""Files on their way in: sealed as they come, claimed by their sender alone, gone after a day."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadhandler import SkipFile
from django.http import HttpRequest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from havre.core import arrivals
from havre.core.arrivals import Arrival, SealedUpload, SealingUploadHandler, claimed, sender
from havre.core.container import CHUNK_BYTES, ContainerDamaged

ME, OTHER = UUID(int=1), UUID(int=2)
CLEAR = b"attestation de Bruno Lefevre " * 3000


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "ARRIVALS", tmp_path / "arrivals")


def files() -> list[Path]:
    return list(Path(settings.ARRIVALS).glob("*"))


def request_of(user: UUID | None, lapsed: UUID | None = None) -> HttpRequest:
    request = HttpRequest()
    request.user = SimpleNamespace(pk=user, is_authenticated=True) if user else AnonymousUser()  # type: ignore[assignment]
    request.lapsed = lapsed  # type: ignore[attr-defined]
    return request


def pieces(data: bytes, size: int = 64 * 1024) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def received(data: bytes, owner: UUID = ME, size: int = 64 * 1024) -> SealedUpload:
    """A file as Django hands it to the handler, piece by piece."""
    handler = SealingUploadHandler(request_of(owner))
    handler.new_file("paper", "bail.pdf", "application/pdf", len(data), None, None)
    for piece in pieces(data, size):
        assert handler.receive_data_chunk(piece, 0) is None  # type: ignore[func-returns-value]
    upload = handler.file_complete(len(data))
    assert isinstance(upload, SealedUpload)
    return upload


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 3 * CHUNK_BYTES), st.integers(1, 70_000))
def test_any_file_comes_back_whole_however_it_came(length: int, size: int) -> None:
    data = (b"0123456789abcdef" * (length // 16 + 1))[:length]
    arrival = received(data, size=size).arrival
    assert b"".join(arrival.chunks()) == data
    assert arrival.size == arrival.length() == length
    assert arrival.ends(10, 5) == (data[:10], data[-5:] if data else b"")
    arrival.discard()


def test_no_clear_byte_ever_lies_on_the_disk() -> None:
    handler = SealingUploadHandler(request_of(ME))
    handler.new_file("paper", "bail.pdf", "application/pdf", len(CLEAR), None, None)
    for piece in pieces(CLEAR, 5000):
        handler.receive_data_chunk(piece, 0)
        (path,) = files()
        assert b"Bruno" not in path.read_bytes()
    handler.file_complete(len(CLEAR))
    assert b"Bruno" not in path.read_bytes()
    assert "bail" not in path.name
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_token_is_claimed_by_its_sender_alone() -> None:
    token = received(CLEAR).arrival.token()
    arrival = claimed(token, owner=ME)
    assert arrival is not None
    assert arrival.size == len(CLEAR)
    assert b"".join(arrival.chunks()) == CLEAR
    assert claimed(token, owner=OTHER) is None


def test_a_key_is_shown_in_no_trace() -> None:
    arrival = received(b"x").arrival
    assert repr(arrival.key) not in repr(arrival)


def test_a_token_of_another_file_or_key_opens_nothing() -> None:
    one, other = received(b"un").arrival, received(b"deux").arrival
    mixed = Arrival(one.id, other.key, ME, 0)
    assert claimed(mixed.token(), owner=ME) is None
    one.path.write_bytes(other.path.read_bytes())
    assert claimed(one.token(), owner=ME) is None


@hypothesis_settings(deadline=None)
@given(st.text(max_size=120))
def test_no_token_made_up_is_a_fault(token: str) -> None:
    assert claimed(token, owner=ME) is None


@hypothesis_settings(deadline=None)
@given(st.binary(max_size=80))
def test_no_bytes_made_up_are_a_fault(raw: bytes) -> None:
    assert claimed(base64.urlsafe_b64encode(raw).decode(), owner=ME) is None


def test_a_cut_or_altered_arrival_is_not_given_as_whole() -> None:
    arrival = received(CLEAR).arrival
    data = bytearray(arrival.path.read_bytes())
    data[20_000] ^= 1
    arrival.path.write_bytes(bytes(data))
    with pytest.raises(ContainerDamaged):
        b"".join(arrival.chunks())
    arrival.path.write_bytes(bytes(data)[:20_000])
    assert claimed(arrival.token(), owner=ME) is None


def test_a_file_beyond_the_limit_is_not_written_further_and_does_not_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "UPLOAD_BYTES", 100_000)
    handler = SealingUploadHandler(request_of(ME))
    handler.new_file("paper", "gros.pdf", "application/pdf", 0, None, None)
    for _one in range(20):
        handler.receive_data_chunk(bytes(64 * 1024), 0)
        assert sum(path.stat().st_size for path in files()) <= 100_000 * 1.2
    upload = handler.file_complete(20 * 64 * 1024)
    assert isinstance(upload, SealedUpload)
    assert upload.too_big
    assert files() == []


def test_what_a_stranger_sends_is_skipped() -> None:
    handler = SealingUploadHandler(request_of(None))
    with pytest.raises(SkipFile):
        handler.new_file("paper", "bail.pdf", "application/pdf", 5, None, None)
    assert handler.file_complete(5) is None
    assert files() == []


def test_a_sender_is_the_user_or_the_one_whose_session_has_just_ended() -> None:
    assert sender(request_of(ME)) == ME
    assert sender(request_of(None, lapsed=OTHER)) == OTHER
    assert sender(request_of(ME, lapsed=OTHER)) == ME
    assert sender(request_of(None)) is None
    assert sender(None) is None


def test_an_upload_that_is_cut_leaves_nothing() -> None:
    handler = SealingUploadHandler(request_of(ME))
    handler.new_file("paper", "bail.pdf", "application/pdf", 5, None, None)
    handler.receive_data_chunk(b"abc", 0)
    handler.upload_interrupted()
    handler.upload_interrupted()
    assert files() == []


def test_only_what_waited_a_day_is_purged() -> None:
    old, fresh = received(b"old").arrival, received(b"new").arrival
    now = fresh.path.stat().st_mtime
    os.utime(old.path, (now - arrivals.KEPT - 1, now - arrivals.KEPT - 1))
    assert arrivals.purge(now) == 1
    assert files() == [fresh.path]
    assert arrivals.purge(now + arrivals.KEPT + 10) == 1
    assert files() == []


def test_an_arrival_that_is_gone_is_discarded_without_fault() -> None:
    Arrival(uuid4(), bytes(32), ME, 0).discard()
