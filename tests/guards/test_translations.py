"""Each catalogue says the same as the code: complete, nothing guessed, the same places to fill, the right plural forms.

French is the language of the code. The texts are collected again by Django's own `makemessages`, on a copy.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest
from django.conf import settings

PROJECT = Path(__file__).resolve().parents[2]
LOCALE = PROJECT / "locale"
WANTED = {code for code, _name in settings.LANGUAGES} - {settings.LANGUAGE_CODE}
FOUND = {path.parents[1].name for path in LOCALE.glob("*/LC_MESSAGES/django.po")}
LANGUAGES = sorted(WANTED | FOUND)
PLURALS = {"ar": 6, "en": 2, "fr": 2}  # Unicode CLDR, cardinal numbers

PLACE = re.compile(r"%\((\w+)\)[#0 +-]*\d*(?:\.\d+)?[a-z]|%[sdifr]")
BRACE = re.compile(r"\{(\w*)(?:![rsa])?(?::[^{}]*)?\}")
TAG = re.compile(r"</?[a-z][^>]*>", re.IGNORECASE)


def _catalogue(language: str) -> polib.POFile:
    path = LOCALE / language / "LC_MESSAGES" / "django.po"
    if not path.exists():
        pytest.fail(f"{path.relative_to(PROJECT)} is missing: bin/messages makes it, then it is translated")
    return polib.pofile(str(path))


def _name(entry: polib.POEntry) -> str:
    return f"{entry.msgctxt}|{entry.msgid}" if entry.msgctxt else str(entry.msgid)


def _forms(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def _translated(entry: polib.POEntry) -> bool:
    return all(form.strip() for form in _forms(entry)) and "fuzzy" not in entry.flags


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every text that the code marks for translation."""
    folder = tmp_path_factory.mktemp("texts")
    ignored = shutil.ignore_patterns("static", "__pycache__", "migrations")
    for name in ("havre", "demo"):
        shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
    (folder / "locale").mkdir()
    command = "makemessages --locale=xx --no-wrap --no-location --verbosity=0"
    code = (
        "import django; from django.conf import settings; from django.core.management import call_command;"
        "settings.configure(USE_I18N=True, LOCALE_PATHS=['locale']); django.setup();"
        f"call_command(*{command.split()!r})"
    )
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, timeout=120)
    made = polib.pofile(str(folder / "locale" / "xx" / "LC_MESSAGES" / "django.po"))
    return {_name(entry) for entry in made}


def test_the_texts_of_the_code_are_collected(texts: set[str]) -> None:
    assert len(texts) > 200
    assert "Préparer l’accord" in texts  # a template's
    assert "a ouvert le dossier" in texts  # a module's


def test_every_catalogue_is_of_a_language_of_the_house() -> None:
    assert FOUND <= WANTED, "a catalogue that nobody can choose"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(texts: set[str], language: str) -> None:
    done = {_name(entry) for entry in _catalogue(language) if not entry.obsolete and _translated(entry)}
    assert sorted(texts - done) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_kept_that_the_code_no_longer_says(texts: set[str], language: str) -> None:
    assert sorted({_name(entry) for entry in _catalogue(language) if not entry.obsolete} - texts) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_guessed(language: str) -> None:
    catalogue = _catalogue(language)
    assert [_name(entry) for entry in catalogue if "fuzzy" in entry.flags] == []
    assert not catalogue.metadata_is_fuzzy


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_plural_has_all_its_forms(language: str) -> None:
    catalogue = _catalogue(language)
    found = re.match(r"nplurals\s*=\s*(\d+)\s*;", catalogue.metadata.get("Plural-Forms", ""))
    assert found, "the header has no Plural-Forms"
    count = int(found[1])
    assert count == PLURALS.get(language, count)
    wrong = [
        _name(entry)
        for entry in catalogue
        if entry.msgid_plural and not entry.obsolete and sorted(entry.msgstr_plural) != list(range(count))
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_translation_has_the_same_places_to_fill_and_the_same_tags(language: str) -> None:
    assert [
        line for entry in _catalogue(language) if not entry.obsolete for line in _differences(entry)
    ] == []


def _places(text: str, *, braces: bool) -> list[str]:
    found = [one[0] for one in PLACE.finditer(text.replace("%%", ""))]
    return sorted(found + ([one[0] for one in BRACE.finditer(text)] if braces else []))


def _differences(entry: polib.POEntry) -> list[str]:
    """What a translation lacks or adds; the forms of a plural for one or two may leave the number out."""
    braces = "python-brace-format" in entry.flags
    source = entry.msgid_plural or entry.msgid
    wanted, wrong = _places(source, braces=braces), []
    for number, form in enumerate(_forms(entry)):
        if not form:
            continue
        places = _places(form, braces=braces)
        last = number == len(_forms(entry)) - 1
        same = set(places) == set(wanted) if last or not entry.msgid_plural else set(places) <= set(wanted)
        if not same:
            wrong.append(f"{_name(entry)}: {places}, not {wanted}")
        if sorted(TAG.findall(form)) != sorted(TAG.findall(source)):
            wrong.append(f"{_name(entry)}: tags {TAG.findall(form)}, not {TAG.findall(source)}")
    return wrong


@pytest.mark.parametrize(
    ("source", "translation", "wrong"),
    [
        ("Page %(n)s sur %(total)s", "Page %(total)s / %(n)s", False),
        ("Page %(n)s", "Page", True),
        ("Page %(n)s", "Page %(number)s", True),
        ("%s et %d", "%s and %s", True),
        ("<bdi>%(name)s</bdi> a dit oui", "%(name)s said yes", True),
        ("Bonjour", "Hello <script>", True),
        ("100 %% sûr", "100%% sure", False),
    ],
)
def test_a_place_that_differs_is_seen(source: str, translation: str, wrong: bool) -> None:
    assert bool(_differences(polib.POEntry(msgid=source, msgstr=translation))) == wrong


def test_a_plural_may_leave_its_number_out_but_not_in_its_general_form() -> None:
    words = {"msgid": "%(n)d jour", "msgid_plural": "%(n)d jours"}
    assert not _differences(polib.POEntry(msgstr_plural={0: "one day", 1: "%(n)d days"}, **words))
    assert _differences(polib.POEntry(msgstr_plural={0: "%(n)d day", 1: "days"}, **words))
