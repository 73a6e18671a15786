"""Papers on the screen: bringing one, seeing its pages, printing it, taking the original."""

from __future__ import annotations

import errno
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from havre.accounts import drafts
from havre.accounts.models import User
from havre.accounts.views import keeper_sentence
from havre.core import limits, sealing
from havre.core.http import takes_files
from havre.core.keeper_client import KeeperAbsent
from havre.organisations.doors import ProRequest, professionals
from havre.people import actions as people
from havre.people.models import Person
from havre.vault import access, actions, files, problems, queries
from havre.vault.forms import DocumentForm
from havre.vault.models import Document, Pages, Version

READ = ["GET", "HEAD"]
UPLOADS_AN_HOUR = 60  # a user: enough for a busy morning


@professionals
@takes_files
@require_http_methods(["GET", "HEAD", "POST"])
def document_new(request: ProRequest, id: UUID) -> HttpResponse:
    """Bring a paper for a person: a photo or a file."""
    user = request.user
    person = get_object_or_404(Person.objects.visible_to(user), pk=id)
    if not access.can_add(user, person):
        raise Http404
    sent = request.POST if request.method == "POST" else drafts.kept(request)
    form = DocumentForm(sent, request.FILES or None, sender=user.pk)
    status = 200
    if request.method == "POST":
        document, status = _brought(form, person, user)
        if document is not None:
            messages.success(request, _("Le document est en sécurité."))
            return redirect("document", id=document.pk)
    _name_if_possible(person, user)
    context = {"person": person, "form": form, "waiting": form.waiting_token()}
    return render(request, "vault/document_new.html", context, status=status)


def _name_if_possible(person: Person, user: User) -> None:
    """The form comes back with what was sent even while the keeper is absent."""
    try:
        sealing.unseal([person], "name", by=user.actor, purpose="record")
    except KeeperAbsent:
        sealing.leave_closed([person], "name")


def _brought(form: DocumentForm, person: Person, user: User) -> tuple[Document | None, int]:
    """The document made from a form, or None and the status of the form shown again; the file waits, sealed."""
    if not form.is_valid():
        return None, 422
    data = form.cleaned_data
    try:
        if limits.take(f"upload|{user.pk}", capacity=UPLOADS_AN_HOUR, per=timedelta(hours=1)) is not None:
            form.add_error(None, _("Vous avez ajouté beaucoup de documents. Attendez quelques minutes."))
            return None, 429
        made = actions.add_document(person, data["arrived"], by=user, kind=data["kind"], title=data["title"])
    except (IntegrityError, FileNotFoundError):  # sent twice: the other one has made the paper
        return get_object_or_404(Document.objects.visible_to(user), pk=data["arrived"].id, person=person), 200
    except KeeperAbsent:
        form.add_error(None, keeper_sentence())
    except OperationalError:
        form.add_error(None, _("La base est occupée. Votre fichier est gardé ici. Essayez encore."))
    except OSError as fault:
        if fault.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        form.add_error(None, _("Il n’y a plus de place sur le disque. Prévenez la personne qui gère Havre."))
    else:
        return made, 200
    return None, 503


def _document(request: ProRequest, id: UUID) -> tuple[Document, Version]:
    user = request.user
    document = get_object_or_404(Document.objects.visible_to(user).select_related("person"), pk=id)
    version = queries.latest_versions([document])[document.pk]
    version.document = document
    return document, version


def _opened(request: ProRequest, document: Document) -> None:
    actor = request.user.actor
    sealing.unseal([document], "kind", "title", by=actor, purpose="document")
    sealing.unseal([document.person], "name", by=actor, purpose="document")
    queries.dress(document)


def _context(request: ProRequest, document: Document, version: Version) -> dict[str, Any]:
    try:
        broken, damaged = False, files.damaged_pages(version, by=request.user.actor, purpose="see")
    except files.PaperDamaged:
        broken, damaged = True, []
    return {
        "document": document,
        "version": version,
        "person": document.person,
        "pages": range(1, version.shown_pages + 1),
        "waiting": version.pages == Pages.WAITING and not broken,
        "problem": problems.sentence(version.problem) if version.problem else "",
        "broken": broken,
        "damaged": damaged,
        "none_whole": len(damaged) == version.shown_pages,
    }


@professionals
@require_http_methods(READ)
def document(request: ProRequest, id: UUID) -> HttpResponse:
    """One paper and its pages; while they are being made, the page looks again by itself."""
    document, version = _document(request, id)
    actions.note_look(document, by=request.user)
    if request.htmx:
        if version.pages == Pages.WAITING:
            return HttpResponse(status=204)  # nothing new: the page stays as it is, and asks again
        return render(request, "vault/_pages.html", _context(request, document, version) | {"arrived": True})
    _opened(request, document)
    return render(request, "vault/document.html", _context(request, document, version))


@professionals
@require_http_methods(READ)
def document_print(request: ProRequest, id: UUID) -> HttpResponse:
    """The pages alone, to print."""
    document, version = _document(request, id)
    if version.pages != Pages.READY:
        return redirect("document", id=document.pk)
    _opened(request, document)
    actions.note("vault.document.printed", document, by=request.user)
    return render(request, "vault/document_print.html", _context(request, document, version))


@professionals
@require_http_methods(READ)
def page(request: ProRequest, id: UUID, number: int, size: str) -> HttpResponseBase:
    """The picture of one page (`size` page), or a small one (`size` thumb)."""
    document, version = _document(request, id)
    if not 1 <= number <= version.shown_pages:
        raise Http404
    if size == "page":
        actions.note_look(document, by=request.user)
    else:
        people.note_seen(document.person, by=request.user, structure=None)
    return _streamed(request, version, f"{size}-{number}", "image/jpeg")


@professionals
@require_http_methods(READ)
def original(request: ProRequest, id: UUID) -> HttpResponseBase:
    """The file as it was brought, to keep."""
    document, version = _document(request, id)
    _opened(request, document)
    actions.note("vault.document.downloaded", document, by=request.user)
    response = _streamed(request, version, "original", version.media_type)
    if not response.streaming:
        return response
    ending = version.media_type.rpartition("/")[2].replace("jpeg", "jpg")
    response["Content-Disposition"] = f'attachment; filename="document-{str(document.pk)[-4:]}.{ending}"'
    return response


def _damaged(request: ProRequest, document: Document) -> HttpResponse:
    _opened(request, document)
    person = document.person
    context = {"document": document, "person": person, "can_add": access.can_add(request.user, person)}
    return render(request, "vault/document_damaged.html", context, status=410)


def _streamed(request: ProRequest, version: Version, name: str, media_type: str) -> HttpResponseBase:
    """A file of a paper, read twice: it is whole, or a page says that it is damaged and no byte of it leaves."""
    try:
        chunks = files.whole(version, name, by=request.user.actor, purpose="see")
    except files.PaperDamaged:
        return _damaged(request, version.document)
    response = StreamingHttpResponse(chunks, content_type=media_type)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
