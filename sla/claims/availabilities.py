"""Find printed availabilities: percentages, nines in words, ratios."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from sla.claims.model import AvailabilityLevel
from sla.claims.number_format import decimal
from sla.claims.number_words import LANGUAGES, NINES, NUMBER_WORDS, alternatives, spelled_percentages, spelled_value
from sla.claims.other_figures import NOT_AVAILABILITY_AFTER, NOT_AVAILABILITY_BEFORE
from sla.claims.vocabulary import AVAILABILITY, THRESHOLD
from sla.objective import Objective

_RE = re.IGNORECASE
_NUMBER = r"\d{1,3}(?:[.,]\d+)?"
_SIGN = r"(?:\\?\s?[%％﹪٪]|\s?(?:percent|per cent|pct|prozent|pour cent|por ciento)\b)"
_PERCENT = re.compile(rf"(?<![\d.,·$€£p])(?P<number>\d{{2,3}}(?:[.,]\d+)?){_SIGN}", _RE)
_ANY_PERCENT = re.compile(rf"{_NUMBER}\s*(?:[%％﹪٪‰]|{_SIGN})", _RE)
_NAMES = {value: word for word, value in LANGUAGES["en"].items() if value < 10}
_COUNTS = [word for words in LANGUAGES.values() for word, value in words.items() if 1 < value < 10] + ["one"]
_NINES = re.compile(
    rf"(?<![^\W_])(?P<count>{alternatives(_COUNTS)}|[1-9])(?P<half> and a half|\.5|½)?[\s-]+"
    rf"(?:{NINES})(?![A-Za-zÀ-ÖØ-öø-ɏ])",
    _RE,
)
_SPELLED = re.compile(rf"(?<![A-Za-zÀ-ÖØ-öø-ɏ])(?:{spelled_percentages()})(?![A-Za-zÀ-ÖØ-öø-ɏ])", _RE)
_RATIO = re.compile(r"(?<![\d.,])0?\.9\d{1,9}(?![\d%]|\.\d)")
_BARE = re.compile(r"\s*[≥>~=]*\s*(?P<number>\d{1,3}(?:[.,]\d+)?|0?\.\d+)\s*")
_SHARE = re.compile(rf"\s*[≤<~=]*\s*(?P<number>{_NUMBER})\s*(?P<percent>[%％﹪٪]?)\s*")

# Matches the second figure of "99-99.9 %", "99 or 99.9 %" (first figure without a sign) and "95 % to 99 %" (a range).
_OTHER_END = re.compile(
    rf"(?<![\d.,])(?P<number>{_NUMBER})\s*(?:[-–—/~,]|to|and|or|bis|und|oder|à|a|et|ou|y|o|hasta|through)\s*$", _RE
)
_FROM = re.compile(
    rf"(?<![\d.,])(?P<number>{_NUMBER}){_SIGN}(?:\W+)?(?:[-–—~]|\b(?:to|bis|à|a|al|hasta|through|up to)\b)\W*$", _RE
)
_BETWEEN = re.compile(
    rf"\b(?:between|zwischen|entre)\s(?:\w+\s)?(?P<number>{_NUMBER})(?:{_SIGN})?\s*(?:and|und|et|y)\s(?:\w+\s)?$", _RE
)
_NEAR = 40  # characters
_MIN_RATIO = Fraction(1, 2)


def find_levels(text: str) -> list[AvailabilityLevel]:
    """Return the availabilities in a text in order. A ratio such as 0.999 needs a word for availability near it."""
    levels = [level for match in _PERCENT.finditer(text) if (level := _percent(text, match))]
    levels += [_nines(match) for match in _NINES.finditer(text)]
    levels += [AvailabilityLevel(spelled_value(m[0]) / 100, *m.span(), m[0]) for m in _SPELLED.finditer(text)]
    levels += [_ratio(m) for m in _RATIO.finditer(text) if AVAILABILITY.search(_around(text, m))]
    return _with_other_ends(sorted(levels, key=lambda level: level.start))


def other_percentages(text: str) -> list[int]:
    """Return the offsets of other percentages: 0.1 %, a credit of 10 %, 100 %, CPU at 95 %."""
    levels = find_levels(text)
    starts = [match.start() for match in _ANY_PERCENT.finditer(text)]
    return [at for at in starts if not any(level.start <= at < level.end for level in levels)]


def bare_level(text: str) -> AvailabilityLevel | None:
    """Return the availability in a cell of an availability column: `99.9`, `0.999`, `99,9 %`, `three nines`.

    Returns None for a range (`99-99.9 %`) or a threshold (`< 99 %`).
    """
    levels = find_levels(text)
    if levels:
        single = len({level.ratio for level in levels}) == 1 and not any(x.other_end or x.is_threshold for x in levels)
        return levels[0] if single else None
    match = _BARE.fullmatch(text)
    if match is None:
        return None
    value, ulp = decimal(match["number"].replace(",", "."))
    scale = 1 if value < 1 else 100
    ratio = value / scale
    return (
        AvailabilityLevel(ratio, *match.span(), match[0].strip(), ulp / scale / 2) if _MIN_RATIO <= ratio < 1 else None
    )


def complement(text: str, *, percent: bool) -> AvailabilityLevel | None:
    """Return the availability of a cell that states an unavailability: 99.9 % for `0.1 %`.

    `percent`: the column's header has a percent sign. Returns None if neither header nor cell has one, because the
    number may be a ratio.
    """
    match = _SHARE.fullmatch(text)
    if match is None or not (percent or match["percent"]):
        return None
    value, ulp = decimal(match["number"].replace(",", "."))
    unavailability = value / 100
    return (
        AvailabilityLevel(1 - unavailability, *match.span(), text.strip(), ulp / 200)
        if 0 < unavailability <= _MIN_RATIO
        else None
    )


def _around(text: str, match: re.Match[str]) -> str:
    return text[max(0, match.start() - _NEAR) : match.end() + _NEAR]


def _percent(text: str, match: re.Match[str]) -> AvailabilityLevel | None:
    value, ulp = decimal(match["number"].replace(",", "."))
    ratio = value / 100
    if not _MIN_RATIO <= ratio < 1 or NOT_AVAILABILITY_AFTER.match(text[match.end() : match.end() + _NEAR]):
        return None
    before = text[max(0, match.start() - _NEAR) : match.start()]
    if NOT_AVAILABILITY_BEFORE.search(before):
        return None
    level = AvailabilityLevel(ratio, *match.span(), match[0], ulp / 200, is_threshold=bool(THRESHOLD.search(before)))
    other_end = _OTHER_END.search(before) or _FROM.search(before) or _BETWEEN.search(before)
    return replace(level, other_end=_share(other_end["number"])) if other_end else level


def _share(number: str) -> Fraction | None:
    """Return a percentage as a ratio if it may be an availability."""
    ratio = decimal(number.replace(",", "."))[0] / 100
    return ratio if _MIN_RATIO <= ratio <= 1 else None


def _with_other_ends(levels: list[AvailabilityLevel]) -> list[AvailabilityLevel]:
    """Return the levels with `other_end` set at both ends of a range."""
    ends = {level.other_end: level for level in levels if level.other_end}
    return [
        replace(level, other_end=end.ratio) if not level.other_end and (end := _end_of(level, ends)) else level
        for level in levels
    ]


def _end_of(level: AvailabilityLevel, ends: dict[Fraction, AvailabilityLevel]) -> AvailabilityLevel | None:
    end = ends.get(level.ratio)
    return end if end and 0 <= end.start - level.end <= _NEAR else None


def _nines(match: re.Match[str]) -> AvailabilityLevel:
    count = int(NUMBER_WORDS.get(match["count"].lower()) or match["count"])
    half = " and a half" if match["half"] else ""
    return AvailabilityLevel(Objective.parse(f"{_NAMES[count]}{half} nines").ratio, *match.span(), match[0])


def _ratio(match: re.Match[str]) -> AvailabilityLevel:
    value, ulp = decimal(match[0])
    return AvailabilityLevel(value, *match.span(), match[0], ulp / 2)
