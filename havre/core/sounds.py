"""Names as they sound, whatever the hand, the office or the alphabet that wrote them.

A name gives *facts*, short texts that are only ever compared once blinded (`people/names.py`): each word whole, its
beginnings of 2 to 6 letters, and its sounds. Two spellings of a name share a sound; two names should not.

A sound is coarse on purpose: the consonants, and the class of the vowels that spellings keep (the first one, and those
of the last syllable). What may be read in two ways (`kh`, a mute ending, the `e` of a transliterated name, the
unwritten vowels of Arabic) gives several sounds. Why not a library: docs/decisions/0013-sounds-of-names.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

RULES = 1  # raise it when a name gives other facts than before: the tokens made before are then made again
SHORTEST, LONGEST = 2, 6  # letters of a beginning
MOST = 16  # sounds of a word; names have three, and what has more is no name

# letters that Unicode does not decompose, those that Persian and Arabic keyboards write differently, apostrophes that
# count as letters
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
    | {"ی": "ي", "ک": "ك", "ـ": ""}
    | dict.fromkeys("ʹʺʻʼʽʾʿˈ", " ")
)
_LINK = re.compile("d|l|de|du|des|da|do|la|le|les|el|al|ul|oul|ed|ad|m|mr|mme|monsieur|madame")


def fold(text: str) -> str:
    """Letters as they are compared: no case, no accents, no signs."""
    spread = unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))
    kept = "".join(sign if sign.isalnum() else " " for sign in spread if not unicodedata.combining(sign))
    return " ".join(kept.split())


# --- what a name gives, and what a search asks ---


@dataclass(frozen=True)
class Asked:
    """One word of a search: how it is written (alone, then in one with its neighbours: `N’Diaye`), and its facts.

    The facts are those of names that have it whole, that begin so (beyond 6 letters, `answer` alone is sure), that
    sound so.
    """

    written: tuple[str, ...]
    begun: frozenset[str]
    sounds: frozenset[str]

    @property
    def whole(self) -> set[str]:
        return {f"={word}" for word in self.written}

    @property
    def alike(self) -> set[str]:
        return {f"~{sound}" for sound in self.sounds}

    @property
    def facts(self) -> set[str]:
        return self.whole | self.begun | self.alike

    def answer(self, name: str) -> int:
        """How well a name answers: 3 as written, 2 as it begins, 1 by sound, 0 not at all."""
        words = spellings(name)
        folded = {fold(word) for word in words}
        if not folded.isdisjoint(self.written):
            return 3
        if any(word.startswith(self.written) for word in folded):
            return 2
        return int(any(not self.sounds.isdisjoint(sounds(word)) for word in words))


def facts(name: str) -> set[str]:
    """All that a name is found by."""
    words = spellings(name)
    folded = [fold(word) for word in words]
    begun = {word[:end] for word in folded for end in range(SHORTEST, min(len(word), LONGEST) + 1)}
    alike = {sound for word in words for sound in sounds(word)}
    return (
        {f"={word}" for word in folded} | {f"<{start}" for start in begun} | {f"~{sound}" for sound in alike}
    )


def asked(text: str) -> list[Asked]:
    """The words that a name must answer, each one; articles and titles count only where there is nothing else."""
    words = _words(text)
    told = [place for place, word in enumerate(words) if not _LINK.fullmatch(fold(word))] or range(len(words))
    return [_asked(words, place) for place in told]


def _asked(words: list[str], place: int) -> Asked:
    runs = [(place, place + 1), *(run for run in _runs(words) if place in range(*run))]
    written = {run: "".join(words[slice(*run)]) for run in runs}
    folded = {run: fold(word) for run, word in written.items()}
    # six letters of a run that another word begins may be those of this other word alone, and then say nothing
    telling = [folded[run] for run in runs if run[0] == place or len(fold(words[run[0]])) < LONGEST]
    return Asked(
        tuple(folded.values()),
        frozenset(f"<{word[:LONGEST]}" for word in telling if len(word) >= SHORTEST),
        frozenset(sound for word in written.values() for sound in sounds(word)),
    )


def spellings(name: str) -> list[str]:
    """The words of a name, and those that others would write as one (`Le Goff`, `Nour-ed-Dine`)."""
    words = _words(name)
    return words + ["".join(words[slice(*run)]) for run in _runs(words)]


def _words(text: str) -> list[str]:
    """Words with their accents, without their signs; each folds to one word."""
    plain = text.casefold().translate(_PLAIN)
    composed = unicodedata.normalize("NFC", unicodedata.normalize("NFKD", plain))
    letters = (sign if sign.isalnum() or unicodedata.combining(sign) else " " for sign in composed)
    return [word for word in "".join(letters).split() if fold(word)]


def _runs(words: list[str]) -> Iterator[tuple[int, int]]:
    """Where neighbours may be written as one: two by two, and three when an article stands between two words."""
    for start in range(len(words) - 1):
        yield start, start + 2
        if start + 2 < len(words) and _LINK.fullmatch(fold(words[start + 1])):
            yield start, start + 3


# --- the sounds of a word ---

# spellings that no rule brings together, by their folded form
_SAME = {
    "muhammad": "mhamed mahamat mahamad mahamed mohd mehmed",
    "youssef": "yusuf yousouf yussuf joussouf",
    "ousmane": "othmane othman osmane uthman عثمان",
    "khadija": "hadidja hadija kadidja kadija",
    "fatima": "fatma فاطمه",
    "souleymane": "slimane sliman",
    "mariam": "myriam miriam مريم",
    "zahra": "zohra",
    "ibrahim": "brahim braheem",
    "ismail": "smail smain",
    "hussein": "hussain hossain",
    "amadou": "ahmadou",
    "diallo": "jallow jalloh",
    "ndiaye": "njie njai njaay",
}
_ONE_OF = {spelling: one for one, others in _SAME.items() for spelling in others.split()}


def sounds(word: str) -> frozenset[str]:
    """How one word of a name may sound; nothing for a single letter or a number.

    A script that is not read here sounds as it is written.
    """
    folded = fold(word)
    if len(folded) < SHORTEST or not folded.isalpha():
        return frozenset()
    word = _ONE_OF.get(folded, word)
    heard = _from_arabic(word) if re.search("[؀-ۿ]", word) else _from_latin(_from_cyrillic(word))
    return frozenset(sorted({key for phonemes in heard for key in _keys(phonemes)})[:MOST])


# Phonemes: consonants in capitals (X as in Cheikh, Y and V before a vowel, Ŋ at the end of Jeanne, Ñ of Jean),
# vowels small (é is surely heard, e may be a or i, ? is not written).
_VOWELS = "aeéiou?"

type _Rules = list[tuple[re.Pattern[str], list[str]]]


def _rules(*rules: tuple[str, ...]) -> _Rules:
    """Each rule is a pattern, then one way to write what it finds, or several."""
    return [(re.compile(pattern), ways) for pattern, *ways in rules]


_LATIN = _rules(
    # how French and its neighbours write one consonant
    (r"^franco(?=i)", "franso"),
    (r"bapt", "bat"),
    (r"ph", "f"),
    (r"(?:ou|[aeou])llah$|(?:ou|u)lla$", "ulla"),
    (r"tch|tsh|sch|sh", "X"),
    (r"^ch(?=[lr])|ch(?=ael|ail)|(?<=za)ch|kh$", "K"),
    (r"ch", "X"),
    (r"kh", "K", "h"),
    (r"gu(?=[eiyé])|gh", "G"),
    (r"ge(?=[aou])", "J"),
    (r"g(?=[eiyé])", "J", "G"),
    (r"d[jJ]", "J"),
    (r"sc(?=[eiyé])|c(?=[eiyé])", "S"),
    (r"c?qu|ck|cq", "K"),
    (r"bv", "v"),
    (r"gn(?=[aeiouyé])", "ny"),
    (r"(?<=[rgdbt])h", ""),
    (r"(?<=[aeiouyé])[sz]e(s?)$", r"Ze\1"),
    # endings that are mute or not
    (r"(?<=[aeo]u)x$|(?<=oi)x$", ""),
    (r"(?:(?<=jea)nn|(?<=ie)nn|(?<=o)nn?|(?<=ti)n)e$", "Ŋ", "né"),
    (r"(?:(?<=j)|(?<=J))ean$", "Ñ"),
    (r"ain$", "Ñ"),
    (r"au(l?[dt])$", r"au\1", "o"),
    (r"(?<=[nr])[dt]$|(?<=[iou])t$", r"\g<0>", ""),
    (r"et$", "et", "é"),
    (r"[iy]er$", r"\g<0>", "ié"),
    (r"(?<=[aeiou])s$", "S", ""),
    (r"z$", "S", "Z"),
    (r"[ae][iy]e$", "é"),
    (r"[eé]e$|(?<=[ao])e$", "é"),
    (r"(?<=[iuy])e$", ""),
    (r"(?<=[^aeiouyé])e$", "", "é"),
    # vowels of two or three letters, and those that are half consonants
    (r"^h", "h", ""),
    (r"h$", ""),
    (r"^j(?!ea|Ñ)", "J", "Y"),
    (r"(?:(?<=j)|(?<=J))e(?=[ao])", ""),
    (r"eau|au|eu", "o"),
    (r"o[iy](?![aeouyé])", "Va", "oi"),
    (r"aou(?![aeiouyé])", "u", "aVu"),
    (r"(?:ou|u)(?=[aeioyé])|w(?=[aeiouyé])", "V"),
    (r"ou|oo|w", "u"),
    (r"[iy]+(?=[aeoué])|^y(?=i)|(?<=[aeou])y(?=i)", "Y"),
    (r"[ae][iy]$", "é"),
    (r"[ae][iy]|a?ee|y|ii", "i"),
    # one sign for each consonant
    (r"^z", "Z"),
    (r"x", "KS"),
    (r"[sz]", "S"),
    (r"[ckq]", "K"),
)

# short vowels are not written, and a long one may be half a consonant
_ARABIC = _rules(
    (r"الله", "uLa"),
    (r"^ال(?=..)", "", "?ل"),
    (r"^و|و(?=[اويةى])|ؤ", "V"),
    (r"^ي|ي(?=[اوةىه])", "Y"),
    (r"^إ", "i"),
    (r"^آ", "a"),
    (r"^[اأع](?=[وايى])", ""),
    (r"^[اأع]", "?"),
    (r"(?<=[اى])ه$", ""),
    (r"[اأآىة]|ه$", "a"),
    (r"[ءع]", ""),
    (r"و", "u"),
    (r"[يئ]", "i"),
    (r"خ", "K", "H"),
    (r"ح$", "H", "a"),
    (r"ث", "T", "S"),
    (r"^[زظ]", "Z"),
)
_ARABIC_LETTERS = str.maketrans("بپتجچحدذرزژسشصضطظغفقكگلمنهڤ", "BPTJXHDDRSJSXSDTSGFKKGLMNHV")
_CYRILLIC_LETTERS = str.maketrans(
    dict(zip("абвгґдезиіїйклмнопрстфыэјљњѓќ", "abvggdeziiiyklmnoprstfyeylngk", strict=True))
    | {"ё": "io", "ж": "j", "х": "kh", "ц": "ts", "ч": "ch", "ш": "ch", "щ": "ch", "ь": "", "ъ": ""}
    | {"є": "ie", "ю": "iou", "я": "ia", "ђ": "dj", "ћ": "ch", "џ": "dj", "у": "ou"}
)


def _spread(word: str, rules: _Rules) -> set[str]:
    """What rules make of a word, each in turn; a rule with two ways doubles what it touches."""
    forms = {word}
    for pattern, ways in rules:
        forms = {pattern.sub(way, form) for form in forms for way in ways}
    return forms


def _from_latin(word: str) -> Iterable[str]:
    bare = "".join("é" if sign == "é" else "ss" if sign == "ç" else fold(sign) for sign in word)
    return (re.sub(r"(.)\1+", r"\1", _capitals(form)) for form in _spread(bare, _LATIN))


def _capitals(phonemes: str) -> str:
    return "".join(sign if sign in _VOWELS else sign.upper() for sign in phonemes)


def _from_cyrillic(word: str) -> str:
    """In Latin letters, as French would; another script as it is. The Ukrainian г is an h."""
    if re.search("[іїєґ]", word):
        word = word.replace("г", "h")
    return word.translate(_CYRILLIC_LETTERS)


def _from_arabic(word: str) -> Iterable[str]:
    letters = "".join(sign for sign in word if not unicodedata.combining(sign))
    for form in _spread(letters, _ARABIC):
        phonemes = re.sub(r"(.)\1+", r"\1", form.translate(_ARABIC_LETTERS))
        yield re.sub(rf"(?<=[^{_VOWELS}])(?=[^{_VOWELS}])", "?", phonemes)


# Classes: A, I and U are what spellings keep of a vowel inside a word; at its end it is heard better.
_HEARD = {"": "-", "a": "A", "e": "AI", "é": "AI", "i": "I", "o": "U", "u": "U", "?": "AI"}
_HEARD_FIRST = _HEARD | {"?": "AIU"}
_HEARD_INITIAL = _HEARD_FIRST | {"e": "I", "é": "I"}
_HEARD_LAST = {"a": "A", "e": "E", "é": "E", "i": "I", "o": "O", "u": "U", "?": "A"}


def _keys(phonemes: str) -> Iterator[str]:
    """The consonants, the classes of the first vowel and of the one before the last consonant or at it, the end.

    One key for each way to read what is ambiguous.
    """
    consonants = "".join(sign for sign in phonemes if sign not in _VOWELS)
    vowels = [sign for sign in phonemes if sign in _VOWELS]
    end = _HEARD_LAST[vowels.pop()] if phonemes[-1:] in _VOWELS and vowels else ""
    begins = bool(vowels) and phonemes[0] in _VOWELS
    first = (_HEARD_INITIAL if begins else _HEARD_FIRST)[vowels[0] if vowels else ""]
    if len(vowels) < 2:
        pairs = [one * 2 for one in first]
    else:
        pairs = [one + other for one in first for other in _HEARD[vowels[-1]]]
    return (f"{'.' * begins}{consonants} {pair} {end}" for pair in pairs)
