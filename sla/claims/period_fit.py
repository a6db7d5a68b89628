"""Find the convention for a year, month or quarter under which a printed duration agrees with an availability."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from sla.claims.periods import PERIODS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sla.claims.model import AvailabilityLevel, Statement

PERIOD_ORDER = ("year", "month", "week", "day", "quarter", "hour")
"""Periods to try if a page states no period, the most likely first."""


_COMMON_COUNTS = {"year": 3, "quarter": 4, "month": 4, "week": 1, "day": 1, "hour": 1}
"""Period -> number of its conventions in common use, which are listed first. The others must fit a whole table."""


class Fit(NamedTuple):
    """A figure with the convention that explains it."""

    period: str
    label: str
    claimed: Fraction
    expected: Fraction
    is_common: bool

    @property
    def exact(self) -> bool:
        """Whether the claimed and the true value are equal."""
        return self.claimed == self.expected


def find_fit(statement: Statement, level: AvailabilityLevel | None = None) -> Fit | None:
    """Return a convention under which the figure is right, preferably an exact one. None if there is none."""
    candidates = list(_fits(statement, level or statement.level))
    return next((fit for fit in candidates if fit.exact and fit.is_common), candidates[0] if candidates else None)


def conventions(statement: Statement, *, common_only: bool) -> frozenset[str]:
    """Return the conventions under which the figure is right. `common_only`: only the conventions in common use."""
    return frozenset(fit.label for fit in _fits(statement, statement.level) if fit.is_common or not common_only)


def usual_true_values(statement: Statement) -> list[Fraction]:
    """Return the allowed downtime in seconds under each convention in common use."""
    return [
        statement.level.unavailability * length
        for period, label, length in period_lengths(statement)
        if _is_common(statement, period, label)
    ]


def _is_common(statement: Statement, period: str, label: str) -> bool:
    """Return whether the convention is in common use, or stated on the page."""
    is_on_page = statement.period is not None and len(statement.period.lengths) == 1
    return (
        is_on_page
        or period not in PERIODS
        or label not in {name for name, _ in PERIODS[period].lengths[_COMMON_COUNTS[period] :]}
    )


def _fits(statement: Statement, level: AvailabilityLevel) -> Iterator[Fit]:
    for interpretation in statement.duration.interpretations:
        for period, label, length in period_lengths(statement):
            is_common = _is_common(statement, period, label)
            expected = (1 - level.ratio) * length
            tolerance = Fraction(0) if level.nominal else level.tolerance * length
            if interpretation.low <= expected + tolerance and expected - tolerance < interpretation.high:
                yield Fit(period, label, interpretation.seconds, expected, is_common)


def period_lengths(statement: Statement) -> Iterator[tuple[str, str, Fraction]]:
    """Yield (period, convention, seconds) for the statement's period, or for all periods if it has none."""
    periods = [statement.period] if statement.period else [PERIODS[name] for name in PERIOD_ORDER]
    for period in periods:
        for label, length in period.lengths:
            yield period.name, label, length
