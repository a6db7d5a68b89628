"""Downtime of a product by cause, as a sum over days. Days that can no longer change are cached.

Only partial days and days that can still change are recomputed. Days without downtime are not split.
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
    """Estimated downtime by cause in microseconds.

    `own`: all dependencies were up. `dependency`: at least one was down. `unclear`: none was down, at least one was
    unknown.
    """

    own: int
    dependency: int
    unclear: int


NO_DOWNTIME = Causes(0, 0, 0)


class DowntimeCauses:
    """Computes the causes of a product's raw downtime over a moving window."""

    __slots__ = ("_days", "_dependencies", "_history", "_revision")

    def __init__(self, history: Eras, dependencies: Mapping[str, Eras]) -> None:
        self._history, self._dependencies = history, dependencies
        self._days: dict[int, Causes] = {}
        self._revision: tuple[tuple[int, ...], ...] = ()

    def over(self, window: Interval) -> Generator[None, None, Causes]:
        """Return the causes of the downtime in the window. Yields after each day, so that the caller can pause."""
        histories = (self._history, *self._dependencies.values())
        revision = tuple(history.revision for history in histories)
        if revision != self._revision:
            self._days, self._revision = {}, revision
        fixed_instants = [history.fixed_until for history in histories]
        fixed_until = min(window.start if fixed is None else fixed for fixed in fixed_instants)
        self._days = {day: causes for day, causes in self._days.items() if window.start <= day}
        total = NO_DOWNTIME
        for start in range(window.start // DAY * DAY, window.end, DAY):
            if (causes := self._days.get(start)) is None:
                causes = self._split(Interval(max(start, window.start), min(start + DAY, window.end)))
                if window.start <= start and start + DAY <= min(fixed_until, window.end):
                    self._days[start] = causes
                yield
            total = Causes(*map(sum, zip(total, causes, strict=True)))
        return total

    def _split(self, part: Interval) -> Causes:
        if not downtime(self._history.durations(part)).point:
            return NO_DOWNTIME
        split = split_downtime(self._history, self._dependencies, part)
        return Causes(split.alone, split.downtime - split.alone - split.unclear, split.unclear)
