"""The components that every template may use without loading them (a builtin library).

`{% icon "name" %}`, `{% field form.name %}`, `{% errors form %}`, `{% status "done" text %}`,
`{% empty "inbox" title text href=… action=… %}`, `{% bidi value %}`, `{% arc %}`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django import forms, template
from django.conf import settings
from django.forms.boundfield import BoundField
from django.template.loader import get_template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from havre.ui.icons import ICONS
from havre.ui.languages import drafted

register = template.Library()

BEHIND = {"people": ("/documents/", "/accords/")}  # pages that stand behind a door of another address

STATUS_ICONS = {"done": "check", "wait": "clock", "danger": "warning", "info": "info", "lamp": "warning"}
_FIELD_KINDS = (
    (forms.RadioSelect, "radios"),
    (forms.CheckboxSelectMultiple, "checkboxes"),
    (forms.CheckboxInput, "checkbox"),
    (forms.FileInput, "upload"),
    (forms.MultiWidget, "boxes"),
    (forms.SelectDateWidget, "boxes"),
)


@register.simple_tag
def icon(name: str) -> SafeString:
    """The drawing called `name`, hidden from assistive technology: always beside a word."""
    return ICONS[name]


@register.simple_tag
def bidi(value: object) -> SafeString:
    """A name, number or reference kept apart from the direction of the text around it."""
    return format_html("<bdi>{}</bdi>", value)


@register.simple_tag
def status(kind: str, text: object) -> SafeString:
    """A tag that says a state: `kind` is done, wait, danger, info or lamp (it needs you)."""
    return format_html('<span class="tag tag-{}">{}{}</span>', kind, ICONS[STATUS_ICONS[kind]], text)


@register.simple_tag(takes_context=True)
def door(context: template.Context, view: str, icon: str, text: str) -> SafeString:
    """A link of the main navigation, marked when the page is behind it."""
    href, path = reverse(view), context["request"].path
    behind = (href, *BEHIND.get(view, ())) if view != "pro" else ()
    inside = path == href or path.startswith(behind)
    current = mark_safe(' aria-current="page"') if inside else ""
    return format_html('<a href="{}"{}>{}{}</a>', href, current, ICONS[icon], text)


@register.inclusion_tag("ui/empty.html")
def empty(icon: str, title: object, text: object = "", href: str = "", action: object = "") -> dict[str, Any]:
    """A list with nothing in it: says what to do first."""
    return {"icon_name": icon, "title": title, "text": text, "href": href, "action": action}


@register.inclusion_tag("ui/errors.html")
def errors(form: forms.BaseForm) -> dict[str, Any]:
    """The summary of what is wrong in a form; it takes the focus and links to each field."""
    wrong = [
        {"href": f"#{first_id(bound)}", "text": f"{bound.label} · {text}"}
        for bound in form
        if not bound.is_hidden
        for text in bound.errors
    ]
    hidden = [{"href": "", "text": text} for bound in form if bound.is_hidden for text in bound.errors]
    general = [{"href": "", "text": text} for text in form.non_field_errors()]
    return {"errors": [*general, *hidden, *wrong]}


@register.inclusion_tag("ui/field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """A form's field with its label, hint and error, according to its widget."""
    kind = field_kind(bound)
    return {
        "field": bound,
        "kind": kind,
        "hint_id": f"{bound.auto_id}_helptext",
        "error_id": f"{bound.auto_id}_error",
        "optional": not bound.field.required and kind not in ("checkbox", "hidden"),
    }


def field_kind(bound: BoundField) -> str:
    """How a field is laid out: input, radios, checkboxes, checkbox, upload, boxes or hidden."""
    if bound.is_hidden:
        return "hidden"
    widget = bound.field.widget
    return next((kind for widget_class, kind in _FIELD_KINDS if isinstance(widget, widget_class)), "input")


def first_id(bound: BoundField) -> str:
    """The id of the first control of a field: where a link of the error summary leads."""
    kind = field_kind(bound)
    if kind in ("radios", "checkboxes", "boxes"):
        return f"{bound.auto_id}_{'day' if isinstance(bound.field.widget, forms.SelectDateWidget) else '0'}"
    return bound.auto_id


@register.simple_tag
def fixed(name: str) -> SafeString:
    """A partial that depends on the language alone: rendered once a language, then kept in memory."""
    return _fixed(name, get_language() or settings.LANGUAGE_CODE)


@cache
def _fixed(name: str, language: str) -> SafeString:
    return mark_safe(get_template(name).render({"drafted": drafted(language)}))  # noqa: S308 -- our own template


@register.inclusion_tag("ui/arc.html")
def arc() -> dict[str, Any]:
    """The one ornament: a harbour's arc with its lamp."""
    return {}
