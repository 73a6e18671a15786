"""Erasing one paper for good: its key is gone, the others' open, and a crash at any point is finished."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from havre.audit.models import Entry
from havre.core import epochs, sealing
from havre.core.keeper_client import KeeperAbsent, KeeperClient, KeeperRefused
from havre.core.models import Epoch
from havre.people.models import Person
from havre.vault import actions, files
from havre.vault.models import Document, Version
from tests.accounts.stagehands import files_at_rest
from tests.cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def papers(cast: Cast, bruno: Person) -> list[Document]:
    """Three papers of Bruno's, brought by Claire."""
    return [cast.paper(bruno) for _ in range(3)]


def key(document: Document) -> bytes:
    return bytes(Version.objects.get(document=document).wrapped_key)


def opens(document: Document, wrapped: bytes | None = None) -> bool:
    """Whether the keeper opens this key (the present one unless another is given) for the paper's person."""
    given = wrapped or key(document)
    try:
        return bool(sealing.keeper().open_key(document.person_id, "shared", given, sealing.worker(), "test"))
    except KeeperRefused as refused:
        if refused.code != "wrong_key":
            raise
        return False


def crash_in(monkeypatch: pytest.MonkeyPatch, call: str, times: int = 1) -> None:
    """The next calls of that name break before the keeper hears of them."""
    real: Callable[..., Any] = getattr(KeeperClient, call)
    left = [times]

    def broken(*arguments: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise KeeperAbsent("cut")
        return real(*arguments)

    monkeypatch.setattr(KeeperClient, call, broken)


def test_its_row_put_back_opens_nothing_and_the_others_still_open(cast: Cast, papers: list[Document]) -> None:
    gone, *others = papers
    old, before = key(gone), {other.pk: key(other) for other in others}
    actions.erase_document(gone, by=cast.claire)
    assert not Document.objects.filter(pk=gone.pk).exists()
    assert not opens(gone, old)
    for other in others:
        assert opens(other)
        assert b"".join(files.read(Version.objects.get(document=other), "original", _dek(other)))
        assert not opens(other, before[other.pk])


def _dek(document: Document) -> bytes:
    return files.open_key(Version.objects.get(document=document), by=sealing.worker(), purpose="test")


def test_its_files_go_and_the_journal_says_who_erased_it(cast: Cast, papers: list[Document]) -> None:
    blobs = {str(version.blob) for version in Version.objects.filter(document=papers[0])}
    actions.erase_document(papers[0], by=cast.claire)
    assert not [path for path in files_at_rest() if blobs & set(path.parts)]
    entry = Entry.objects.get(act="vault.document.erased")
    assert (entry.by, entry.object_id, entry.person) == (cast.claire.pk, papers[0].pk, papers[0].person_id)


def test_a_stranger_erases_nothing(cast: Cast, papers: list[Document]) -> None:
    for stranger in (cast.elise, cast.odile, cast.norbert):
        with pytest.raises(PermissionDenied):
            actions.erase_document(papers[0], by=stranger)
    assert opens(papers[0])


def test_when_the_keeper_is_cut_before_nothing_has_changed(
    cast: Cast, papers: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_in(monkeypatch, "ratchet")
    with pytest.raises(KeeperAbsent):
        actions.erase_document(papers[0], by=cast.claire)
    assert all(opens(paper) for paper in papers)


def test_when_the_old_key_was_not_yet_destroyed_the_clock_finishes(
    cast: Cast, papers: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = key(papers[0])
    crash_in(monkeypatch, "ratchet_done")
    with pytest.raises(KeeperAbsent):
        actions.erase_document(papers[0], by=cast.claire)
    assert not Document.objects.filter(pk=papers[0].pk).exists()
    assert opens(papers[0], old)  # not told as done yet
    assert epochs.finish_all() == 1
    assert not opens(papers[0], old)
    assert all(opens(paper) for paper in papers[1:])
    assert epochs.finish_all() == 0


def test_an_erasure_after_an_interrupted_one_ends_that_one_first(
    cast: Cast, papers: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_in(monkeypatch, "ratchet_done")
    with pytest.raises(KeeperAbsent):
        actions.erase_document(papers[0], by=cast.claire)
    between = key(papers[1])
    actions.erase_document(papers[1], by=cast.claire)
    assert not opens(papers[1], between)
    assert opens(papers[2])


def test_a_paper_sealed_between_two_epochs_is_erased_for_good_too(
    cast: Cast, bruno: Person, papers: list[Document]
) -> None:
    sealing.keeper().ratchet(
        bruno.pk, []
    )  # an erasure whose transaction was lost: the keeper waits between two
    late = cast.paper(bruno)
    old = key(late)
    actions.erase_document(late, by=cast.claire)
    assert not opens(late, old)
    assert all(opens(paper) for paper in papers)


def test_a_key_taken_before_an_erasure_and_saved_after_is_taken_again(
    cast: Cast, bruno: Person, papers: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, doomed = files.write, [papers[0]]

    def write(*arguments: Any) -> None:
        real(*arguments)
        if doomed:
            actions.erase_document(doomed.pop(), by=cast.claire)

    monkeypatch.setattr(files, "write", write)
    added = cast.paper(bruno)
    assert opens(added)
    assert b"".join(files.read(Version.objects.get(document=added), "original", _dek(added)))
    assert len({path.parent for path in files_at_rest() if path.name == "original"}) == 3


def test_a_key_that_opens_nothing_holds_up_no_erasure(cast: Cast, papers: list[Document]) -> None:
    damaged = bytearray(key(papers[1]))
    damaged[20] ^= 1
    Version.objects.filter(document=papers[1]).update(wrapped_key=bytes(damaged))
    actions.erase_document(papers[0], by=cast.claire)
    assert key(papers[1]) == bytes(damaged)
    assert opens(papers[2])


@pytest.mark.django_db(transaction=True)
def test_two_erasures_at_once_leave_the_third_paper_open(cast: Cast, bruno: Person) -> None:
    papers = [cast.paper(bruno) for _ in range(3)]
    old = [key(paper) for paper in papers]
    faults: list[BaseException] = []

    def erase(paper: Document) -> None:
        try:
            actions.erase_document(paper, by=cast.claire)
        except BaseException as fault:  # noqa: BLE001 - told to the test's own thread
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=erase, args=(paper,)) for paper in papers[:2]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert opens(papers[2])
    assert not any(opens(paper, wrapped) for paper, wrapped in zip(papers, old, strict=True))
    assert not Epoch.objects.filter(leaving=True)


def test_every_column_of_wrapped_keys_is_known_to_the_erasure() -> None:
    holding = {
        model for model in apps.get_models() for field in model._meta.get_fields() if field.name == epochs.KEY
    }
    assert holding == epochs.holders()


def test_a_key_of_an_epoch_that_is_over_is_not_saved(bruno: Person) -> None:
    _, wrapped = sealing.keeper().seal_key(bruno.pk, "shared")
    Epoch.objects.create(subject=bruno.pk, number=1)
    with pytest.raises(epochs.Stale), transaction.atomic():
        epochs.must_be_current(bruno.pk, wrapped)


def test_the_erased_papers_key_is_never_wrapped_again(
    cast: Cast, papers: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []
    real = KeeperClient.ratchet

    def ratchet(self: KeeperClient, subject: Any, given: Any) -> Any:
        asked.extend(wrapped for _, wrapped in given)
        return real(self, subject, given)

    monkeypatch.setattr(KeeperClient, "ratchet", ratchet)
    old = key(papers[0])
    actions.erase_document(papers[0], by=cast.claire)
    assert old not in asked
    assert len(asked) == 2


def test_a_paper_read_just_before_another_is_erased_still_opens(cast: Cast, papers: list[Document]) -> None:
    held = Version.objects.select_related("document").get(document=papers[1])
    actions.erase_document(papers[0], by=cast.claire)
    assert files.open_key(held, by=sealing.worker(), purpose="test")


def test_one_subject_that_the_keeper_lost_holds_up_no_other(cast: Cast, papers: list[Document]) -> None:
    old = key(papers[0])
    Epoch.objects.create(subject=UUID(int=5), number=1, leaving=True)
    with pytest.MonkeyPatch.context() as patched:
        crash_in(patched, "ratchet_done")
        with pytest.raises(KeeperAbsent):
            actions.erase_document(papers[0], by=cast.claire)
    epochs.finish_all()
    assert not opens(papers[0], old)
