"""Find the mistake behind a wrong figure: hours labelled minutes, month for year, off by one nine, swapped digits.

Each function yields the mistakes of one kind that explain the figure. `find_mistakes` calls these functions, the
simplest first.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from sla.claims.figure_text import duration_text, per_period_text, percent_text
from sla.claims.period_fit import PERIOD_ORDER
from sla.claims.periods import PERIODS
from sla.claims.vocabulary import MINUTE, UNITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sla.claims.model import Period, Statement

# Availabilities in typical tables, to recognise a figure copied from another row.
_TABLE_LEVELS = ("90", "95", "97", "98", "99", "99.5", "99.8", "99.9", "99.95", "99.99", "99.995", "99.999", "99.9999")
_LEVELS = tuple(Fraction(text) / 100 for text in _TABLE_LEVELS)
_NINES = ((1, "one nine"), (-1, "one nine"), (2, "two nines"), (-2, "two nines"))
_CLOSE = Fraction(1, 100)  # relative deviation
_MIN_DIGITS = 3  # significant digits
_ONE = Fraction(1)


class MistakeKind(StrEnum):
    """A kind of mistake."""

    SWAPPED = "digits swapped"
    DECIMALS = "decimals"
    UNIT = "unit"
    NINES = "nines"
    PERIOD = "period"
    ROW = "row"
    UPTIME = "uptime"
    BOTH = "unit and period"


class Mistake(NamedTuple):
    """A mistake that explains the printed figure; `expected` is the right figure for the period, in seconds."""

    kind: MistakeKind
    period: str
    expected: Fraction
    diagnosis: str


def find_mistakes(statement: Statement) -> Iterator[Mistake]:
    """Yield the mistakes that explain the printed figure, the simplest first."""
    for find in (
        _swapped_digits,
        _decimals_as_unit,
        unit_mistakes,
        _misplaced_nines,
        _other_periods,
        _other_rows,
        _uptime,
        _unit_and_period,
    ):
        yield from find(statement)


def unit_mistakes(statement: Statement) -> Iterator[Mistake]:
    """Yield the units in which the figure would be right, for example hours labelled minutes."""
    unit = statement.duration.unit
    for period in _candidates(statement) if unit else ():
        for other in UNITS:
            if other != unit and _explains(statement, period, scale=_ratio(other, unit)):
                yield _mistake(statement, MistakeKind.UNIT, period, f"{other} labelled {unit}")


def factor_60_mistakes(statement: Statement) -> list[Mistake]:
    """Return unit mistakes that make a figure 60 times too small: hours labelled minutes, minutes labelled seconds."""
    scaled = 60 * statement.duration.seconds
    return [
        mistake for mistake in unit_mistakes(statement) if abs(mistake.expected - scaled) < _CLOSE * mistake.expected
    ]


def _candidates(statement: Statement) -> list[Period]:
    return [statement.period] if statement.period else [PERIODS[name] for name in PERIOD_ORDER[:4]]


def _mistake(statement: Statement, kind: MistakeKind, period: Period, diagnosis: str) -> Mistake:
    return Mistake(kind, period.name, statement.level.unavailability * period.lengths[0][1], diagnosis)


def _explains(statement: Statement, period: Period, *, scale: Fraction = _ONE, share: Fraction | None = None) -> bool:
    """Return whether the figure times `scale` is `share` of the period (default: the level's unavailability)."""
    unavailability = statement.level.unavailability if share is None else share
    return _any_contains(statement, scale, (unavailability * length for _, length in period.lengths))


def _any_contains(statement: Statement, scale: Fraction, true_values: Iterable[Fraction]) -> bool:
    interpretations = [interpretation.scaled(scale) for interpretation in statement.duration.interpretations]
    return any(interpretation.contains(true_value) for true_value in true_values for interpretation in interpretations)


def _ratio(unit: str, labelled: str | None) -> Fraction:
    return UNITS[unit][0] / UNITS[labelled or unit][0]


def _swapped_digits(statement: Statement) -> Iterator[Mistake]:
    """Yield the mistake of two swapped adjacent digits: 52.65 for 52.56. Only for figures of 3 or more digits."""
    duration = statement.duration
    if duration.unit is None or duration.digits < _MIN_DIGITS or statement.period is None:
        return
    printed_digits = "".join(c for c in duration.text if c.isdigit()).lstrip("0")
    for _, length in statement.period.lengths[:2]:
        true_value = statement.level.unavailability * length
        is_near = abs(duration.seconds / true_value - 1) < 1
        if is_near and printed_digits in _swaps(_digits(true_value / UNITS[duration.unit][0], len(printed_digits))):
            diagnosis = f"two digits are swapped: it is {duration_text(true_value, duration.unit)}"
            yield _mistake(statement, MistakeKind.SWAPPED, statement.period, diagnosis)


def _digits(value: Fraction, count: int) -> str:
    """Return the first `count` significant digits, rounded, without decimal point and leading zeros."""
    return f"{float(value):.{count - 1}e}".partition("e")[0].replace(".", "")


def _swaps(digits: str) -> set[str]:
    swapped = {digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :] for i in range(len(digits) - 1)}
    return swapped - {digits}


def _decimals_as_unit(statement: Statement) -> Iterator[Mistake]:
    """Yield the mistake of decimals used as the next smaller unit: 8.76 hours printed as "8 h 76 min"."""
    overflow = statement.duration.overflow
    if overflow is None or overflow >= 100:
        return
    intended = statement.duration.seconds - overflow * MINUTE + overflow * 36
    for period in _candidates(statement):
        if any(abs(intended - statement.level.unavailability * length) <= 36 for _, length in period.lengths):
            yield _mistake(
                statement, MistakeKind.DECIMALS, period, "decimals of the larger unit were printed as the smaller unit"
            )


def _misplaced_nines(statement: Statement) -> Iterator[Mistake]:
    for power, words in _NINES:
        scale = Fraction(10) ** power
        intended = 1 - statement.level.unavailability / scale
        for period in _candidates(statement):
            if intended > 0 and _explains(statement, period, scale=scale):
                diagnosis = (
                    f"off by {words}: that is the downtime of {percent_text(intended)} (or a misplaced decimal point)"
                )
                yield _mistake(statement, MistakeKind.NINES, period, diagnosis)


def _other_periods(statement: Statement) -> Iterator[Mistake]:
    stated = statement.period
    for name in PERIOD_ORDER if stated else ():
        if stated and name != stated.name and _explains(statement, PERIODS[name]):
            yield _mistake(
                statement,
                MistakeKind.PERIOD,
                stated,
                f"{name} for {stated.name}: that is the figure of {per_period_text(name)}",
            )


def _other_rows(statement: Statement) -> Iterator[Mistake]:
    for level in _LEVELS:
        for period in _candidates(statement):
            if level != statement.level.ratio and _explains(statement, period, share=1 - level):
                yield _mistake(
                    statement,
                    MistakeKind.ROW,
                    period,
                    f"another row's figure: that is the downtime of {percent_text(level)}",
                )


def _uptime(statement: Statement) -> Iterator[Mistake]:
    for period in _candidates(statement):
        if _explains(statement, period, share=statement.level.ratio):
            yield _mistake(statement, MistakeKind.UPTIME, period, "that is the uptime, not the downtime")


def _unit_and_period(statement: Statement) -> Iterator[Mistake]:
    """Yield the figure of another period in another unit. Only for 3 or more digits, to avoid chance matches."""
    stated, unit = statement.period, statement.duration.unit
    if unit is None or stated is None or statement.duration.digits < _MIN_DIGITS:
        return
    for name in PERIOD_ORDER[:4]:
        for other in UNITS:
            if name != stated.name and other != unit and _explains(statement, PERIODS[name], scale=_ratio(other, unit)):
                yield _mistake(
                    statement, MistakeKind.BOTH, stated, f"{other} labelled {unit}, and {name} for {stated.name}"
                )
