"""The living grammar: every component in every state, made with the real tags and templates."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from havre.core.http import open_to_all
from havre.ui.forms import DateField
from havre.ui.icons import ICONS
from havre.ui.templatetags.ui import STATUS_ICONS

DIRECTIONS = ("ltr", "rtl")
THEMES = ("light", "dark", "contrast")
COLOURS = (
    ("page", "ink", "14,4"),
    ("card", "ink", "15,2"),
    ("page", "muted", "5,8"),
    ("page", "sea", "7,8"),
    ("sea", "on-sea", "8,2"),
    ("lamp", "on-lamp", "9,1"),
    ("danger", "on-danger", "7,2"),
    ("done-soft", "done", "5,6"),
    ("dusk", "on-dusk", "11,6"),
)
LANGUAGES = (("fr", "Français"), ("ar", "العربية"), ("ti", "ትግርኛ"))


class Sample(forms.Form):
    """One field of each kind."""

    name = forms.CharField(
        label=_("Quel est votre nom ?"),
        help_text=_("Le nom que vous utilisez. Ce n’est pas forcément celui des papiers."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    phone = forms.CharField(
        label=_("Téléphone"),
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )
    note = forms.CharField(
        label=_("Que voulez-vous nous dire ?"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    language = forms.ChoiceField(label=_("Votre langue"), choices=LANGUAGES)
    born = DateField(label=_("Date de naissance"), help_text=_("Par exemple : 27 3 1984."))
    until = forms.ChoiceField(
        label=_("Jusqu’à quand ?"),
        choices=(
            ("month", _("Un mois")),
            ("year", _("Un an")),
            ("leave", _("Jusqu’à mon départ")),
            ("?", _("Je ne sais pas")),
        ),
        widget=forms.RadioSelect,
    )
    kinds = forms.MultipleChoiceField(
        label=_("Quels documents ?"),
        choices=(("id", _("Identité")), ("health", _("Santé")), ("home", _("Logement"))),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    agree = forms.BooleanField(label=_("Je suis d’accord"))
    key = forms.CharField(widget=forms.HiddenInput, required=False)


class Paper(forms.Form):
    """A file to add."""

    file = forms.FileField(
        label=_("Votre document"),
        help_text=_("Une photo ou un PDF."),
        widget=forms.ClearableFileInput(attrs={"accept": "image/*,application/pdf"}),
    )


def _refused() -> Sample:
    form = Sample(
        {"phone": "06 39 98", "language": "fr", "born_0": "31", "born_1": "2", "born_2": "1990"},
        prefix="wrong",
    )
    form.add_error(None, ValidationError(_("Deux réponses ne vont pas ensemble.")))
    return form


@open_to_all
@require_safe
def grammar(request: HttpRequest) -> HttpResponse:
    """`?dir=rtl|ltr` and `?theme=light|dark|contrast` show the same page in each state."""
    seen: dict[str, Any] = {
        "icons": sorted(ICONS),
        "statuses": list(STATUS_ICONS),
        "colours": COLOURS,
        "sample": Sample(initial={"name": "Bruno Lefèvre"}, prefix="idle"),
        "refused": _refused(),
        "paper": Paper(prefix="paper"),
        "directions": DIRECTIONS,
        "themes": THEMES,
    }
    if request.GET.get("dir") in DIRECTIONS:
        seen["dir"] = request.GET["dir"]
    if request.GET.get("theme") in THEMES:
        seen["theme"] = request.GET["theme"]
    return render(request, "ui/grammar.html", seen)
