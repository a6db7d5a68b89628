"""Number words of English, German, French and Spanish in durations and nines. Data only."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ONES = {
    "en": "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen",
    "de": "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn"
    " achtzehn neunzehn",
    "fr": "un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit"
    " dix-neuf",
    "es": "uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete"
    " dieciocho diecinueve",
}
_TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "fr": "vingt trente quarante cinquante soixante soixante-dix quatre-vingt quatre-vingt-dix",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
}
_COMPOUND = {
    "en": ("{ten}-{one}", "{ten} {one}"),
    "de": ("{one}und{ten}",),
    "fr": ("{ten}-{one}", "{ten} et {one}", "{ten}-et-{one}"),
    "es": ("{ten} y {one}", "veinti{one}"),
}
_IRREGULAR = {"einund": "einsund", "veintidós": "veintidos", "veintitrés": "veintitres", "veintiséis": "veintiseis"}
_ARTICLES = ("a", "an", "ein", "eine", "einer", "einem", "einen", "un", "une", "una")
_HALVES = ("half an", "half a", "eine halbe", "einer halben", "une demi", "media")


def _below_hundred(language: str) -> dict[str, int]:
    """Return the spellings of 1 to 99. French adds 1 to 19 to 60 and 80."""
    ones = _ONES[language].split()
    tens = {10 * value: word for value, word in enumerate(_TENS[language].split(), 2)}
    values = {word: value for value, word in enumerate(ones, 1)} | {word: value for value, word in tens.items()}
    for value, ten in tens.items():
        teens = language == "fr" and value in {60, 80}
        for one, word in enumerate(ones[: 19 if teens else 9], 1):
            for form in _COMPOUND[language]:
                values.setdefault(form.format(ten=ten, one=word), value + one)
    for spelling, regular in _IRREGULAR.items():
        values |= {word.replace(regular, spelling): value for word, value in values.items() if regular in word}
    return values


LANGUAGES = {language: _below_hundred(language) for language in _ONES}
"""Language -> spelling -> value, for 1 to 99."""

NUMBER_WORDS: dict[str, Fraction] = {
    **{word: Fraction(value) for words in LANGUAGES.values() for word, value in words.items()},
    **dict.fromkeys(_ARTICLES, Fraction(1)),
    **dict.fromkeys(_HALVES, Fraction(1, 2)),
}
"""Spelling in lower case -> value. An article has the value 1."""

NINES = "nines?|9['’]?s|neunen?|neufs?|nueves"
"""Pattern of the word for nines after their count."""

_DECIMAL_POINT = {"en": "point", "de": "komma", "fr": "virgule", "es": "coma"}
_CENT = {"en": "percent|per cent", "de": "prozent", "fr": "pour cent", "es": "por ciento"}


def alternatives(words: Iterable[str]) -> str:
    """Return a pattern for these words, longest first, so that `six` does not match the start of `sixty`."""
    return "|".join(sorted(words, key=lambda word: (-len(word), word)))


def spelled_percentages() -> str:
    """Return a pattern for percentages in words: `ninety-nine point nine percent`."""
    return "|".join(
        rf"(?:{alternatives(w for w, v in words.items() if v >= 90)})"
        rf"(?:\s+{_DECIMAL_POINT[name]}(?:\s+(?:{alternatives(w for w, v in words.items() if v < 10)}))+)?"
        rf"\s+(?:{_CENT[name]})"
        for name, words in LANGUAGES.items()
    )


def spelled_value(text: str) -> Fraction:
    """Return the percentage in words: 99.95 for `ninety-nine point nine five percent`."""
    head, _, tail = next(
        parts
        for point in _DECIMAL_POINT.values()
        if (parts := text.lower().partition(f" {point} "))[1] or point == "coma"
    )
    digits = [value for word in tail.split() if (value := NUMBER_WORDS.get(word))]
    integer = max(value for word, value in NUMBER_WORDS.items() if head.startswith(word))
    return integer + sum((digit / 10**place for place, digit in enumerate(digits, 1)), Fraction(0))
