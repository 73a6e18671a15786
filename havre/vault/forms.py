"""What is typed and sent with a paper."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from havre.core.arrivals import Arrival, SealedUpload, claimed
from havre.vault import actions, kinds

ACCEPTED = "image/jpeg,image/png,image/webp,application/pdf"


def _refusal(code: str) -> str:
    return {
        "empty": gettext("Ce fichier est vide. Choisissez-en un autre."),
        "too_big": gettext("Ce fichier est trop gros. La limite est de %(limit)d Mo.")
        % {"limit": settings.UPLOAD_BYTES // 1_000_000},
        "full": gettext("Il n’y a plus de place sur le disque. Prévenez la personne qui gère Havre."),
        "unknown": gettext("Ce fichier n’est ni une photo ni un PDF. Prenez le papier en photo."),
    }[code]


class PaperField(forms.FileField):
    """A file that arrived sealed; its content is looked at, never its name."""

    def to_python(self, data: Any) -> Any:
        if data in self.empty_values:
            return None
        if not isinstance(data, SealedUpload):
            raise ValidationError(_refusal("unknown"), code="unknown")
        if data.lost:
            raise ValidationError(_refusal("full"), code="full")
        if data.too_big:
            raise ValidationError(_refusal("too_big"), code="too_big")
        return data


class DocumentForm(forms.Form):
    """A photo or a PDF, what it is, and a title if one is useful."""

    paper = PaperField(
        label=_("Photo ou fichier"),
        help_text=_("Une photo nette du papier entier, ou un PDF."),
        error_messages={"required": _("Prenez une photo, ou choisissez un fichier.")},
        widget=forms.FileInput(attrs={"accept": ACCEPTED}),
    )
    arrival = forms.CharField(required=False, widget=forms.HiddenInput, max_length=200)
    kind = forms.ChoiceField(label=_("Quel document ?"), choices=kinds.choices, required=False)
    title = forms.CharField(
        label=_("Titre"),
        help_text=_("Pour le retrouver. Par exemple : bail rue des Lilas."),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )

    def __init__(self, *args: Any, sender: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._sender = sender
        if self.data.get("arrival"):
            self.fields["paper"].required = False

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        arrival = self._arrival(data)
        if arrival is None:
            if "paper" not in self.errors:
                self.add_error("paper", gettext("Prenez une photo, ou choisissez un fichier."))
            return data
        try:
            actions.kind_of(arrival)
        except actions.RefusedFile as refusal:
            arrival.discard()
            self.add_error("paper", _refusal(refusal.code))
            return data
        return data | {"arrived": arrival}

    def clean_kind(self) -> str:
        """Not to know is an answer; the paper is kept as "other" until somebody says."""
        return self.cleaned_data["kind"] or "other"

    def _arrival(self, data: dict[str, Any]) -> Arrival | None:
        """The file sent now or, when the form comes back, the one that waits sealed."""
        if data.get("paper") is not None:
            return data["paper"].arrival  # type: ignore[no-any-return]
        return claimed(data.get("arrival", ""), owner=self._sender) if data.get("arrival") else None

    def waiting_token(self) -> str:
        """The token of a file that arrived and waits for the rest of the form, or ""."""
        arrived = self.cleaned_data.get("arrived") if self.is_bound and self.errors is not None else None
        return arrived.token() if arrived is not None and arrived.path.exists() else ""
