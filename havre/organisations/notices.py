"""The messages of this app."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext_lazy as _

from havre.outbox import notices


def _invitation_open(id: UUID) -> bool:
    from django.utils import timezone

    from havre.organisations.models import Invitation

    return Invitation.objects.filter(pk=id, accepted_at=None, expires_at__gt=timezone.now()).exists()


INVITATION = notices.Notice(
    key="organisations.invitation",
    title=_("Havre : une place dans votre équipe"),
    body=_(
        "Bonjour,\n\n%(structure)s vous invite à travailler avec Havre.\n"
        "Ouvrez cette adresse dans les 7 jours :\n\n%(link)s\n\n"
        "Vous n’attendiez pas ce message ? Ne faites rien."
    ),
    still_true=_invitation_open,
)


def register() -> None:
    notices.register(INVITATION)
