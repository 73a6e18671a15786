"""What was typed when a session ended is kept, sealed under its author's key, and shown again after sign-in."""

from __future__ import annotations

import json
from datetime import timedelta

from django.http import HttpRequest, QueryDict
from django.utils import timezone

from havre.accounts.models import Draft, User
from havre.core import sealing
from havre.core.arrivals import SealedUpload

KEPT = timedelta(days=1)
LONGEST_PATH = 200
NEVER_KEPT = {"csrfmiddlewaretoken", "password", "code", "strokes", "written"}


def keep(user: User, request: HttpRequest) -> Draft:
    """Keep a form's fields, and the tokens of its files, for the same page of the same user."""
    fields = {name: request.POST.getlist(name) for name in request.POST if name not in NEVER_KEPT}
    fields["arrival"] = fields.get("arrival", []) + [
        file.arrival.token()
        for _name, files in request.FILES.lists()
        for file in files
        if isinstance(file, SealedUpload) and not (file.too_big or file.lost)
    ]
    Draft.objects.filter(user=user, path=request.path[:LONGEST_PATH]).delete()
    draft = Draft(user=user, path=request.path[:LONGEST_PATH])
    sealing.seal(draft, by=user.actor, fields=json.dumps(fields, ensure_ascii=False))
    draft.save()
    return draft


def kept(request: HttpRequest) -> QueryDict | None:
    """The draft of this page as the form's data, until the form is sent; None when there is none."""
    user = request.user
    if not isinstance(user, User):
        return None
    draft = Draft.objects.filter(user=user, path=request.path[:LONGEST_PATH]).first()
    if draft is None:
        return None
    sealing.unseal([draft], "fields", by=user.actor, purpose="draft")
    data = QueryDict(mutable=True)
    if isinstance(draft.fields, sealing.Unreadable):
        return None
    for name, values in json.loads(draft.fields).items():
        data.setlist(name, values)
    return data


def forget(request: HttpRequest) -> None:
    """The page's form has been sent: its draft has done its work."""
    if request.method == "POST" and isinstance(request.user, User):
        Draft.objects.filter(user=request.user, path=request.path[:LONGEST_PATH]).delete()


def purge() -> int:
    """Remove the drafts that nobody came back for."""
    return Draft.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
