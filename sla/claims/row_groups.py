"""Infer the period of a table or list that states none: the period that most rows fit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sla.claims.known_mistakes import sixty_slips
from sla.claims.model import Statement, Strength
from sla.claims.period_fit import fits
from sla.claims.periods import PERIODS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
_NEAR_LINES = 3


def settle(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Yield the statements, with a period inferred for runs of rows that agree on it."""
    for members in grouped(statements, lambda statement: statement.group):
        yield from _settled(members)


def grouped(each: Iterable[T], group: Callable[[T], tuple[int, ...]]) -> Iterable[list[T]]:
    """Return the members of each group in order."""
    found: dict[tuple[int, ...], list[T]] = {}
    for one in each:
        found.setdefault(group(one), []).append(one)
    return found.values()


def _settled(members: list[Statement]) -> Iterator[Statement]:
    for run in _runs([m for m in members if m.period is None]):
        period = _agreed(run)
        members = [replace(m, period=PERIODS[period]) if period and m in run else m for m in members]
        if period and len(run) > 2:
            members = [replace(m, strength=Strength.PLAIN) if m.period is PERIODS[period] else m for m in members]
    yield from members


def _runs(members: list[Statement]) -> Iterator[list[Statement]]:
    run: list[Statement] = []
    for member in members:
        if run and member.line - run[-1].line > _NEAR_LINES:
            yield run
            run = []
        run.append(member)
    if run:
        yield run


def _agreed(run: list[Statement]) -> str | None:
    """Return the period that at least 2 rows and more than half of them fit, exactly or with the same factor of 60."""
    if len({member.level.ratio for member in run}) < 2:
        return None
    for explained in (_fitting, _slipping):
        votes = Counter(period for member in run for period in explained(member))
        if votes:
            period, count = max(votes.items(), key=lambda item: item[1])
            if count >= 2 and count * 2 > len(run):
                return period
    return None


def _fitting(member: Statement) -> list[str]:
    return [name for name, period in PERIODS.items() if name != "hour" and fits(replace(member, period=period))]


def _slipping(member: Statement) -> list[str]:
    return [slip.period for slip in sixty_slips(member)]
