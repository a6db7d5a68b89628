"""A product's downtime by cause, summed up from days, of which those that cannot change any more are kept.

A window costs the states of its two partial days and of the days that can still change. All other days are kept: per
product at most as many as its window has. Days without downtime are not split at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sla.availability import downtime
from sla.downtime_split import split_downtime
from sla.interval import DAY, Interval

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from sla.eras import Eras


class Causes(NamedTuple):
    """Estimated downtime by cause, microseconds.

    `own`: all dependencies were up. `dependency`: at least one was down. `unclear`: none was down, at least one was
    unknown.
    """

    own: int
    dependency: int
    unclear: int


NONE = Causes(0, 0, 0)


class DowntimeCauses:
    """Computes the causes of a product's downtime, before exclusions, over windows that move on."""

    __slots__ = ("_days", "_dependencies", "_history", "_revision")

    def __init__(self, history: Eras, dependencies: Mapping[str, Eras]) -> None:
        self._history, self._dependencies = history, dependencies
        self._days: dict[int, Causes] = {}
        self._revision: tuple[tuple[int, ...], ...] = ()

    def over(self, window: Interval) -> Generator[None, None, Causes]:
        """Return the causes within the window, with a pause after each day that is computed."""
        histories = (self._history, *self._dependencies.values())
        revision = tuple(each.revision for each in histories)
        if revision != self._revision:
            self._days, self._revision = {}, revision
        ends = [each.fixed_until for each in histories]
        fixed = min(window.start if end is None else end for end in ends)
        self._days = {day: found for day, found in self._days.items() if window.start <= day}
        total = NONE
        for start in range(window.start // DAY * DAY, window.end, DAY):
            if (found := self._days.get(start)) is None:
                found = self._split(Interval(max(start, window.start), min(start + DAY, window.end)))
                if window.start <= start and start + DAY <= min(fixed, window.end):
                    self._days[start] = found
                yield
            total = Causes(*map(sum, zip(total, found, strict=True)))
        return total

    def _split(self, part: Interval) -> Causes:
        if not downtime(self._history.durations(part)).point:
            return NONE
        found = split_downtime(self._history, self._dependencies, part)
        return Causes(found.alone, found.downtime - found.alone - found.unclear, found.unclear)
