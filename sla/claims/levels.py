"""Finds printed availabilities: percentages, nines in words, ratios. A percentage of something else is none."""

from __future__ import annotations

import re
from fractions import Fraction

from sla.claims.amounts import decimal
from sla.claims.model import Level
from sla.claims.words import AVAILABILITY, NOT_AVAILABILITY_AFTER, NOT_AVAILABILITY_BEFORE
from sla.objective import Objective

_SIGN = r"(?:\\?\s?[%％]|\s?(?:percent|per cent|pct|prozent|pour cent|por ciento)\b)"
_PERCENT = re.compile(rf"(?<![\d.,$€£p])(?P<number>\d{{2,3}}(?:[.,]\d+)?){_SIGN}", re.IGNORECASE)
_NINES = re.compile(
    r"(?<![A-Za-z\d])(?P<count>one|two|three|four|five|six|seven|eight|nine|[1-9])(?P<half> and a half|\.5|½)?[\s-]+"
    r"(?:nines?|9['’]?s)(?![A-Za-z])",
    re.IGNORECASE,
)
_RATIO = re.compile(r"(?<![\d.,])0?\.9\d{1,9}(?![\d%]|\.\d)")
_BARE = re.compile(r"\s*[≥>~=]*\s*(?P<number>\d{1,3}(?:[.,]\d+)?|0?\.\d+)\s*")
_NEAR = 40
_LEAST = Fraction(1, 2)


def levels(text: str) -> list[Level]:
    """Return the availabilities in a text, in order; a bare ratio counts only near a word for availability."""
    found = [level for match in _PERCENT.finditer(text) if (level := _percent(text, match))]
    found += [_nines(match) for match in _NINES.finditer(text)]
    found += [_ratio(m) for m in _RATIO.finditer(text) if AVAILABILITY.search(_around(text, m))]
    return sorted(found, key=lambda level: level.start)


def bare_level(text: str) -> Level | None:
    """Return the availability that a cell of an availability column holds: `99.9`, `0.999`, `99,9 %`, `three nines`."""
    found = levels(text)
    if found:
        return found[0] if len({level.ratio for level in found}) == 1 else None
    match = _BARE.fullmatch(text)
    if match is None:
        return None
    value, ulp = decimal(match["number"].replace(",", "."))
    scale = 1 if value < 1 else 100
    ratio = value / scale
    return Level(ratio, *match.span(), match[0].strip(), ulp / scale / 2) if _LEAST <= ratio < 1 else None


def _around(text: str, match: re.Match[str]) -> str:
    return text[max(0, match.start() - _NEAR) : match.end() + _NEAR]


def _percent(text: str, match: re.Match[str]) -> Level | None:
    value, ulp = decimal(match["number"].replace(",", "."))
    ratio = value / 100
    if not _LEAST <= ratio < 1 or NOT_AVAILABILITY_AFTER.match(text[match.end() : match.end() + _NEAR]):
        return None
    if NOT_AVAILABILITY_BEFORE.search(text[max(0, match.start() - _NEAR) : match.start()]):
        return None
    return Level(ratio, *match.span(), match[0], ulp / 200)


def _nines(match: re.Match[str]) -> Level:
    words = match["count"].lower() + (" and a half" if match["half"] else "")
    return Level(Objective.parse(f"{words} nines").ratio, *match.span(), match[0])


def _ratio(match: re.Match[str]) -> Level:
    value, ulp = decimal(match[0])
    return Level(value, *match.span(), match[0], ulp / 2)
