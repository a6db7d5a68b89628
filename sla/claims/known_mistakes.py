"""Known mistakes that explain a wrong figure: hours labelled minutes, month for year, off by one nine, swapped digits.

Each function yields the mistakes of its kind that explain the figure; `slips` calls them, the simplest first.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from sla.claims.figure_text import of_year, percent, say
from sla.claims.period_fit import ORDER
from sla.claims.periods import PERIODS
from sla.claims.vocabulary import MINUTE, UNITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sla.claims.model import Period, Statement

# Levels that tables list: a figure for another of them was copied from the wrong row.
_TABLED = ("90", "95", "97", "98", "99", "99.5", "99.8", "99.9", "99.95", "99.99", "99.995", "99.999", "99.9999")
_LEVELS = tuple(Fraction(text) / 100 for text in _TABLED)
_NINES = ((1, "one nine"), (-1, "one nine"), (2, "two nines"), (-2, "two nines"))
_CLOSE = Fraction(1, 100)
_SURE_DIGITS = 3
_ONE = Fraction(1)


class Kind(StrEnum):
    """Kind of mistake."""

    SWAPPED = "digits swapped"
    DECIMALS = "decimals"
    UNIT = "unit"
    NINES = "nines"
    PERIOD = "period"
    ROW = "row"
    UPTIME = "uptime"
    BOTH = "unit and period"


class Slip(NamedTuple):
    """A mistake that explains the printed figure; `expected` is the right figure for the period, seconds."""

    kind: Kind
    period: str
    expected: Fraction
    diagnosis: str


def slips(statement: Statement) -> Iterator[Slip]:
    """Yield the mistakes that explain the printed figure, the simplest first."""
    for maker in (_swapped, _decimals, units, _nines, _periods, _rows, _uptime, _both):
        yield from maker(statement)


def units(statement: Statement) -> Iterator[Slip]:
    """Yield units in which the figure would be right: hours labelled minutes."""
    unit = statement.amount.unit
    for period in _candidates(statement) if unit else ():
        for other in UNITS:
            if other != unit and _hits(statement, period, scale=_ratio(other, unit)):
                yield _slip(statement, Kind.UNIT, period, f"{other} labelled {unit}")


def sixty_slips(statement: Statement) -> list[Slip]:
    """Return the simplest mistakes: 60 times too small, hours labelled minutes or minutes labelled seconds."""
    times = 60 * statement.amount.seconds
    return [slip for slip in units(statement) if abs(slip.expected - times) < _CLOSE * slip.expected]


def _candidates(statement: Statement) -> list[Period]:
    return [statement.period] if statement.period else [PERIODS[name] for name in ORDER[:4]]


def _slip(statement: Statement, kind: Kind, period: Period, diagnosis: str) -> Slip:
    return Slip(kind, period.name, statement.level.lost * period.lengths[0][1], diagnosis)


def _hits(statement: Statement, period: Period, *, scale: Fraction = _ONE, share: Fraction | None = None) -> bool:
    """Return whether the figure times `scale` is a share of the period (default: the level's unavailability)."""
    lost = statement.level.lost if share is None else share
    return _any_holds(statement, scale, (lost * length for _, length in period.lengths))


def _any_holds(statement: Statement, scale: Fraction, truths: Iterable[Fraction]) -> bool:
    readings = [reading.scaled(scale) for reading in statement.amount.readings]
    return any(reading.holds(truth) for truth in truths for reading in readings)


def _ratio(unit: str, labelled: str | None) -> Fraction:
    return UNITS[unit][0] / UNITS[labelled or unit][0]


def _swapped(statement: Statement) -> Iterator[Slip]:
    """Yield swapped adjacent digits: 52.65 for 52.56. For 3 or more digits."""
    amount = statement.amount
    if amount.unit is None or amount.digits < _SURE_DIGITS or statement.period is None:
        return
    shown = "".join(c for c in amount.text if c.isdigit()).lstrip("0")
    for _, length in statement.period.lengths[:2]:
        truth = statement.level.lost * length
        near = abs(amount.seconds / truth - 1) < 1
        if near and shown in _swaps(_digits(truth / UNITS[amount.unit][0], len(shown))):
            diagnosis = f"two digits are swapped: it is {say(truth, amount.unit)}"
            yield _slip(statement, Kind.SWAPPED, statement.period, diagnosis)


def _digits(value: Fraction, count: int) -> str:
    """Return the first `count` significant digits, rounded, without decimal point and leading zeros."""
    return f"{float(value):.{count - 1}e}".partition("e")[0].replace(".", "")


def _swaps(digits: str) -> set[str]:
    swapped = {digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :] for i in range(len(digits) - 1)}
    return swapped - {digits}


def _decimals(statement: Statement) -> Iterator[Slip]:
    """Yield decimals of one unit used as the next smaller unit: 8.76 hours printed as "8 h 76 min"."""
    spill = statement.amount.overflow
    if spill is None or spill >= 100:
        return
    meant = statement.amount.seconds - spill * MINUTE + spill * 36
    for period in _candidates(statement):
        if any(abs(meant - statement.level.lost * length) <= 36 for _, length in period.lengths):
            yield _slip(statement, Kind.DECIMALS, period, "decimals of the larger unit read as the smaller one")


def _nines(statement: Statement) -> Iterator[Slip]:
    for power, words in _NINES:
        scale = Fraction(10) ** power
        meant = 1 - statement.level.lost / scale
        for period in _candidates(statement):
            if meant > 0 and _hits(statement, period, scale=scale):
                diagnosis = f"off by {words}: that is the downtime of {percent(meant)} (or a misplaced decimal point)"
                yield _slip(statement, Kind.NINES, period, diagnosis)


def _periods(statement: Statement) -> Iterator[Slip]:
    stated = statement.period
    for name in ORDER if stated else ():
        if stated and name != stated.name and _hits(statement, PERIODS[name]):
            yield _slip(
                statement, Kind.PERIOD, stated, f"{name} for {stated.name}: that is the figure of {of_year(name)}"
            )


def _rows(statement: Statement) -> Iterator[Slip]:
    for level in _LEVELS:
        for period in _candidates(statement):
            if level != statement.level.ratio and _hits(statement, period, share=1 - level):
                yield _slip(
                    statement, Kind.ROW, period, f"another row's figure: that is the downtime of {percent(level)}"
                )


def _uptime(statement: Statement) -> Iterator[Slip]:
    for period in _candidates(statement):
        if _hits(statement, period, share=statement.level.ratio):
            yield _slip(statement, Kind.UPTIME, period, "that is the uptime, not the downtime")


def _both(statement: Statement) -> Iterator[Slip]:
    """Yield another period's figure in another unit. 2 mistakes explain many figures, so require 3 digits."""
    stated, unit = statement.period, statement.amount.unit
    if unit is None or stated is None or statement.amount.digits < _SURE_DIGITS:
        return
    for name in ORDER[:4]:
        for other in UNITS:
            if name != stated.name and other != unit and _hits(statement, PERIODS[name], scale=_ratio(other, unit)):
                yield _slip(statement, Kind.BOTH, stated, f"{other} labelled {unit}, and {name} for {stated.name}")
