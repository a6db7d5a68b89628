"""Infer the period of a table or list that states no period: the period that most rows fit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sla.claims.known_mistakes import factor_60_mistakes
from sla.claims.model import LinkStrength, Statement
from sla.claims.period_fit import find_fit
from sla.claims.periods import PERIODS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
_MAX_LINE_GAP = 3


def infer_periods(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Yield the statements. Consecutive rows without a period get the period that most of them fit."""
    for members in grouped(statements, lambda statement: statement.group):
        yield from _with_inferred_period(members)


def grouped(members: Iterable[T], group: Callable[[T], tuple[int, ...]]) -> Iterable[list[T]]:
    """Return the members by group, in order."""
    groups: dict[tuple[int, ...], list[T]] = {}
    for member in members:
        groups.setdefault(group(member), []).append(member)
    return groups.values()


def _with_inferred_period(members: list[Statement]) -> Iterator[Statement]:
    for rows in _adjacent_rows([m for m in members if m.period is None]):
        period = _common_period(rows)
        members = [replace(m, period=PERIODS[period]) if period and m in rows else m for m in members]
        if period and len(rows) > 2:
            members = [
                replace(m, strength=LinkStrength.EXPLICIT) if m.period is PERIODS[period] else m for m in members
            ]
    yield from members


def _adjacent_rows(members: list[Statement]) -> Iterator[list[Statement]]:
    rows: list[Statement] = []
    for member in members:
        if rows and member.line - rows[-1].line > _MAX_LINE_GAP:
            yield rows
            rows = []
        rows.append(member)
    if rows:
        yield rows


def _common_period(rows: list[Statement]) -> str | None:
    """Return the period that at least 2 rows and more than half of them fit, exactly or with a factor of 60."""
    if len({member.level.ratio for member in rows}) < 2:
        return None
    for find_periods in (_fitting_periods, _periods_with_factor_60):
        votes = Counter(period for member in rows for period in find_periods(member))
        if votes:
            period, count = max(votes.items(), key=lambda item: item[1])
            if count >= 2 and count * 2 > len(rows):
                return period
    return None


def _fitting_periods(member: Statement) -> list[str]:
    return [name for name, period in PERIODS.items() if name != "hour" and find_fit(replace(member, period=period))]


def _periods_with_factor_60(member: Statement) -> list[str]:
    return [mistake.period for mistake in factor_60_mistakes(member)]
