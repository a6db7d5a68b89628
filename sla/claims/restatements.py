"""Check durations that a page states as equal: `87.6 minutes = 1 hour and 27.6 minutes`."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from sla.claims.availabilities import levels
from sla.claims.durations import amounts
from sla.claims.model import Amount, Claim, Verdict
from sla.claims.periods import masked, mentions
from sla.claims.vocabulary import AVAILABILITY, DOWNTIME, UNITS
from sla.objective import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sla.claims.page import Passage

_EQUALS = re.compile(
    r"\s*[=≈]\s*(?:~|about|approx\.?)?\s*|\s*\(\s*(?:=|~|or|i\.e\.,?|about|approximately|exactly)?\s*", re.IGNORECASE
)
_OPERATOR = re.compile(r"[×x*/+÷·]\s*$", re.IGNORECASE)
_CLOSE = Fraction(1, 100)


class Equality(NamedTuple):
    """Two durations stated as equal, and whether they are, to the printed digits."""

    line: int
    text: str
    first: Amount
    second: Amount
    agrees: bool
    bracket: bool


def equalities(passage: Passage) -> Iterator[Equality]:
    """Yield adjacent durations that the passage states as equal by `=` or in brackets."""
    text = passage.text
    for first, second in pairwise(amounts(masked(text, mentions(text)))):
        between = text[first.end : second.start]
        if not _EQUALS.fullmatch(between) or _is_formula(text, first, second):
            continue
        bracket = "(" in between
        if bracket and not re.match(r"\s*\)", text[second.end :]):
            continue
        agrees = any(a.overlaps(b) for a in first.readings for b in second.readings)
        yield Equality(passage.line(first.start), text[first.start : second.end], first, second, agrees, bracket)


def check(passage: Passage) -> Iterator[Claim]:
    """Yield a claim for each contradictory pair; a consistent pair is not a claim of its own."""
    about = levels(passage.text)
    if not about and not DOWNTIME.search(passage.text) and not AVAILABILITY.search(passage.text):
        return
    for equality in equalities(passage):
        ratio = {level.ratio for level in about}
        if not equality.agrees and (claim := _contradiction(equality, next(iter(ratio)) if len(ratio) == 1 else None)):
            yield claim


def _contradiction(equality: Equality, ratio: Fraction | None) -> Claim | None:
    one, other = equality.first.seconds, equality.second.seconds
    if not one or not other or abs(one / other - 1) <= _CLOSE or _is_definition(equality):
        return None
    spill = equality.second.overflow or equality.first.overflow
    diagnosis = f"internally inconsistent: {equality.first.text} is {_spelt(one)}"
    if spill is not None:
        diagnosis += "; decimals of the larger unit read as the smaller one"
    sure = not equality.bracket or equality.second.digits >= 3 or one / other in {60, Fraction(1, 60), 3600, 24, 10}
    return Claim(
        equality.line, equality.text, ratio, other, None, one, Verdict.WRONG if sure else Verdict.UNCLEAR, diagnosis
    )


def _spelt(seconds: Fraction) -> str:
    return format_duration(seconds * 1_000_000)


def _is_formula(text: str, first: Amount, second: Amount) -> bool:
    """Return whether the durations are terms of a formula (7 days x 24 hours = 168 hours), or of different periods."""
    if _OPERATOR.search(text[: first.start]) or re.match(r"\s*[×x*/+÷·-]\s*\d", text[second.end :]):
        return True
    named = mentions(text)
    between = [m.period for m in named if first.end <= m.start < second.start]
    after = [m.period for m in named if m.start >= second.end]
    return bool(between and after and between[0] != after[0])


def _is_definition(equality: Equality) -> bool:
    """Return whether this is a definition: `1 day = 8 hours` defines a working day."""
    unit = equality.first.unit
    return unit in {"days", "weeks"} and equality.first.seconds == UNITS[unit][0]
