"""What is typed about a person, and what they choose in an accord."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from havre.core import ids
from havre.organisations.models import Structure
from havre.people import births, signatures, terms
from havre.people.models import Means

REFERENCE_UNKNOWN = _("Cette référence n’est pas connue ici. Vérifiez chaque lettre et chaque chiffre.")


class PersonForm(forms.Form):
    """A name as the person says it; the rest may stay unknown."""

    name = forms.CharField(
        label=_("Comment s’appelle la personne ?"),
        help_text=_("Comme elle le dit. Un surnom suffit."),
        max_length=100,
        error_messages={"required": _("Écrivez le nom de la personne, ou un surnom.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    birth = forms.CharField(
        label=_("Date de naissance"),
        help_text=_("Par exemple 27/03/1974, ou 1974 seulement. Laissez vide si elle ne sait pas."),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "text", "dir": "ltr"}),
    )
    language = forms.ChoiceField(
        label=_("Langue de la personne"),
        choices=[*settings.LANGUAGES, ("", _("Je ne sais pas"))],
        required=False,
        widget=forms.RadioSelect,
    )

    def clean_birth(self) -> str:
        try:
            return births.parse(self.cleaned_data["birth"], today=timezone.localdate())
        except births.NotABirth:
            raise forms.ValidationError(
                _("Cette date n’existe pas. Écrivez par exemple 27/03/1974, ou 1974.")
            ) from None


class AccordForm(forms.Form):
    """Which structures, how long, in which language: prepared by the professional with the person."""

    structures = forms.ModelMultipleChoiceField(
        label=_("Quelles structures pourront voir les documents ?"),
        queryset=Structure.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choisissez au moins une structure.")},
    )
    q = forms.CharField(
        label=_("Chercher une autre structure"),
        help_text=_("Par son nom ou sa ville."),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    duration = forms.ChoiceField(
        label=_("Pour combien de temps ?"),
        choices=[(key, label) for key, (_span, label) in terms.DURATIONS.items()],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choisissez une durée avec la personne.")},
    )
    language = forms.ChoiceField(
        label=_("Langue de la personne"),
        choices=settings.LANGUAGES,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choisissez la langue que la personne lit.")},
    )
    with_interpreter = forms.BooleanField(label=_("Avec l’aide d’un interprète"), required=False)

    def __init__(self, *args: Any, structures: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["structures"].queryset = structures  # type: ignore[attr-defined]


class SignatureForm(forms.Form):
    """The person's own hand: strokes on the screen or, without them, their name written."""

    strokes = forms.CharField(required=False, max_length=120_000, widget=forms.HiddenInput)
    written = forms.CharField(
        label=_("Écrivez votre nom ou une croix"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("strokes"):
            try:
                signatures.strokes(data["strokes"])
            except signatures.NotASignature:
                raise forms.ValidationError(
                    _("La signature est trop courte. Signez encore une fois.")
                ) from None
            return data | {"means": Means.SIGNATURE, "signature": data["strokes"]}
        if data.get("written", "").strip():
            return data | {"means": Means.WRITTEN_NAME, "signature": data["written"].strip()}
        raise forms.ValidationError(_("Signez dans le cadre, ou écrivez votre nom."))


class ErasureForm(forms.Form):
    """The reference on a receipt of erasure."""

    reference = forms.CharField(
        label=_("Quelle est votre référence ?"),
        help_text=_("Elle est écrite sur votre reçu : 9 lettres et chiffres, par exemple K7M 2QX 9RD."),
        max_length=40,
        error_messages={"required": _("Écrivez la référence de votre reçu.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "dir": "ltr"}),
    )

    def clean_reference(self) -> str:
        read = ids.read_reference(self.cleaned_data["reference"])
        if read is None:
            raise forms.ValidationError(REFERENCE_UNKNOWN)
        return read
