"""Bringing a paper in: sealed first, read after."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction

from havre.accounts.models import User
from havre.audit import actions as audit
from havre.core import blobs, sealing
from havre.core.arrivals import Arrival
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
    arrival.discard()
    return document


@transaction.atomic
def _save(document: Document, version: Version, by: User, kind: str, title: str) -> None:
    sealing.seal(document, by=by.actor, kind=kind, title=title)
    document.save(force_insert=True)
    version.save()
    structure = people.consented_structures(by, document.person, *seats.WHO_BRING_PAPERS)[0]
    audit.record(
        "vault.document.added", by=by.pk, structure=structure, person=document.person_id, on=document
    )
    identity = str(version.pk)
    transaction.on_commit(lambda: tasks.enqueue(identity), robust=True)


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
