"""Fields that several apps ask in the same way: a date in three boxes, in any human form."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

_BOXES = (("day", _("Jour"), 2), ("month", _("Mois"), 2), ("year", _("Année"), 4))


class DateBoxes(forms.MultiWidget):
    """Day, month, year: three labelled boxes; each is typed, never picked from a calendar."""

    template_name = "ui/date_boxes.html"
    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(
            [forms.TextInput(attrs={"size": size, "inputmode": "numeric"}) for _name, _label, size in _BOXES],
            attrs,
        )

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        for (_name, label, _size), box in zip(_BOXES, context["widget"]["subwidgets"], strict=True):
            box["label"] = label
        return context

    def decompress(self, value: datetime.date | None) -> list[int | None]:
        return [value.day, value.month, value.year] if value else [None, None, None]


class DateField(forms.MultiValueField):
    """A `datetime.date` typed in three boxes."""

    widget = DateBoxes

    def __init__(self, **options: Any) -> None:
        boxes = [forms.CharField(max_length=size + 2) for _name, _label, size in _BOXES]
        options.setdefault("error_messages", {}).setdefault(
            "required", _("Écrivez le jour, le mois et l’année.")
        )
        super().__init__(boxes, require_all_fields=True, **options)

    def compress(self, values: list[str]) -> datetime.date | None:
        if not values:
            return None
        try:
            day, month, year = (int(value) for value in values)
            return datetime.date(year, month, day)
        except ValueError as error:
            raise ValidationError(_("Cette date n’existe pas. Vérifiez le jour et le mois.")) from error
