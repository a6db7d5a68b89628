"""Objectives; format ratios and nines, always rounded down."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from sla.duration import format_duration as format_duration  # re-exported with the other formats

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALLOWED_RANGE = "(above 0%, below 100%)"
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,15})?)\s*(%?)")
_NINES = re.compile(r"(\d|one|two|three|four|five|six|seven|eight|nine)(\.5|½| and a half)?[ -]nines?")
_WORDS = dict(zip(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), range(1, 10), strict=True))


@dataclass(frozen=True, slots=True, order=True)
class Objective:
    """The share of a window in which the product must be up, as an exact fraction.

    Raises:
        ValueError: the ratio is not above 0 and below 1. The message has a valid example.
    """

    ratio: Fraction

    def __post_init__(self) -> None:
        if self.ratio >= 1:
            percent = format_percent(self.ratio, 0)
            raise ValueError(
                f"{percent} leaves no downtime at all and cannot be measured; use 99.99999% or less {_ALLOWED_RANGE}"
            )
        if self.ratio <= 0:
            raise ValueError(
                f"an objective of 0% or less promises nothing; use 99.5% or another percentage {_ALLOWED_RANGE}"
            )

    @classmethod
    def parse(cls, text: str | float) -> Objective:
        """Parse an objective: `99.95%`, `99.95`, `three nines`, `four and a half nines`.

        A number without a sign is a percentage. `four and a half nines` is 99.995 %, the usual meaning.

        Raises:
            ValueError: the text has another form, or is not above 0 % and below 100 %. Also for a number below 1
            without a sign: it is probably a ratio, and 0.999 % would always be met.

        >>> Objective.parse("three and a half nines").ratio
        Fraction(1999, 2000)
        """
        lowered = str(text).strip().lower()
        if nines := _NINES.fullmatch(lowered):
            count = _WORDS.get(nines[1]) or int(nines[1])
            return cls(1 - Fraction(1, 10**count * (2 if nines[2] else 1)))
        number = _PERCENT.fullmatch(lowered)
        if number is None:
            raise ValueError(f'"{text}" is not an objective; use 99.95% or "three nines" {_ALLOWED_RANGE}')
        percent = Fraction(number[1])
        if 0 < percent < 1 and not number[2]:
            raise ValueError(f'{text} would be {text} percent; use "{cls(percent)}", or "{text}%" if that is meant')
        return cls(percent / 100)

    def allowed(self, length: int) -> Fraction:
        """Return the downtime that the objective allows in a window of `length`, both in microseconds."""
        above, below = self.ratio.numerator, self.ratio.denominator
        return Fraction((below - above) * length, below)

    def __str__(self) -> str:
        """Return the percentage with all its digits, at most twelve: `99.95%`."""
        digits = next((d for d in range(12) if (self.ratio * 10 ** (d + 2)).denominator == 1), 12)
        return format_percent(self.ratio, digits)


def nines(ratio: Fraction | float) -> float | None:
    """Return -log10(1 - ratio). None for a ratio of 1, whose nines are infinite.

    See measurement.md, section 6. The subtraction is exact, so the result has full precision near 1.

    Raises:
        ValueError: the ratio is not within 0 and 1.
    """
    exact = Fraction(ratio)
    if not 0 <= exact <= 1:
        raise ValueError(f"an availability is between 0 and 1: {ratio}")
    if exact == 1:
        return None
    if exact < Fraction(1, 2):
        return abs(math.log1p(-float(exact)) / math.log(10))
    return -math.log10(1 - exact)


def format_percent(ratio: Fraction | float | None, digits: int = 3) -> str:
    """Return the ratio as a percentage, rounded down to `digits` decimals; `n/a` for None.

    >>> format_percent(Fraction("0.99996"), 2)
    '99.99%'
    """
    return "n/a" if ratio is None else f"{_rounded_down(Fraction(ratio) * 100, digits)}%"


def apportion(parts: Sequence[int], digits: int) -> list[Fraction]:
    """Return each part's share of the sum, rounded to `digits` decimals of a percentage so that they add up to 100 %.

    Uses the largest remainder method; of equal remainders, the first part is rounded up. Parts must be 0 or more, and
    not all 0.

    >>> [format_percent(share, 0) for share in apportion([1, 1, 1], 0)]
    ['34%', '33%', '33%']
    """
    total, steps = sum(parts), 100 * 10**digits
    floored = [part * steps // total for part in parts]
    by_remainder = sorted(range(len(parts)), key=lambda i: -(parts[i] * steps % total))
    rounded_up = set(by_remainder[: steps - sum(floored)])
    return [Fraction(count + (i in rounded_up), steps) for i, count in enumerate(floored)]


def format_nines(ratio: Fraction | float | None, digits: int = 2) -> str:
    """Return the nines of an availability, rounded down to `digits` decimals; `n/a` for None and 1.

    Rounding compares exact powers instead of logarithms, so that three nines are never printed as 2.99.

    >>> format_nines(Fraction("0.999"))
    '3.00'
    """
    figure = None if ratio is None else nines(ratio)
    if ratio is None or figure is None:
        return "n/a"
    scale = 10**digits
    step = math.floor(figure * scale) + 1
    # nines >= step / scale  <=>  (1 - ratio) ** scale <= 10 ** -step
    while (1 - Fraction(ratio)) ** scale > Fraction(1, 10**step):
        step -= 1
    return _rounded_down(Fraction(step, scale), digits)


def _rounded_down(number: Fraction, digits: int) -> str:
    """Return a number of 0 or more as a decimal number, rounded down to `digits` decimals."""
    steps = str(math.floor(number * 10**digits)).zfill(digits + 1)
    return f"{steps[:-digits]}.{steps[-digits:]}" if digits else steps
