"""Format figures of the audit in one decimal unit, like published tables, so that they can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.claims.vocabulary import UNITS

if TYPE_CHECKING:
    from fractions import Fraction

_SHORT = {"milliseconds": "ms", "seconds": "s", "minutes": "min", "hours": "h", "days": "days", "weeks": "weeks"}


def say(seconds: Fraction, unit: str | None = None) -> str:
    """Return a duration with 4 significant digits in the given unit, or in a suitable one.

    >>> say(Fraction(31536)), say(Fraction(864, 1000)), say(Fraction(31536), "minutes")
    ('8.76 h', '864 ms', '525.6 min')
    """
    name = unit or _unit_for(seconds)
    value = float(seconds / UNITS[name][0])
    return f"{value:,.0f} {_SHORT[name]}" if value >= 1000 else f"{value:.4g} {_SHORT[name]}"


def _unit_for(seconds: Fraction) -> str:
    for name, least in (("days", 2 * 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1)):
        if seconds >= least:
            return name
    return "milliseconds"


def percent(ratio: Fraction) -> str:
    """Return an availability with all its digits, at most 12: `99.95 %`."""
    return f"{float(ratio * 100):.12g} %"


def times(factor: Fraction) -> str:
    """Return a factor as text: `60 times`, `1.5 times`."""
    return f"{float(factor):.3g} times"


def of_year(period: str) -> str:
    """Return the period as it follows a duration: `a year`, `an hour`, `in 45 days`."""
    if period[0].isdigit():
        return f"in {period}"
    return "an hour" if period == "hour" else f"a {period}"


def plain(number: Fraction) -> str:
    """Return a number with all its digits, at most 6: `1.5`."""
    return f"{float(number):.6g}"
