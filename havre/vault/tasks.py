"""What the worker does with papers: the pictures of their pages, made in the cage from the sealed original."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.tasks import task
from django.utils import timezone

from havre.core import queue, sealing
from havre.core.container import ContainerDamaged
from havre.core.keeper_client import KeeperRefused
from havre.inbox import actions as inbox
from havre.organisations import access as seats
from havre.people import access as people
from havre.people.models import Person
from havre.reading.client import open_pages
from havre.reading.kinds import Kind
from havre.reading.readings import ReadingAbsent
from havre.vault import files
from havre.vault.models import Pages, Version

CLAIM = timedelta(seconds=60)
READER_TRIES, READER_PATIENCE = 4, 1.5  # seconds
logger = logging.getLogger(__name__)


def enqueue(version: str) -> None:
    """Ask the worker for the pages of a version."""
    make_pages.enqueue(version)


@task()
def make_pages(version_id: str) -> str:
    """Draw the pages of one version. Safe to run twice, or to be killed: the claim lapses after a minute."""
    if not _claim(UUID(version_id)):
        return "not mine"
    version = Version.objects.select_related("document__person").get(pk=version_id)
    return _draw(version)


def _claim(version_id: UUID) -> bool:
    now = timezone.now()
    free = Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIM)
    return bool(Version.objects.filter(free, pk=version_id, pages=Pages.WAITING).update(claimed_at=now))


def _draw(version: Version) -> str:
    try:
        return _once_the_reader_is_there(version)
    except (ContainerDamaged, FileNotFoundError, KeeperRefused) as fault:
        if isinstance(fault, KeeperRefused) and fault.code not in files.KEY_LOST:
            _release(version)
            raise
        logger.exception("the original of %s cannot be read", version.pk)
        return _finish(version, 0, 0, "broken")


def _once_the_reader_is_there(version: Version) -> str:
    """A reading server that has died is started again within two seconds: ask it a few times before giving up."""
    for _again in range(READER_TRIES - 1):
        with suppress(ReadingAbsent):
            return _drawn(version)
        time.sleep(READER_PATIENCE)
    try:
        return _drawn(version)
    except ReadingAbsent:
        _release(version)
        raise


def _release(version: Version) -> None:
    """What stopped it passes: the clock asks again in a minute."""
    Version.objects.filter(pk=version.pk).update(claimed_at=None)


def _drawn(version: Version) -> str:
    dek = files.open_key(version, by=sealing.worker(), purpose="pages")
    kind = next(kind for kind in Kind if kind.media_type == version.media_type)
    shown = 0
    with open_pages(settings.READING_SOCKET, files.read(version, "original", dek), kind) as stream:
        for page in stream:
            shown += 1
            files.write(version, f"page-{page.number}", dek, iter([page.jpeg]))
            files.write(version, f"thumb-{page.number}", dek, iter([page.thumb]))
    return _finish(version, shown, stream.page_count, stream.problem)


def _finish(version: Version, shown: int, count: int, problem: str | None) -> str:
    state = Pages.READY if shown else Pages.NONE
    Version.objects.filter(pk=version.pk).update(
        pages=state, shown_pages=shown, page_count=count, problem=problem or "", claimed_at=None
    )
    if state == Pages.NONE:
        _ask_again(version)
    return state


def _ask_again(version: Version) -> None:
    """Put on the list of the structures that bring papers that this one has to be photographed again."""
    person: Person = version.document.person
    for structure in people.opened_to(person):
        if seats.holds(version.created_by, structure, *seats.WHO_BRING_PAPERS):
            inbox.ask(
                "vault.document.unreadable",
                structure=structure,
                object_id=version.document_id,
                person=person.pk,
            )


def resume_forgotten() -> int:
    """Ask again for pages that wait although nobody works on them (a worker that was killed); answers how many."""
    now = timezone.now()
    lapsed = Q(claimed_at=None, created_at__lt=now - CLAIM) | Q(claimed_at__lt=now - CLAIM)
    waiting = Version.objects.filter(lapsed, pages=Pages.WAITING).order_by("created_at")
    forgotten = [str(version) for version in waiting.values_list("pk", flat=True)[:50]]
    queued = queue.waiting(make_pages.module_path, forgotten)
    for version in forgotten:
        if version not in queued:
            enqueue(version)
    return len(forgotten)
