"""What is typed to sign in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.utils.translation import gettext_lazy as _


class SignInForm(forms.Form):
    """An e-mail address and a password."""

    email = forms.CharField(
        label=_("Adresse e-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "dir": "ltr", "inputmode": "email"}),
    )
    password = forms.CharField(
        label=_("Mot de passe"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "dir": "ltr"}),
    )


class CodeForm(forms.Form):
    """Six digits from the user's code generator, with or without spaces, in any script's digits."""

    code = forms.CharField(
        label=_("Code à 6 chiffres"),
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "dir": "ltr", "class": "code"}
        ),
    )


class PasswordForm(forms.Form):
    """A name and a first password, for someone who was invited."""

    name = forms.CharField(label=_("Votre nom"), max_length=100, help_text=_("Les personnes le verront."))
    password = forms.CharField(
        label=_("Choisissez un mot de passe"),
        help_text=_("12 caractères ou plus. Quatre mots sans lien, par exemple."),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "dir": "ltr"}, render_value=True),
    )

    def clean_password(self) -> Any:
        password = self.cleaned_data["password"]
        password_validation.validate_password(password)
        return password
