"""Format figures of the audit in one decimal unit, as published tables do, so that readers can compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.claims.vocabulary import UNITS

if TYPE_CHECKING:
    from fractions import Fraction

_UNIT_TEXT = {"milliseconds": "ms", "seconds": "s", "minutes": "min", "hours": "h", "days": "days", "weeks": "weeks"}


def duration_text(seconds: Fraction, unit: str | None = None) -> str:
    """Return a duration with 4 significant digits in the given unit, or in a suitable one.

    >>> from fractions import Fraction
    >>> duration_text(Fraction(31536)), duration_text(Fraction(864, 1000)), duration_text(Fraction(31536), "minutes")
    ('8.76 h', '864 ms', '525.6 min')
    """
    name = unit or _unit_for(seconds)
    value = float(seconds / UNITS[name][0])
    return f"{value:,.0f} {_UNIT_TEXT[name]}" if value >= 1000 else f"{value:.4g} {_UNIT_TEXT[name]}"


def _unit_for(seconds: Fraction) -> str:
    for name, minimum in (("days", 2 * 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1)):
        if seconds >= minimum:
            return name
    return "milliseconds"


def percent_text(ratio: Fraction) -> str:
    """Return an availability with all its digits, at most 12: `99.95 %`."""
    return f"{float(ratio * 100):.12g} %"


def factor_text(factor: Fraction) -> str:
    """Return a factor as text: `60 times`, `1.5 times`."""
    return f"{float(factor):.3g} times"


def per_period_text(period: str) -> str:
    """Return the period as text to append to a duration: `a year`, `an hour`, `in 45 days`."""
    if period[0].isdigit():
        return f"in {period}"
    return "an hour" if period == "hour" else f"a {period}"


def number_text(number: Fraction) -> str:
    """Return a number with all its digits, at most 6: `1.5`."""
    return f"{float(number):.6g}"
