"""The lengths that a year, a month or a quarter is taken to have. Each convention is in use; none is an error."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from sla.claims.model import Period
from sla.claims.words import DAY, HOUR, PERIOD_ADJECTIVES, PERIOD_IDEOGRAMS, PERIOD_NOUNS

_JULIAN, _GREGORIAN = Fraction("365.25"), Fraction("365.2425")

# The first of each is the one reported when none fits. 52 weeks, 12 months of 30 days and leap years are met in
# published tables; so is a year of 8,760, 8,766 and 8,784 hours, which are three of these.
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

_LENGTHS = {"hour": HOUR, "day": DAY, "week": 7 * DAY}
_EXPLICIT = r"(?P<count>\d+(?:\.\d+)?)[\s-]*(?P<unit>hours?|h|days?|d|weeks?|w)(?![A-Za-z])"
_ARTICLE = r"(?:any|the|each|one|every|an?|single|typical|given|calendar|rolling|whole|full|standard|average)"
_LEAD = rf"(?:(?:per|over|in|every|each|during|pro|im|par|por|al|a|an|any|je|of)\s+(?:{_ARTICLE}\s+)*|/\s*)"
_NOUN = "|".join(f"(?P<n_{name}>{spelling})" for name, spelling in PERIOD_NOUNS.items())
_ADJECTIVE = "|".join(f"(?P<a_{name}>{spelling})" for name, spelling in PERIOD_ADJECTIVES.items())
_IDEOGRAM = "|".join(f"(?P<i_{name}>{spelling})" for name, spelling in PERIOD_IDEOGRAMS.items())
_RE = re.IGNORECASE

_MENTION = re.compile(
    rf"(?:(?<![A-Za-z])|(?=/))(?:{_LEAD}{_EXPLICIT}(?:\s+(?:month|year|quarter|period|window)\b)?|{_LEAD}(?:{_NOUN})(?![A-Za-z])"
    rf"|(?:{_ADJECTIVE})(?![A-Za-z])|p\.\s?a\.)|\((?P<count2>\d+(?:\.\d+)?)[\s-]*(?P<unit2>days?|hours?|h|d)(?:\s*(?:month|year|quarter))?\)"
    rf"|(?:{_IDEOGRAM})",
    _RE,
)
_BARE = re.compile(rf"(?<![A-Za-z])(?:{_NOUN})(?![A-Za-z])", _RE)
_LABEL = re.compile(
    rf"\W*(?:per|each|every|an?|in an?|pro|par|por)?\s*(?:{_NOUN}|{_ADJECTIVE}|{_IDEOGRAM})"
    r"\W*(?:down-?time|outages?|unavailability|ausfall\w*)?\W*",
    _RE,
)
_MENTION_NOUN = re.compile(rf"(?<![A-Za-z])(?:{_ADJECTIVE})(?![A-Za-z])|(?:{_IDEOGRAM})", _RE)
_COUNTED = re.compile(rf"(?<![\d.,]){_EXPLICIT}", _RE)


_DURATION_WORDS = re.compile(r"(?:than|under|over|about|half|almost|nearly|within|around|only|is|=)\s*$", _RE)


class Mention(NamedTuple):
    """A period named at [start, end) of a text."""

    start: int
    end: int
    period: Period


def mentions(text: str) -> list[Mention]:
    """Return the periods named in a text, in order: `a year`, `per 30 days`, `monthly`, `(365 days)`, `/yr`.

    "Less than an hour a year" names a year; the hour is a duration. Hours ("over 7 hours") and brackets name a
    period only if it is a usual one.
    """
    found = []
    for match in _MENTION.finditer(text):
        period = _named(match)
        worded = re.match(r"an?\s", match[0], _RE) and _DURATION_WORDS.search(text[: match.start()])
        hours = (match["unit"] or match["unit2"] or "").lower().startswith("h")
        unusual = period.name not in PERIODS and (hours or match["count2"] is not None)
        if not worded and not unusual:
            found.append(Mention(match.start(), match.end(), period))
    return found


def lone_label(text: str) -> Period | None:
    """Return the period that the whole text names and nothing else: `Monthly`, `Per year:`, `Daily downtime`."""
    return in_label(text) if _LABEL.fullmatch(text) else None


def of_days(count: Fraction, seconds: Fraction) -> Period:
    """Return the period that a page gives the length of, under its name if the length is a convention of one."""
    length = count * seconds
    for name in ("year", "quarter", "month", "week", "day"):
        for label, each in CONVENTIONS[name]:
            if each == length:
                return Period(name, ((label, length),))
    return Period(f"{float(length / DAY):g} days", ((f"{float(length / DAY):g} days", length),))


def _named(match: re.Match[str]) -> Period:
    """Return the period that a match names."""
    found = match.groupdict()
    count = found.get("count") or found.get("count2")
    if count:
        unit = (found.get("unit") or found.get("unit2") or "d")[0].lower()
        return of_days(Fraction(count), {"h": HOUR, "d": DAY, "w": 7 * DAY}[unit])
    names = [key[2:] for key, text in found.items() if text and key[1] == "_"]
    return PERIODS[names[0] if names else "year"]


def in_label(text: str) -> Period | None:
    """Return the one period that a column's header or a row's label names; None if it names none, or several.

    In a label a bare noun is enough: `Year`, `Month (30 days)`, `Downtime/year`. Plurals are units, not periods.
    """
    nouns = {_named(m).name for pattern in (_MENTION_NOUN, _BARE) for m in pattern.finditer(text)}
    lengths = [_named(m) for m in _COUNTED.finditer(text)]
    if len(nouns) > 1 or len(lengths) > 1:
        return None
    if not nouns:
        return lengths[0] if lengths else None
    (name,) = nouns
    fits = [p for p in lengths if p.name == name]
    return fits[0] if fits else PERIODS[name]
