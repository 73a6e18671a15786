"""People: the list, a record, an accord given on the screen, who looked."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.db.models import Case, IntegerField, Q, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from havre.accounts import drafts
from havre.accounts.models import User
from havre.accounts.views import keeper_sentence, wait_sentence
from havre.core import ids, limits, pdf, sealing
from havre.core.http import open_to_all
from havre.core.ids import is_uuid
from havre.core.keeper_client import KeeperAbsent
from havre.organisations import access as seats
from havre.organisations.doors import ProRequest, professionals
from havre.organisations.models import Structure
from havre.people import access, actions, births, erasures, queries, recent, sections, signatures, terms
from havre.people.forms import REFERENCE_UNKNOWN, AccordForm, ErasureForm, PersonForm, SignatureForm
from havre.people.models import Consent, Erasure, Person
from havre.ui.languages import drafted

READ = ["GET", "HEAD"]
READ_AND_POST = ["GET", "HEAD", "POST"]
FEW_STRUCTURES = 20
SHOWN_UNTIL = "people.accord.until"
RECEIPT = Path(__file__).parent / "typst" / "receipt.typ"


def _person(request: ProRequest, id: UUID) -> Person:
    person = get_object_or_404(Person.objects.visible_to(request.user), pk=id)
    sealing.unseal([person], "name", "birth", "language", by=request.user.actor, purpose="record")
    return person


def _with_records(request: ProRequest) -> list[UUID]:
    structures: list[UUID] = request.seat.structures(*seats.WITH_RECORDS)
    if not structures:
        raise Http404
    return structures


@professionals
@require_http_methods(READ)
def people(request: ProRequest) -> HttpResponse:
    """The people whom the user's structures accompany, or who named them; search by beginnings and sounds."""
    _with_records(request)
    words = request.GET.get("q", "")
    page = _page_number(request.GET.get("page", ""))
    found = queries.search(request.user, words, page=page)
    if found.sure and not request.htmx and len(found.people) == 1 and not found.more:
        return redirect("person", id=found.people[0].pk)
    context = {
        "found": found,
        "q": words,
        "page_number": page,
        "can_open_record": bool(request.seat.structures(*seats.WHO_WRITE)),
    }
    template = "people/_found.html" if request.htmx else "people/people.html"
    return render(request, template, context)


def _page_number(text: str) -> int:
    """The page asked for, from 1 to 999; anything else is the first."""
    return max(1, int(text)) if text.isdecimal() and len(text) <= 3 else 1


@professionals
@require_http_methods(READ_AND_POST)
def person_new(request: ProRequest) -> HttpResponse:
    """Open a record."""
    writable = request.seat.structures(*seats.WHO_WRITE)
    if not writable:
        raise Http404
    form = PersonForm(request.POST or drafts.kept(request))
    status = 200
    if request.method == "POST":
        person, status = _opened_record(form, request.user, writable[0])
        if person is not None:
            messages.success(request, _("Le dossier est ouvert."))
            return redirect("person", id=person.pk)
    return render(request, "people/person_new.html", {"form": form}, status=status)


def _opened_record(form: PersonForm, user: User, structure: UUID) -> tuple[Person | None, int]:
    """The new record, or None and the status of the form shown again."""
    if not form.is_valid():
        return None, 422
    try:
        return actions.open_record(by=user, structure=structure, **form.cleaned_data), 200
    except KeeperAbsent:
        form.add_error(None, keeper_sentence())
        return None, 503


@professionals
@require_http_methods(READ)
def person(request: ProRequest, id: UUID) -> HttpResponse:
    """A person's page: who they are here, their documents, their accords."""
    person = _person(request, id)
    user = request.user
    actions.note_seen(person, by=user, structure=access.seat_for(user, person))
    recent.note(request, person.pk)
    consents = queries.consents(person, user)
    now = timezone.now()
    context = {
        "person": person,
        "spoken": dict(settings.LANGUAGES).get(person.language, ""),
        "birth": births.shown(person.birth),
        "sections": sections.of(request, person),
        "live": [consent for consent in consents if _is_live(consent, now)],
        "over": [consent for consent in consents if not _is_live(consent, now)],
        "can_collect": access.can_collect_consent(user, person),
    }
    return render(request, "people/person.html", context)


def _is_live(consent: Consent, now: datetime) -> bool:
    return not hasattr(consent, "withdrawal") and consent.until > now


@professionals
@require_http_methods(READ)
def journal(request: ProRequest, id: UUID) -> HttpResponse:
    """Who looked, and who did what."""
    person = _person(request, id)
    actions.note_seen(person, by=request.user, structure=access.seat_for(request.user, person))
    lines = queries.journal(person, request.user)
    return render(request, "people/journal.html", {"person": person, "lines": lines})


def _to_name(request: ProRequest, person: Person) -> Any:
    """The structures that an accord may name now."""
    allowed = access.nameable(request.user, person)
    structures = Structure.objects.filter(closed_at=None)
    return structures if allowed is None else structures.filter(pk__in=allowed)


def _shown(structures: Any, mine: list[UUID], sent: QueryDict | None) -> tuple[Any, bool]:
    """Those to tick on the page, the user's own first: all when they are few, else the ones chosen and looked for."""
    own_first = Case(When(pk__in=mine, then=0), default=1, output_field=IntegerField())
    ordered = structures.annotate(rank=own_first).order_by("rank", "name", "id")
    if structures.count() <= FEW_STRUCTURES:
        return ordered, False
    chosen = [value for value in (sent.getlist("structures") if sent else []) if is_uuid(value)]
    words = (sent.get("q") or "").strip() if sent else ""
    wanted = Q(pk__in=[*mine, *chosen])
    if words:
        near = structures.filter(Q(name__icontains=words) | Q(commune__icontains=words))
        wanted |= Q(pk__in=list(near.values_list("pk", flat=True)[:FEW_STRUCTURES]))
    return ordered.filter(wanted), True


@professionals
@require_http_methods(READ_AND_POST)
def consent_new(request: ProRequest, id: UUID) -> HttpResponse:
    """Prepare an accord: whom, how long, which language. The person reads and signs on the next page."""
    person = _person(request, id)
    user = request.user
    if not access.can_collect_consent(user, person):
        raise Http404
    nameable = _to_name(request, person)
    if not nameable.exists():
        return render(request, "people/consent_elsewhere.html", {"person": person})
    mine = request.seat.structures(*seats.WHO_BRING_PAPERS)
    sent = request.POST or drafts.kept(request)
    shown, searchable = _shown(nameable, mine, sent)
    initial = {"structures": mine, "language": person.language}
    form = AccordForm(sent, structures=shown, initial=initial)
    status = 200
    if request.method == "POST" and "find" not in request.POST:
        if form.is_valid():
            return HttpResponseRedirect(f"{reverse('consent-sign', args=[person.pk])}?{_carried(form)}")
        status = 422
    context = {
        "person": person,
        "form": form,
        "searchable": searchable,
        "renewal": not access.vault_is_empty(person),
    }
    return render(request, "people/consent_new.html", context, status=status)


def _carried(form: AccordForm) -> str:
    data = form.cleaned_data
    chosen = [("structures", str(structure.pk)) for structure in data["structures"]]
    chosen += [("duration", data["duration"]), ("language", data["language"])]
    return urlencode(chosen + ([("with_interpreter", "on")] if data["with_interpreter"] else []))


@professionals
@require_http_methods(READ_AND_POST)
def consent_sign(request: ProRequest, id: UUID) -> HttpResponse:
    """The accord as the person reads it, in their language, and their signature."""
    person = _person(request, id)
    user = request.user
    if not access.can_collect_consent(user, person):
        raise Http404
    accord = AccordForm(request.GET, structures=_to_name(request, person))
    if not accord.is_valid():
        return redirect("consent-new", id=person.pk)
    form = SignatureForm(request.POST or drafts.kept(request))
    until = _shown_until(request, accord)
    if request.method == "POST" and form.is_valid():
        try:
            consent = actions.give_consent(person, _given(accord, form, until), by=user)
        except actions.CannotName:  # a first paper came in meanwhile
            return redirect("consent-new", id=person.pk)
        return redirect("consent-thanks", id=consent.pk)
    status = 422 if request.method == "POST" else 200
    data = accord.cleaned_data
    words = terms.words(data["language"], structures=[s.name for s in data["structures"]], until=until)
    with translation.override(data["language"]):
        context = {
            "person": person,
            "form": form,
            "terms": words,
            "in_languages": _in_languages(request),
            "drafted": drafted(words.language),
            "until": signing.dumps(until.isoformat(), salt=SHOWN_UNTIL),
        }
        return render(request, "people/consent_sign.html", context, status=status)


@professionals
@require_http_methods(READ)
def consent_thanks(request: ProRequest, id: UUID) -> HttpResponse:
    """After yes, in the person's language: thank you, and give the screen back."""
    consent = _consent(request, id)
    spoken = "fr" if isinstance(consent.terms, sealing.Unreadable) else json.loads(consent.terms)["language"]
    return _handed_back(request, spoken, agreed=True, onward=reverse("consent", args=[consent.pk]))


@professionals
@require_http_methods(READ)
def consent_declined(request: ProRequest, id: UUID) -> HttpResponse:
    """After no: nothing is recorded, nothing changes."""
    person = _person(request, id)
    if not access.can_collect_consent(request.user, person):
        raise Http404
    spoken = request.GET.get("language", "")
    onward = reverse("person", args=[person.pk])
    return _handed_back(
        request, spoken if spoken in dict(settings.LANGUAGES) else "fr", agreed=False, onward=onward
    )


def _handed_back(request: ProRequest, language: str, *, agreed: bool, onward: str) -> HttpResponse:
    sealing.unseal([request.user], "name", by=request.user.actor, purpose="own-account")
    with translation.override(language):
        return render(request, "people/handed_back.html", {"agreed": agreed, "onward": onward})


def _in_languages(request: ProRequest) -> list[tuple[str, str, str]]:
    """The same accord in each language: (code, own name, address)."""
    query = request.GET.copy()
    links = []
    for code, name in settings.LANGUAGES:
        query["language"] = code
        links.append((code, name, f"?{query.urlencode()}"))
    return links


def _shown_until(request: ProRequest, accord: AccordForm) -> datetime:
    """The end that the person was shown, if that was less than two hours ago; else it is counted from now."""
    with suppress(signing.BadSignature, ValueError):
        shown = signing.loads(request.POST.get("until", ""), salt=SHOWN_UNTIL, max_age=timedelta(hours=2))
        return datetime.fromisoformat(shown)
    return terms.ends(accord.cleaned_data["duration"])


def _given(accord: AccordForm, form: SignatureForm, until: datetime) -> actions.Given:
    data = accord.cleaned_data
    return actions.Given(
        structures=list(data["structures"]),
        until=until,
        language=data["language"],
        with_interpreter=data["with_interpreter"],
        means=form.cleaned_data["means"],
        signature=form.cleaned_data["signature"],
    )


def _consent(request: ProRequest, id: UUID) -> Consent:
    rows = Consent.objects.visible_to(request.user).select_related("withdrawal", "person", "collected_at")
    consent = get_object_or_404(rows, pk=id)
    sealing.unseal([consent], "terms", "signature", by=request.user.actor, purpose="accord")
    sealing.unseal([consent.person], "name", by=request.user.actor, purpose="accord")
    actions.note_consent_seen(
        consent, by=request.user, structure=access.seat_for(request.user, consent.person)
    )
    return consent


def _named(consent: Consent) -> list[str]:
    return [party.structure.name for party in consent.named.select_related("structure")]


def _signed(consent: Consent) -> dict[str, str]:
    """How the signature is drawn: an SVG path, or the written name."""
    if consent.means == "signature" and not isinstance(consent.signature, sealing.Unreadable):
        return {"path": signatures.path(signatures.strokes(consent.signature))}
    return {"written": consent.signature}


@professionals
@require_http_methods(READ)
def consent(request: ProRequest, id: UUID) -> HttpResponse:
    """One accord: what was signed, until when, how to end it, its receipt."""
    consent = _consent(request, id)
    user = request.user
    context = {
        "consent": consent,
        "person": consent.person,
        "named": _named(consent),
        "signature": _signed(consent),
        "live": _is_live(consent, timezone.now()),
        "can_withdraw": access.can_withdraw(user, consent),
    }
    return render(request, "people/consent.html", context)


@professionals
@require_http_methods(READ)
def consent_receipt(request: ProRequest, id: UUID) -> HttpResponse:
    """The receipt as a PDF, in the person's language beside French."""
    consent = _consent(request, id)
    if isinstance(consent.terms, sealing.Unreadable):
        messages.error(
            request, _("Le texte signé ne peut plus être ouvert. Prévenez la personne qui gère Havre.")
        )
        return redirect("consent", id=consent.pk)
    data = json.loads(consent.terms)
    spoken = [data["language"]] if data["language"] == "fr" else [data["language"], "fr"]
    french = terms.words("fr", structures=data["structures"], until=consent.until).as_json()
    texts = [data if code == data["language"] else french for code in spoken]
    made = {
        "texts": [text | terms.proof(consent, text["language"]) for text in texts],
        "receipt": consent.receipt,
        **_signed(consent),
    }
    response = HttpResponse(pdf.typeset(RECEIPT, made), content_type="application/pdf")
    response["Content-Disposition"] = 'inline; filename="accord.pdf"'
    return response


@professionals
@require_POST
def consent_end(request: ProRequest, id: UUID) -> HttpResponse:
    """End an accord, at the person's word."""
    consent = get_object_or_404(Consent.objects.visible_to(request.user), pk=id)
    if not access.can_withdraw(request.user, consent):
        raise Http404
    actions.withdraw(consent, by=request.user)
    messages.success(request, _("L’accord est fini. Plus personne ne voit les documents par cet accord."))
    visible = Person.objects.visible_to(request.user).filter(pk=consent.person_id).exists()
    return redirect("person", id=consent.person_id) if visible else redirect("people")


@open_to_all
@require_http_methods(READ_AND_POST)
def erasure(request: HttpRequest) -> HttpResponse:
    """Anyone who holds the reference of an erasure reads its two dates, and nothing else."""
    form = ErasureForm(request.POST or None)
    found = _erasure(form) if request.method == "POST" else None
    context = {"form": form, "told": _told(found) if found else None}
    status = 422 if request.method == "POST" and found is None else 200
    return render(request, "people/erasure.html", context, status=status)


def _told(erasure: Erasure) -> dict[str, str]:
    return {
        "number": ids.spelled(erasure.number),
        "since": erasures.since(erasure),
        "copies": erasures.copies(erasure),
    }


def _erasure(form: ErasureForm) -> Erasure | None:
    """The erasure of a reference; one allowance for the whole house, so that nobody can try them all."""
    if not form.is_valid():
        return None
    wait = limits.take("erasure", capacity=60, per=timedelta(minutes=1))
    if wait is not None:
        form.add_error(None, wait_sentence(wait))
        return None
    found = Erasure.objects.filter(number=form.cleaned_data["reference"]).first()
    if found is None:
        form.add_error("reference", REFERENCE_UNKNOWN)
    return found
