"""How far each language is read by a speaker, counted in the catalogues."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from havre.ui import languages

CATALOGUE = """\
# A header, whose empty msgid is not a text.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"

#: somewhere.html:1
msgid "Aide"
msgstr "Help"

# drafted
msgid "Langues"
msgstr ""
"Lang"
"uages"

#, fuzzy
msgid "Mentions"
msgstr "Mention"

msgid "Encore"
msgstr ""

# drafted
msgid "%(n)d jour"
msgid_plural "%(n)d jours"
msgstr[0] "%(n)d day"
msgstr[1] "%(n)d days"

msgid "%(n)d mois"
msgid_plural "%(n)d mois"
msgstr[0] "%(n)d month"
msgstr[1] ""

#~ msgid "Vieux"
#~ msgstr "Old"
"""


@pytest.fixture
def catalogues(tmp_path: Path, settings: Settings) -> Path:
    folder = tmp_path / "en" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").write_text(CATALOGUE, "utf-8")
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGES = [("fr", "Français"), ("en", "English"), ("ar", "العربية")]
    languages.counts.cache_clear()
    return folder


def test_drafts_and_read_texts_are_counted_apart(catalogues: Path) -> None:
    french, english, arabic = languages.counts()
    assert french.source
    assert (english.reviewed, english.drafted, english.missing, english.total) == (1, 3, 2, 6)
    assert arabic.total == 0
    languages.counts.cache_clear()
