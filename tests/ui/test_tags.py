"""The components of every page."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.template import engines
from django.test import RequestFactory
from django.utils import translation

from havre.ui.forms import DateField
from havre.ui.icons import ICONS
from havre.ui.templatetags.ui import STATUS_ICONS


def rendered(source: str, **context: Any) -> str:
    with translation.override("fr"):
        return str(engines["django"].from_string(source).render(context, RequestFactory().get("/")))


class Sheet(forms.Form):
    name = forms.CharField(
        label="Nom", help_text="Comme vous voulez.", widget=forms.TextInput({"autocomplete": "name"})
    )
    until = forms.ChoiceField(
        label="Durée", choices=[("a", "Un mois"), ("b", "Un an")], widget=forms.RadioSelect
    )
    kinds = forms.MultipleChoiceField(
        label="Quoi", choices=[("a", "Identité")], widget=forms.CheckboxSelectMultiple, required=False
    )
    agree = forms.BooleanField(label="D’accord")
    born = DateField(label="Naissance")
    paper = forms.FileField(label="Document")
    key = forms.CharField(widget=forms.HiddenInput)


@pytest.mark.parametrize("name", ICONS)
def test_an_icon_is_hidden_from_assistive_technology(name: str) -> None:
    assert 'aria-hidden="true"' in rendered("{% icon name %}", name=name)


def test_an_unknown_icon_is_a_mistake_that_shows() -> None:
    with pytest.raises(KeyError):
        rendered('{% icon "unicorn" %}')


@pytest.mark.parametrize("kind", STATUS_ICONS)
def test_a_status_has_an_icon_and_a_word(kind: str) -> None:
    tag = rendered("{% status kind text %}", kind=kind, text="<En retard>")
    assert f"tag-{kind}" in tag
    assert "<svg" in tag
    assert "&lt;En retard&gt;" in tag


def test_a_name_is_kept_apart_from_the_direction_around_it() -> None:
    assert rendered("{% bidi name %}", name="A & B") == "<bdi>A &amp; B</bdi>"


def test_an_empty_list_says_what_to_do_first() -> None:
    page = rendered('{% empty "inbox" "Rien" "Bientôt." href="/x/" action="Ajouter" %}')
    assert 'class="arc"' in page
    assert '<a class="button" href="/x/">Ajouter</a>' in page
    assert "<a" not in rendered('{% empty "inbox" "Rien" %}')


def test_a_text_field_has_its_label_hint_and_autocomplete() -> None:
    page = rendered("{% field form.name %}", form=Sheet())
    assert '<label for="id_name">Nom' in page
    assert 'id="id_name_helptext"' in page
    assert 'aria-describedby="id_name_helptext"' in page
    assert 'autocomplete="name"' in page
    assert "facultatif" not in page


def test_a_wrong_field_says_so_to_everyone() -> None:
    page = rendered("{% field form.name %}", form=Sheet({}))
    assert 'aria-invalid="true"' in page
    assert 'aria-describedby="id_name_helptext id_name_error"' in page
    assert 'id="id_name_error"' in page


@pytest.mark.parametrize("name", ["until", "kinds", "born"])
def test_several_boxes_share_one_legend(name: str) -> None:
    page = rendered("{% field field %}", field=Sheet()[name])
    assert "<fieldset" in page
    assert "<legend>" in page
    assert page.count("<label") == page.count("<input")


def test_what_is_not_required_is_called_optional() -> None:
    assert "(facultatif)" in rendered("{% field form.kinds %}", form=Sheet())


def test_a_file_field_carries_what_its_script_says() -> None:
    page = rendered("{% field form.paper %}", form=Sheet())
    assert 'type="file"' in page
    for name in (
        "choose",
        "camera",
        "files",
        "progress",
        "failed",
        "retry",
        "network",
        "refused",
        "large",
        "remove",
    ):
        assert f"data-upload-{name}" in page


def test_a_hidden_field_is_only_its_input() -> None:
    assert (
        rendered("{% field form.key %}", form=Sheet()).strip()
        == '<input type="hidden" name="key" id="id_key">'
    )


def test_the_error_summary_links_to_each_control() -> None:
    form = Sheet({})
    page = rendered("{% errors form %}", form=form)
    controls = "".join(rendered("{% field field %}", field=field) for field in form)
    targets = [part.split('"')[0] for part in page.split('href="#')[1:]]
    assert len(targets) == 5
    assert all(f'id="{target}"' in controls for target in targets)
    assert "data-focus" in page


def test_there_is_no_summary_without_errors() -> None:
    assert "notice" not in rendered("{% errors form %}", form=Sheet())


class Birth(forms.Form):
    born = DateField(label="Naissance")


@pytest.mark.parametrize(
    ("boxes", "good"), [(("27", "3", "1984"), True), (("31", "2", "1984"), False), (("1", "1", ""), False)]
)
def test_a_date_is_three_boxes(boxes: tuple[str, ...], good: bool) -> None:
    form = Birth({f"born_{number}": box for number, box in enumerate(boxes)})
    assert form.is_valid() is good
    if good:
        assert form.cleaned_data["born"].isoformat() == "1984-03-27"
