"""The latencies of each check by day: a histogram of the open day, and packed histograms of closed days."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from functools import reduce
from operator import methodcaller
from typing import TYPE_CHECKING, Final

from monitor.probe_result import VANTAGE
from sla.interval import SECOND
from sla.latency_day import KEPT_TIME, LatencyDay
from sla.latency_histogram import LatencyHistogram
from sla.latency_objective import Fast
from sla.localtime import local, midnight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from zoneinfo import ZoneInfo

MAX_PENDING: Final = 16  # observations of a check that are counted together; their phases use memory until then


class OpenDay:
    """The day of the last good observation of a check. It ends at `end`, the next midnight.

    Several observations are counted together, because that takes half as many instructions per probe. `pending` has
    the latencies and phases of the observations that are not counted yet.
    """

    __slots__ = ("_histogram", "_phase_count", "_phases", "end", "last", "pending", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start, self.end, self.last = start, end, start
        self._histogram = LatencyHistogram()
        self._phase_count = 0
        self._phases: defaultdict[str, float] = defaultdict(float)  # sums in seconds
        self.pending: list[tuple[int, Mapping[str, float]]] = []

    @classmethod
    def of(cls, day: LatencyDay, end: int) -> OpenDay:
        """Return a recorded day to which observations can be added."""
        opened = cls(day.start, end)
        opened.last, opened._histogram, opened._phase_count = day.last, day.histogram, day.phase_count
        opened._phases.update({name: us / SECOND for name, us in day.phases.items()})
        return opened

    @property
    def histogram(self) -> LatencyHistogram:
        """The histogram of the latencies."""
        if self.pending:
            self.count_pending()
        return self._histogram

    def count_pending(self) -> None:
        """Count the pending observations, of which there are one or more."""
        latencies, all_phases = zip(*self.pending, strict=True)
        self.pending.clear()
        self._histogram.add_all(latencies)
        measured = [phases for phases in all_phases if phases]
        self._phase_count += len(measured)
        for name in set().union(*measured):
            self._phases[name] += sum(map(methodcaller("get", name, 0.0), measured))

    def row(self, check: str) -> LatencyDay:
        """Return the day as it is recorded."""
        packed = self.histogram.pack()  # this also counts the pending phases
        phases = {name: round(seconds * SECOND) for name, seconds in sorted(self._phases.items())}
        return LatencyDay(check, self.start, self.last, packed, self._phase_count, phases, VANTAGE)


class CheckLatencies:
    """The days of one check, by the key under which they are recorded. `open_day` is None before the first day."""

    __slots__ = ("_changed", "_closed", "_fast", "_saved_until", "key", "open_day")

    def __init__(self, key: str) -> None:
        self.key = key
        self._closed: dict[int, LatencyDay] = {}
        self.open_day: OpenDay | None = None
        self._changed: set[int] = set()  # starts of the days that were closed since the last call of `unsaved`
        self._fast: dict[tuple[int, ...], Fast] = {}  # of closed days, by limit and days
        self._saved_until = -1  # instant of the last observation that `unsaved` has returned

    def restore(self, day: LatencyDay) -> None:
        """Add a recorded day, in order."""
        self._fast.clear()
        self._closed[day.start] = day

    @property
    def last(self) -> int:
        """The instant of the last counted observation, -1 without one."""
        if self.open_day is not None:
            return self.open_day.last
        return max((day.last for day in self._closed.values()), default=-1)  # days overlap if the zone was changed

    def days(self) -> Iterator[LatencyDay]:
        """Yield all days in order."""
        yield from self._closed.values()
        if self.open_day is not None:
            yield self.open_day.row(self.key)

    def fast_responses(self, limit: int, since: int, until: int) -> Fast:
        """Return the responses under the limit in the days that start in [since, until)."""
        days = [start for start in self._closed if since <= start < until]
        key = (limit, *days)
        fast = self._fast.get(key)
        if fast is None:
            counted = (Fast.of(self._closed[start].histogram, limit) for start in days)
            fast = self._fast[key] = reduce(Fast.plus, counted, Fast())
        if self.open_day is not None and since <= self.open_day.start < until:
            fast = fast.plus(Fast.of(self.open_day.histogram, limit))
        return fast

    def unsaved(self) -> Iterator[LatencyDay]:
        """Yield the days that changed since the last call."""
        changed, self._changed = self._changed, set()
        yield from (self._closed[start] for start in sorted(changed) if start in self._closed)
        if self.open_day is not None and self.open_day.last > self._saved_until:
            self._saved_until = self.open_day.last
            yield self.open_day.row(self.key)

    def begin(self, at: int, zone: ZoneInfo) -> OpenDay:
        """Close the open day, and open the day of the instant: a new day, or the last recorded day."""
        self._fast.clear()
        if (closing := self.open_day) is not None:
            self._closed[closing.start] = closing.row(self.key)
            if closing.last > self._saved_until:
                self._changed.add(closing.start)
        start, end = day_of(at, zone)
        recorded = self._closed.pop(start, None)
        day = self.open_day = OpenDay(start, end) if recorded is None else OpenDay.of(recorded, end)
        for old in [old for old in self._closed if old < start - KEPT_TIME]:
            del self._closed[old]
        return day


class _LatenciesByKey(dict[str, CheckLatencies]):
    """The latencies of each check by its key, created at the first access."""

    def __missing__(self, key: str) -> CheckLatencies:
        latencies = self[key] = CheckLatencies(key)
        return latencies


class Latencies:
    """The latencies of all checks, by the key under which they are recorded. Days are in the portfolio's zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._checks = _LatenciesByKey()

    def add(self, key: str, at: int, latency: int, phases: Mapping[str, float]) -> None:
        """Count a good observation of the check, later than all previous ones."""
        check = self._checks[key]
        day = check.open_day
        if day is None or at >= day.end:
            day = check.begin(at, self.zone)
        day.last = at  # no method of the day is called, because calls are most of the cost
        pending = day.pending
        pending.append((latency, phases))
        if len(pending) >= MAX_PENDING:
            day.count_pending()

    def restore(self, days: Iterable[LatencyDay], observations: Iterable[tuple[str, int, int]]) -> None:
        """Load recorded days by check, then `start`, and count the observations `(check, at, latency)` after them."""
        for day in days:
            if day.vantage == VANTAGE:
                self._checks[day.check].restore(day)
        for key, at, latency in observations:
            if at > self._checks[key].last:
                self.add(key, at, latency, {})  # phases are not recorded by observation

    def days(self, keys: Iterable[str]) -> list[LatencyDay]:
        """Return the days recorded under any of the keys, by `start`."""
        check_latencies = (self._checks[key] for key in keys if key in self._checks)
        return sorted((day for check in check_latencies for day in check.days()), key=lambda day: day.start)

    def fast_responses(self, keys: Iterable[str], limit: int, since: int, until: int) -> Fast:
        """Return the responses under the limit in the days of any of the keys that start in [since, until)."""
        counted = (self._checks[key].fast_responses(limit, since, until) for key in keys if key in self._checks)
        return reduce(Fast.plus, counted, Fast())

    def unsaved(self, keys: Iterable[str] | None = None) -> list[LatencyDay]:
        """Return the days of these checks, or of all, that changed since the last call."""
        names = self._checks if keys is None else keys
        return [day for key in names if key in self._checks for day in self._checks[key].unsaved()]

    def all_days(self) -> list[LatencyDay]:
        """Return all days of all checks."""
        return [day for check in self._checks.values() for day in check.days()]


def day_of(at: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return the start and the end of the day of the instant in the zone, microseconds."""
    date = local(at, zone).date()
    return midnight(date, zone), midnight(date + dt.timedelta(1), zone)
