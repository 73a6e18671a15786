from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from havre.organisations.models import Role


class InvitationForm(forms.Form):
    """An address and a role."""

    email = forms.EmailField(
        label=_("Adresse e-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"dir": "ltr", "autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label=_("Rôle"), choices=Role.choices, initial=Role.PROFESSIONAL, widget=forms.RadioSelect
    )
