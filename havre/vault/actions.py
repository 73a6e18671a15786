"""Bringing a paper in: sealed first, read after."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction

from havre.accounts.models import User
from havre.audit import actions as audit
from havre.core import blobs, epochs, sealing
from havre.core.arrivals import Arrival
from havre.inbox import actions as inbox
from havre.organisations import access as seats
from havre.people import access as people
from havre.people.models import Person
from havre.reading.kinds import HEAD_BYTES, TAIL_BYTES, sniff
from havre.reading.kinds import Kind as FileKind
from havre.vault import access, files, tasks
from havre.vault.models import Document, Part, Version


class RefusedFile(Exception):
    """A file that cannot be taken; `code` is empty | unknown | too_big."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def kind_of(arrival: Arrival) -> FileKind:
    """What a file is, by its content alone; raises RefusedFile."""
    if arrival.size == 0:
        raise RefusedFile("empty")
    kind = sniff(*arrival.ends(HEAD_BYTES, TAIL_BYTES))
    if kind is None:
        raise RefusedFile("unknown")
    return kind


def add_document(person: Person, arrival: Arrival, *, by: User, kind: str, title: str = "") -> Document:
    """Seal a file as a new paper of the shared part. It survives a power cut from now on; its pages come after."""
    if not access.can_add(by, person):
        raise PermissionDenied
    file_kind = kind_of(arrival)
    try:
        document = _sealed(person, arrival, file_kind, by, kind, title)
    except epochs.Stale:  # another paper of this person was erased meanwhile
        document = _sealed(person, arrival, file_kind, by, kind, title)
    arrival.discard()
    return document


def _sealed(
    person: Person, arrival: Arrival, file_kind: FileKind, by: User, kind: str, title: str
) -> Document:
    dek, wrapped = sealing.keeper().seal_key(person.pk, Part.SHARED)
    document = Document(id=arrival.id, person=person, created_by=by.pk)  # one arrival makes one paper at most
    version = Version(
        document=document,
        wrapped_key=wrapped,
        media_type=file_kind.media_type,
        size=arrival.size,
        created_by=by.pk,
    )
    try:
        files.write(version, "original", dek, arrival.chunks())
        _save(document, version, by, kind, title)
    except BaseException:
        blobs.delete(version.blob)
        raise
    return document


@transaction.atomic
def _save(document: Document, version: Version, by: User, kind: str, title: str) -> None:
    epochs.must_be_current(document.person_id, bytes(version.wrapped_key))
    sealing.seal(document, by=by.actor, kind=kind, title=title)
    document.save(force_insert=True)
    version.save()
    structure = people.consented_structures(by, document.person, *seats.WHO_BRING_PAPERS)[0]
    audit.record(
        "vault.document.added", by=by.pk, structure=structure, person=document.person_id, on=document
    )
    identity = str(version.pk)
    transaction.on_commit(lambda: tasks.enqueue(identity), robust=True)


def erase_document(document: Document, *, by: User) -> None:
    """Erase a paper for good: when this returns, an old row put back opens nothing, and its files are gone."""
    # who may bring a paper may take it away, at the person's word
    if not access.can_add(by, document.person):
        raise PermissionDenied
    versions = Version.objects.filter(document=document)
    gone = list(versions.values_list("blob", flat=True))

    def remove() -> None:
        structure = people.consented_structures(by, document.person, *seats.WHO_BRING_PAPERS)[0]
        audit.record(
            "vault.document.erased", by=by.pk, structure=structure, person=document.person_id, on=document
        )
        inbox.done("vault.document.unreadable", object_id=document.pk, by=by.pk)
        Document.objects.filter(pk=document.pk).delete()

    epochs.leave_behind(document.person_id, lambda: versions, remove)
    for blob in gone:
        blobs.delete(blob)


def note_look(document: Document, *, by: User) -> None:
    """Write in the journal that somebody saw a paper (its page, or a picture of it); once in ten minutes."""
    structure = _structure(document, by)
    audit.record_look(
        "vault.document.seen", by=by.pk, structure=structure, person=document.person_id, on=document
    )


def note(act: str, document: Document, *, by: User) -> None:
    """Write in the journal that somebody printed or downloaded a paper."""
    audit.record(act, by=by.pk, structure=_structure(document, by), person=document.person_id, on=document)


def _structure(document: Document, by: User) -> UUID | None:
    """The structure for which a user looks: one that the person named."""
    structures = people.consented_structures(by, document.person, *seats.WITH_PAPERS)
    return structures[0] if structures else None
