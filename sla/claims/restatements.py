"""Check durations that a page states as equal: `87.6 minutes = 1 hour and 27.6 minutes`."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from sla.claims.availabilities import find_levels
from sla.claims.durations import find_durations
from sla.claims.model import Claim, ClaimVerdict, PrintedDuration
from sla.claims.periods import find_period_mentions, mask_periods
from sla.claims.vocabulary import AVAILABILITY, DOWNTIME, UNITS
from sla.objective import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sla.claims.page import Passage

_EQUALS = re.compile(
    r"\s*[=≈]\s*(?:~|about|approx\.?)?\s*|\s*\(\s*(?:=|~|or|i\.e\.,?|about|approximately|exactly)?\s*", re.IGNORECASE
)
_OPERATOR = re.compile(r"[×x*/+÷·]\s*$", re.IGNORECASE)
_RELATIVE_TOLERANCE = Fraction(1, 100)


class Equality(NamedTuple):
    """Two durations that the page states as equal. `agrees`: they are equal within the printed precision."""

    line: int
    text: str
    first: PrintedDuration
    second: PrintedDuration
    agrees: bool
    in_brackets: bool


def equalities(passage: Passage) -> Iterator[Equality]:
    """Yield adjacent durations that the passage states as equal by `=` or in brackets."""
    text = passage.text
    for first, second in pairwise(find_durations(mask_periods(text, find_period_mentions(text)))):
        between = text[first.end : second.start]
        if not _EQUALS.fullmatch(between) or _is_not_restatement(text, first, second):
            continue
        in_brackets = "(" in between
        if in_brackets and not re.match(r"\s*\)", text[second.end :]):
            continue
        agrees = any(a.overlaps(b) for a in first.interpretations for b in second.interpretations)
        yield Equality(passage.line(first.start), text[first.start : second.end], first, second, agrees, in_brackets)


def check(passage: Passage) -> Iterator[Claim]:
    """Yield a claim for each pair of durations stated as equal that differ."""
    levels = find_levels(passage.text)
    if not levels and not DOWNTIME.search(passage.text) and not AVAILABILITY.search(passage.text):
        return
    for equality in equalities(passage):
        ratio = {level.ratio for level in levels}
        if not equality.agrees and (claim := _contradiction(equality, next(iter(ratio)) if len(ratio) == 1 else None)):
            yield claim


def _contradiction(equality: Equality, ratio: Fraction | None) -> Claim | None:
    first, second = equality.first.seconds, equality.second.seconds
    if not first or not second or abs(first / second - 1) <= _RELATIVE_TOLERANCE or _is_definition(equality):
        return None
    overflow = equality.second.overflow or equality.first.overflow
    diagnosis = f"internally inconsistent: {equality.first.text} is {_seconds_text(first)}"
    if overflow is not None:
        diagnosis += (
            "; the decimals of the larger unit were probably printed as the smaller unit (1.76 h is not 1 h 76 m)"
        )
    is_certain = (
        not equality.in_brackets or equality.second.digits >= 3 or first / second in {60, Fraction(1, 60), 3600, 24, 10}
    )
    return Claim(
        equality.line,
        equality.text,
        ratio,
        second,
        None,
        first,
        ClaimVerdict.WRONG if is_certain else ClaimVerdict.UNCLEAR,
        diagnosis,
    )


def _seconds_text(seconds: Fraction) -> str:
    return format_duration(seconds * 1_000_000)


def _is_not_restatement(text: str, first: PrintedDuration, second: PrintedDuration) -> bool:
    """Return whether two adjacent durations are not meant as equal.

    They are terms of a formula (7 days x 24 hours = 168 hours), or figures for different periods (10 m per day, 70 m
    per week).
    """
    if _OPERATOR.search(text[: first.start]) or re.match(r"\s*[×x*/+÷·-]\s*\d", text[second.end :]):
        return True
    mentions = find_period_mentions(text)
    between = [m.period for m in mentions if first.end <= m.start < second.start]
    after = [m.period for m in mentions if m.start >= second.end]
    return bool(between and after and between[0] != after[0])


def _is_definition(equality: Equality) -> bool:
    """Return whether this is a definition: `1 day = 8 hours` defines a working day."""
    unit = equality.first.unit
    return unit in {"days", "weeks"} and equality.first.seconds == UNITS[unit][0]
