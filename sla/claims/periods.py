"""Find periods in texts, and define the conventional lengths of a year, month and quarter."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from sla.claims.model import Period
from sla.claims.number_words import NUMBER_WORDS, alternatives
from sla.claims.period_words import (
    ADJECTIVES,
    ARTICLES,
    CERTAIN_LEADS,
    COUNTED,
    ELIDED,
    IDEOGRAMS,
    LEADS,
    NOUNS,
    UNKNOWN_PERIOD_LEADS,
)
from sla.claims.vocabulary import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_JULIAN, _GREGORIAN = Fraction("365.25"), Fraction("365.2425")

# The first convention of a period is reported if none fits. 52 weeks, 12 months of 30 days and leap years occur in
# published tables. Years of 8,760, 8,766 and 8,784 hours have 365, 365.25 and 366 days.
CONVENTIONS: dict[str, tuple[tuple[str, Fraction], ...]] = {
    "year": (
        ("365-day year", 365 * DAY),
        ("365.25-day year", _JULIAN * DAY),
        ("365.2425-day year", _GREGORIAN * DAY),
        ("366-day year", 366 * DAY),
        ("360-day year", 360 * DAY),
        ("52-week year", 364 * DAY),
    ),
    "quarter": (
        ("quarter of a 365-day year", Fraction(365, 4) * DAY),
        ("90-day quarter", 90 * DAY),
        ("quarter of a 365.25-day year", _JULIAN / 4 * DAY),
        ("quarter of a 365.2425-day year", _GREGORIAN / 4 * DAY),
        ("91-day quarter", 91 * DAY),
        ("92-day quarter", 92 * DAY),
    ),
    "month": (
        ("30-day month", 30 * DAY),
        ("30.44-day month", _JULIAN / 12 * DAY),
        ("30.42-day month", Fraction(365, 12) * DAY),
        ("month of a 365.2425-day year", _GREGORIAN / 12 * DAY),
        ("31-day month", 31 * DAY),
        ("28-day month", 28 * DAY),
        ("29-day month", 29 * DAY),
        ("30.5-day month", Fraction(61, 2) * DAY),
    ),
    "week": (("week", 7 * DAY),),
    "day": (("day", DAY),),
    "hour": (("hour", HOUR),),
}

PERIODS = {name: Period(name, lengths) for name, lengths in CONVENTIONS.items()}
HALF_YEAR = Period(
    "half-year",
    (
        *((f"half of a {label}", length / 2) for label, length in CONVENTIONS["year"][:4]),
        *((f"{days}-day half-year", days * DAY) for days in (180, 181, 183, 184)),
    ),
)
_NAMED_PERIODS = PERIODS | {HALF_YEAR.name: HALF_YEAR}
_NAME_OF_MULTIPLE = {
    (12, "month"): "year",
    (4, "quarter"): "year",
    (2, "quarter"): "half-year",
    (6, "month"): "half-year",
}
_NAME_OF_MULTIPLE |= {(3, "month"): "quarter"}

_LENGTHS = {"hour": HOUR, "day": DAY, "week": 7 * DAY}
_SMALL_NUMBERS = alternatives(
    word for word, value in NUMBER_WORDS.items() if value.denominator == 1 and 1 < value <= 12
)
_COUNT = rf"\d{{1,3}}(?:[.,]\d{{3}})+|\d+(?:\.\d+)?|{_SMALL_NUMBERS}"


def _counted(suffix: str) -> str:
    units = "|".join(f"(?P<u{suffix}_{name}>{spelling})" for name, spelling in COUNTED.items())
    return rf"(?P<count{suffix}>{_COUNT})[\s-]*(?:{units})(?![A-Za-zÀ-ÖØ-öø-ɏ])"


def _all_languages(words: Mapping[str, Mapping[str, str]], letter: str) -> str:
    """Return a pattern with one named group per period, with the spellings of all languages."""
    names = {name: [table[name] for table in words.values() if name in table] for name in _NAMED_PERIODS}
    return "|".join(f"(?P<{letter}_{name.replace('-', '_')}>{'|'.join(words)})" for name, words in names.items())


_EXPLICIT = _counted("")
_LEAD = rf"(?:(?:{'|'.join(LEADS)})\s+(?:(?:{'|'.join(ARTICLES)})\s+)*|{ELIDED}|/\s*)"
_NOUN = _all_languages(NOUNS, "n")
_ADJECTIVE = _all_languages(ADJECTIVES, "a")
_IDEOGRAM = "|".join(f"(?P<i_{name}>{spelling})" for name, spelling in IDEOGRAMS.items())
_RE = re.IGNORECASE
_END = r"(?![A-Za-zÀ-ÖØ-öø-ɏ])"

_MENTION = re.compile(
    rf"(?:(?<![A-Za-zÀ-ÖØ-öø-ɏ])|(?=/))(?:{_LEAD}{_EXPLICIT}(?:\s+(?:month|year|quarter|period|window)\b)?|{_LEAD}(?:{_NOUN}){_END}"
    rf"|(?<![^\W_]-)(?:{_ADJECTIVE}){_END}|p\.\s?a\.)|\({_counted('2')}(?:\s*(?:month|year|quarter))?\)|(?:{_IDEOGRAM})",
    _RE,
)
_BARE = re.compile(rf"(?<![A-Za-zÀ-ÖØ-öø-ɏ])(?:{_NOUN}){_END}", _RE)
_LABEL = re.compile(
    rf"\W*(?:(?:{'|'.join(LEADS)})\s+)?(?:(?:{'|'.join(ARTICLES)})\s+)*(?:{_NOUN}|{_ADJECTIVE}|{_IDEOGRAM})"
    r"\W*(?:down-?time|outages?|unavailability|ausfall\w*|nichtverfügbarkeit|indisponibilité|arrêt|inactividad)?\W*",
    _RE,
)
_MENTION_NOUN = re.compile(rf"(?<![A-Za-zÀ-ÖØ-öø-ɏ])(?:{_ADJECTIVE}){_END}|(?:{_IDEOGRAM})", _RE)
_COUNTED = re.compile(rf"(?<![\d.,A-Za-z]){_EXPLICIT}", _RE)
_DURATION_WORDS = re.compile(
    r"(?:than|under|over|about|half|almost|nearly|within|around|only|is|=|als|unter|knapp|que|de|environ)\s*$", _RE
)
_ARTICLE = re.compile(r"(?:an?|une?|una|eine[rmn]?|un)\s", _RE)
_CERTAIN = re.compile(CERTAIN_LEADS, _RE)
_OF_DOWNTIME = re.compile(r"\s+(?:of\s+)?(?:down\b|down-?time|outage|unavail|ausfall|d['’]arrêt|de inactividad)", _RE)
_UNKNOWN_PERIOD = re.compile(
    rf"\s*(?:/|\b(?:{'|'.join(UNKNOWN_PERIOD_LEADS)})\s+)\s*(?!cent\b|ciento\b)(?P<word>[^\W\d_]{{2,}})", _RE
)


class PeriodMention(NamedTuple):
    """A period that is named at [start, end) of a text."""

    start: int
    end: int
    period: Period


def find_period_mentions(text: str) -> list[PeriodMention]:
    """Return the periods in a text in order: `a year`, `per 30 days`, `monthly`, `(365 days)`, `/yr`, `im Jahr`.

    "Less than an hour a year" contains the period "year"; the hour is a duration. A number of hours ("over 7 hours")
    or a length in brackets is a period only if it is a conventional length.
    """
    mentions = []
    for match in _MENTION.finditer(text):
        period = _period_of_match(match)
        is_article_duration = _ARTICLE.match(match[0]) and _DURATION_WORDS.search(text[: match.start()])
        if not is_article_duration and not _is_duration(text, match, period):
            mentions.append(PeriodMention(match.start(), match.end(), period))
    return mentions


def _is_duration(text: str, match: re.Match[str], period: Period) -> bool:
    """Return whether a counted length is a duration: "over 7 hours", "(3 days)", "over 30 days of downtime"."""
    if not match["count"] and not match["count2"]:
        return False
    if _OF_DOWNTIME.match(text[match.end() :]):
        return True
    if period.name in _NAMED_PERIODS or match["u_year"] or match["u_month"] or match["u_quarter"]:
        return False
    return bool(match["u_hour"] or match["count2"]) or not _CERTAIN.match(match[0])


def mask_periods(text: str, period_mentions: Sequence[PeriodMention]) -> str:
    """Replace the periods in a text with `_`, so that the 30 days of "per 30 days" are not read as a duration."""
    pieces, position = [], 0
    for mention in period_mentions:
        pieces += [text[position : mention.start], "_" * (mention.end - mention.start)]
        position = mention.end
    return "".join([*pieces, text[position:]])


def unknown_period_word(text: str) -> str | None:
    """Return the word after a "per" that is not a known period: `shift` in "per shift"."""
    match = _UNKNOWN_PERIOD.match(text)
    return match["word"] if match else None


def sole_period(text: str) -> Period | None:
    """Return the period of a text that contains only a period: `Monthly`, `Per year:`, `Daily downtime`."""
    return period_in_label(text) if _LABEL.fullmatch(text) else None


def period_of_length(count: Fraction, seconds: Fraction) -> Period:
    """Return the period of this length, with its name if the length is a convention."""
    length = count * seconds
    for name in ("year", "quarter", "month", "week", "day"):
        for label, conventional in CONVENTIONS[name]:
            if conventional == length:
                return Period(name, ((label, length),))
    return Period(f"{float(length / DAY):g} days", ((f"{float(length / DAY):g} days", length),))


def _multiple_period(count: Fraction, name: str) -> Period:
    """Return the period of `count` months, quarters or years."""
    if count == 1 or (int(count), name) in _NAME_OF_MULTIPLE:
        return _NAMED_PERIODS[_NAME_OF_MULTIPLE.get((int(count), name), name)]
    lengths = PERIODS[name].lengths
    return Period(
        f"{float(count):g} {name}s", tuple((f"{float(count):g} x {label}", count * length) for label, length in lengths)
    )


def _period_of_match(match: re.Match[str]) -> Period:
    """Return the period of a match."""
    groups = {key: text for key, text in match.groupdict().items() if text}
    count = groups.get("count") or groups.get("count2")
    if count:
        unit = next(key.partition("_")[2] for key in groups if key.startswith(("u_", "u2_")))
        number = NUMBER_WORDS.get(count.lower()) or Fraction(re.sub(r"[.,](?=\d{3})", "", count))
        return period_of_length(number, _LENGTHS[unit]) if unit in _LENGTHS else _multiple_period(number, unit)
    names = [key[2:].replace("_", "-") for key in groups if key[1] == "_"]
    return _NAMED_PERIODS[names[0] if names else "year"]


def period_in_label(text: str) -> Period | None:
    """Return the period in a column's header or a row's label. None if it has no period or several periods.

    A noun is sufficient in a label: `Year`, `Month (30 days)`, `Downtime/year`. A plural is a unit unless it has a
    count: `3 years`.
    """
    lengths = [_period_of_match(m) for m in _COUNTED.finditer(text)]
    rest = _COUNTED.sub(" ", text)
    nouns = {_period_of_match(m).name for pattern in (_MENTION_NOUN, _BARE) for m in pattern.finditer(rest)}
    if len(nouns) > 1 or len(lengths) > 1:
        return None
    if not nouns:
        return lengths[0] if lengths else None
    (name,) = nouns
    fits = [p for p in lengths if p.name == name]
    return fits[0] if fits else _NAMED_PERIODS[name]
