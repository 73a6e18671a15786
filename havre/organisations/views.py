"""A structure as its manager sees it, and the invitation that someone new receives."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from havre.accounts import actions as accounts
from havre.accounts import drafts
from havre.accounts.forms import PasswordForm
from havre.accounts.middleware import to_sign_in
from havre.accounts.models import User
from havre.core.http import open_to_all
from havre.organisations import actions, queries
from havre.organisations.doors import ProRequest, professionals
from havre.organisations.forms import InvitationForm
from havre.organisations.models import Invitation, Membership, Role, Structure


def _managed(request: ProRequest) -> Structure:
    managed = request.seat.structures(Role.MANAGER)
    if not managed:
        raise Http404
    return Structure.objects.get(pk=managed[0])


@professionals
@require_http_methods(["GET", "HEAD", "POST"])
def structure(request: ProRequest) -> HttpResponse:
    """The team: who has a seat, and a form to invite one more."""
    managed = _managed(request)
    form = InvitationForm(request.POST or drafts.kept(request))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and queries.is_member(managed, form.cleaned_data["email"]):
            form.add_error("email", _("Cette personne est déjà dans l’équipe."))
        if form.is_valid():
            _invitation, link = actions.invite(managed, by=request.user, **form.cleaned_data)
            # Not a redirect: the link is a secret that is kept nowhere, so this page is the only one to show it.
            return render(request, "organisations/invited.html", {"link": link, **form.cleaned_data})
    team = queries.team_of(managed, by=request.user.actor)
    context = {"structure": managed, "team": team, "form": form}
    return render(request, "organisations/structure.html", context, status=status)


@professionals
@require_POST
def membership_end(request: ProRequest, id: UUID) -> HttpResponse:
    """End a member's seat."""
    membership = get_object_or_404(Membership.objects.live(), pk=id, structure=_managed(request))
    if membership.user_id == request.user.pk:
        raise Http404
    actions.end_membership(membership, by=request.user)
    messages.success(request, _("Cette personne n’a plus accès à votre structure."))
    return redirect("structure")


@open_to_all
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponseBase:
    """Someone new takes a seat: a name, a password; the code generator comes next."""
    invitation = actions.open_invitation(token)
    if invitation is None:
        return render(request, "organisations/invitation_over.html", status=404)
    if actions.invited_user(invitation) is not None:
        return _for_an_account(request, invitation)
    form = PasswordForm(request.POST or None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            user = actions.accept(
                invitation, name=form.cleaned_data["name"], password=form.cleaned_data["password"]
            )
            if user is None:
                return render(request, "organisations/invitation_over.html", status=404)
            accounts.start_half(request, user)
            return redirect("sign-in-code")
        status = 422
    return render(
        request,
        "organisations/invitation.html",
        {"form": form, "structure": invitation.structure},
        status=status,
    )


def _for_an_account(request: HttpRequest, invitation: Invitation) -> HttpResponseBase:
    """The address has an account: its owner signs in, then takes the seat in one tap."""
    user = request.user
    if not isinstance(user, User):
        return to_sign_in(request)
    if request.method == "POST" and actions.accept_as(invitation, by=user):
        return redirect("pro")
    template = "organisations/invitation_join.html"
    if actions.invited_user(invitation) != user:
        template = "organisations/invitation_over.html"
    status = 200 if template.endswith("join.html") else 404
    return render(request, template, {"structure": invitation.structure}, status=status)
