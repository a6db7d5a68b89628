"""Find printed durations, with all possible interpretations and the number of significant digits."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from sla.claims.model import Interpretation, PrintedDuration, Qualifier
from sla.claims.number_format import GROUP_DOT, GROUP_SPACE, decimal
from sla.claims.number_words import NUMBER_WORDS, alternatives
from sla.claims.vocabulary import ABOUT, ABOVE, BELOW, HOUR, MINUTE, UNITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_GROUPS = rf"[\u00a0\u202f\u2009’'{GROUP_DOT}{GROUP_SPACE}]"
_GROUPED = rf"\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d{{1,3}}(?:{_GROUPS}\d{{3}})+(?:[.,]\d+)?"
_NUMBER = rf"{_GROUPED}|\d+(?:[.,]\d+)?|[.]\d+"
_UNIT = "|".join(f"(?P<{name}>{spelling})" for name, (_, spelling) in UNITS.items())


def _part_pattern(words: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for a number, in digits or one of these words, followed by a unit."""
    word = rf"(?<![A-Za-zÀ-ÖØ-öø-ɏ])(?<![A-Za-zÀ-ÖØ-öø-ɏ]-)(?:{alternatives(words)})(?=[\s-])"
    return re.compile(
        rf"(?P<number>{_NUMBER}|{word})(?:\s*(?:[-–]|(?:to|bis|à|a)\b)\s*(?P<upper>{_NUMBER}))?[\s-]{{0,2}}(?:{_UNIT})"
        r"(?![A-Za-zÀ-ÖØ-öø-ɏ²³%])\.?",
        re.IGNORECASE,
    )


# Matching hundreds of number words is slow: it is skipped for a text without the first word of any of them.
_FIRST_WORDS = frozenset(re.split(r"[\s-]", word)[0] for word, value in NUMBER_WORDS.items() if value > 1)
_PART = _part_pattern(word for word, value in NUMBER_WORDS.items() if value <= 1)
_WORDED_PART = _part_pattern(NUMBER_WORDS)
_CLOCK = re.compile(r"(?<![\d:.])(?P<h>\d{1,3}):(?P<m>[0-5]\d):(?P<s>[0-5]\d(?:\.\d+)?)(?![\d:])")
_SHORT_CLOCK = re.compile(
    r"(?<![\d:.])(?P<large>\d{1,3}):(?P<small>[0-5]\d)(?![\d:])\s*(?P<unit>h|hrs?|hours?|std|min|minutes?)(?![A-Za-zÀ-ÖØ-öø-ɏ])",
    re.IGNORECASE,
)
_UNITS = "|".join(spelling for _, spelling in UNITS.values())
_FRENCH_CLOCK = re.compile(
    r"(?<![\d:.,])(?P<large>\d{1,3})\s?(?P<unit>h)\s?(?P<small>[0-5]\d)(?!\d|[:.,]\d|\s?[-–]\s?\d|\s?%)"
    rf"(?!\s?(?:{_UNITS})(?![A-Za-zÀ-ÖØ-öø-ɏ]))",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"\s*(?:,?\s*(?:and|und|et|y|&)\s+|,\s*|\s*)", re.IGNORECASE)
_OTHER_FIGURE_PREFIX = re.compile(r"[$€£¥]\s*$|\d:$")
_COUNT_OF_NINES = re.compile(r"(?:\d|one|two|three|four|five|six|seven|eight|nine|half)[\s-]+$", re.IGNORECASE)

_MAX_CONTEXT = 40  # characters before a duration
_COUNT_PER_LARGER_UNIT = {"milliseconds": 1000, "seconds": 60, "minutes": 60, "hours": 24, "days": 7}

_NOT_A_UNIT = re.compile(
    r"(?:\b(?:per|each|every|a|pro|par|por)\s+|/\s*)(?:[A-Za-z]+)|\d+(?:\.\d+)?[\s-]*(?:days?|d|hours?|h|weeks?)\b"
    r"|(?<![(\[A-Za-z])\b(?:hour|day|week|tag|woche|jour|semaine|d[ií]a|semana)\b|天|周",
    re.IGNORECASE,
)


def find_durations(text: str) -> list[PrintedDuration]:
    """Return the durations in a text in order. Adjacent numbers with ever smaller units are one: `8 h 45 m 57 s`."""
    durations = [_clock(m) for m in _CLOCK.finditer(text)] + [_short_clock(m) for m in _SHORT_CLOCK.finditer(text)]
    durations += [_short_clock(m) for m in _FRENCH_CLOCK.finditer(text)]
    clock_spans = [(a.start, a.end) for a in durations]
    part_groups = [
        parts
        for parts in _adjacent_parts(text)
        if not any(start <= parts[0].start() < end for start, end in clock_spans)
    ]
    durations += [_duration(text, parts) for parts in part_groups if not _is_other_figure(text, parts)]
    return sorted(durations, key=lambda duration: duration.start)


def bare_duration(text: str, unit: str) -> PrintedDuration | None:
    """Return the duration in a cell that is only a number, possibly after `<` or `~`, in the header's `unit`."""
    match = re.fullmatch(rf"\W*?(?P<number>{_NUMBER})\W*", text)
    if match is None:
        return None
    interpretations, digits = _interpretations(match["number"], UNITS[unit][0])
    start, end = match.span("number")
    return PrintedDuration(interpretations, start, end, match["number"], unit, digits, _qualifier(text[:start]))


def unit_in_label(text: str) -> str | None:
    """Return the unit in a column's header: `Downtime (min)`, `Hours per year`, `in Minuten`.

    Nouns after `per`, lengths such as `30 days`, and single nouns (`Day`) are periods, not units.
    """
    rest = _NOT_A_UNIT.sub(" ", text)
    for name, (_, spelling) in UNITS.items():
        if re.search(rf"(?<![A-Za-zÀ-ÖØ-öø-ɏ])(?:{spelling})(?![A-Za-zÀ-ÖØ-öø-ɏ])", rest, re.IGNORECASE):
            return name
    return None


def _adjacent_parts(text: str) -> Iterator[list[re.Match[str]]]:
    parts: list[re.Match[str]] = []
    words = re.findall(r"[^\W\d_]+", text.lower())
    for match in (_PART if _FIRST_WORDS.isdisjoint(words) else _WORDED_PART).finditer(text):
        if parts and not _belongs_to_same_duration(text, parts[-1], match):
            yield parts
            parts = []
        parts.append(match)
    if parts:
        yield parts


def _belongs_to_same_duration(text: str, previous: re.Match[str], match: re.Match[str]) -> bool:
    separator = _SEPARATOR.fullmatch(text[previous.end() : match.start()])
    return (
        bool(separator)
        and _number(previous["number"]).denominator == 1
        and not re.search(r"[.,]\d{1,2}$", previous["number"])
        and UNITS[_unit(match)][0] < UNITS[_unit(previous)][0]
        and not match["upper"]
    )


def _unit(match: re.Match[str]) -> str:
    return next(name for name in UNITS if match[name])


def _duration(text: str, parts: list[re.Match[str]]) -> PrintedDuration:
    last = parts[-1]
    start, end = parts[0].start(), last.end()
    larger_units = sum((_number(m["number"]) * UNITS[_unit(m)][0] for m in parts[:-1]), Fraction(0))
    interpretations, digits = _interpretations(last["number"], UNITS[_unit(last)][0], exact_zero=len(parts) > 1)
    if last["upper"]:
        interpretations = tuple(
            _range_interpretation(low, high)
            for low, high in zip(
                interpretations, _interpretations(last["upper"], UNITS[_unit(last)][0])[0], strict=False
            )
        )
    shifted = tuple(
        Interpretation(r.seconds + larger_units, r.low + larger_units, r.high + larger_units) for r in interpretations
    )
    limit = _COUNT_PER_LARGER_UNIT.get(_unit(last), 0)
    smaller = _number(last["number"])
    overflow = smaller if len(parts) == 2 and limit and smaller >= limit else None
    digits = digits if len(parts) == 1 else max(3, digits)
    unit = _unit(last) if len(parts) == 1 else None
    return PrintedDuration(
        shifted, start, end, text[start:end].rstrip(), unit, digits, _qualifier(text[:start]), overflow
    )


def _number(text: str) -> Fraction:
    value = NUMBER_WORDS.get(text.lower())
    return decimal(text)[0] if value is None else value


def _range_interpretation(low: Interpretation, high: Interpretation) -> Interpretation:
    return Interpretation((low.seconds + high.seconds) / 2, min(low.low, high.low), max(low.high, high.high))


def _clock(match: re.Match[str]) -> PrintedDuration:
    seconds, ulp = decimal(match["s"])
    value = int(match["h"]) * HOUR + int(match["m"]) * MINUTE + seconds
    return PrintedDuration(
        (Interpretation(value, value - ulp / 2, value + ulp),), match.start(), match.end(), match[0], None, 4
    )


def _is_other_figure(text: str, parts: list[re.Match[str]]) -> bool:
    """Return whether the match is an amount of money, the end of a time of day, or the 9s of "four 9s"."""
    before = text[max(0, parts[0].start() - _MAX_CONTEXT) : parts[0].start()]
    return bool(_OTHER_FIGURE_PREFIX.search(before) or (parts[0][0] == "9s" and _COUNT_OF_NINES.search(before)))


def _short_clock(match: re.Match[str]) -> PrintedDuration:
    """Return the duration of `8:46 h` or `8 h 46` (hours and minutes) or `52:36 min` (minutes and seconds)."""
    large, small = (HOUR, MINUTE) if match["unit"].lower()[0] in "hs" else (MINUTE, Fraction(1))
    value = int(match["large"]) * large + int(match["small"]) * small
    return PrintedDuration((Interpretation(value, value - small / 2, value + small),), *match.span(), match[0], None, 3)


def _interpretations(text: str, unit: Fraction, *, exact_zero: bool = False) -> tuple[tuple[Interpretation, ...], int]:
    """Return the interpretations of a number in a unit, and its count of significant digits.

    An integer with trailing zeros ("500 minutes") may be rounded: its range is widened by up to 15 % on both sides.
    """
    if (value := NUMBER_WORDS.get(text.lower())) is not None:
        half = Fraction(1, 2)
        high = value + (1 if value > 1 else half)  # "an hour" does not mean an hour and a half
        return (Interpretation(value, value - half, high).scaled(unit),), 1 if value < 13 else 2
    interpretations = []
    for value, ulp in _values(text):
        zeros = len(text) - len(text.rstrip("0")) if ulp == 1 and value and not exact_zero else 0
        width = min(Fraction(10**zeros), value * Fraction(3, 10)) if zeros else ulp
        interpretations.append(
            Interpretation(value, value - width / 2, value + (width if not zeros else width / 2)).scaled(unit)
        )
    plain = re.sub(r"\D", "", text).lstrip("0")
    return tuple(interpretations), len(plain if re.search(r"[.,]", text) else plain.rstrip("0"))


def _values(text: str) -> list[tuple[Fraction, Fraction]]:
    """Return (value, unit of the last place) per reading: `5,256` is read as 5256 and as 5.256."""
    first = decimal(text)
    if re.fullmatch(rf"\d{{1,3}}[,{GROUP_DOT}]\d{{3}}", text):
        return [first, (Fraction(re.sub(r"\D", ".", text)), Fraction(1, 1000))]
    return [first]


def _qualifier(text: str) -> Qualifier:
    before = text[-_MAX_CONTEXT:]
    if BELOW.search(before):
        return Qualifier.BELOW
    if ABOVE.search(before):
        return Qualifier.ABOVE
    return Qualifier.ABOUT if ABOUT.search(before) else Qualifier.EXACT
