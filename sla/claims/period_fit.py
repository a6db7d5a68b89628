"""Does a printed duration agree with an availability, and under which convention of a year, month or quarter?"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from sla.claims.periods import PERIODS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sla.claims.model import Level, Statement

ORDER = ("year", "month", "week", "day", "quarter", "hour")
"""The periods tried when a page states none, the likeliest first."""


_USUAL = {"year": 3, "quarter": 4, "month": 4, "week": 1, "day": 1, "hour": 1}
"""How many of a period's conventions, from the first, are in common use; the rest have to be the whole table's."""


class Fit(NamedTuple):
    """A figure explained: under which convention, and whether to the last digit or to the digits shown."""

    period: str
    label: str
    claimed: Fraction
    expected: Fraction
    usual: bool

    @property
    def exact(self) -> bool:
        """Whether claim and truth are the same number."""
        return self.claimed == self.expected


def fits(statement: Statement, level: Level | None = None) -> Fit | None:
    """Return the convention under which the figure is right, exact ones first; None if there is none."""
    candidates = list(_fits(statement, level or statement.level))
    return next((fit for fit in candidates if fit.exact and fit.usual), candidates[0] if candidates else None)


def conventions(statement: Statement, *, usual: bool) -> frozenset[str]:
    """Return the conventions under which the figure is right; with `usual`, only those in common use."""
    return frozenset(fit.label for fit in _fits(statement, statement.level) if fit.usual or not usual)


def usual_truths(statement: Statement) -> list[Fraction]:
    """Return what the availability leaves, seconds, under each convention in common use."""
    found = list(lengths(statement))
    return [statement.level.lost * length for period, label, length in found if _is_usual(statement, period, label)]


def _is_usual(statement: Statement, period: str, label: str) -> bool:
    """Whether the convention is in common use, or the only one because the page gives the length."""
    given = statement.period is not None and len(statement.period.lengths) == 1
    return (
        given or period not in PERIODS or label not in {each for each, _ in PERIODS[period].lengths[_USUAL[period] :]}
    )


def _fits(statement: Statement, level: Level) -> Iterator[Fit]:
    for reading in statement.amount.readings:
        for period, label, length in lengths(statement):
            usual = _is_usual(statement, period, label)
            expected = (1 - level.ratio) * length
            slack = Fraction(0) if level.nominal else level.slack * length
            if reading.low <= expected + slack and expected - slack < reading.high:
                yield Fit(period, label, reading.seconds, expected, usual)


def lengths(statement: Statement) -> Iterator[tuple[str, str, Fraction]]:
    """Yield (period, convention, seconds) of its period, or of every period if the statement names none."""
    periods = [statement.period] if statement.period else [PERIODS[name] for name in ORDER]
    for period in periods:
        for label, length in period.lengths:
            yield period.name, label, length
