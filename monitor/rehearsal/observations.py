"""Read the recorded observations of a time span in the order in which their outcomes arrived.

Raw observations are used as far back as the record has them. Earlier observations are computed from runs, assuming even
spacing. Their outcomes are in the exact sequence, but the instants within a run are estimates.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from monitor.probe_result import VANTAGE
from sla.interval import DAY, Interval
from sla.observation import Observation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from monitor.storage.reader import Reader
    from sla.observation import Run

_CHUNK: Final = DAY  # the raw observations of one check that are in memory at once


@dataclass(slots=True)
class RecordedObservations:
    """The observations of each check in the span. `raw_since` is the instant of the first raw observation per check."""

    record: Reader
    span: Interval
    runs: dict[str, Sequence[Run]] = field(default_factory=dict)
    raw_since: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for check, group in groupby(self.record.load_runs(), attrgetter("check")):
            overlapping = [run for run in group if run.vantage == VANTAGE and self._overlaps(run)]
            self.runs[check] = [*self.runs.get(check, ()), *overlapping]  # each vantage of a check is another group
        tail = {observation.check for observation in self.record.load_tail()}
        for check in [*self.runs, *(tail - set(self.runs))]:
            self.raw_since[check] = next((observation.at for observation in self._raw(check)), self.span.end)

    def _overlaps(self, run: Run) -> bool:
        return run.last >= self.span.start and run.first < self.span.end

    def in_order(self) -> Iterator[Observation]:
        """Yield the observations of all checks in the order of the arrival of their outcomes."""
        return heapq.merge(*(self._of_check(check) for check in self.raw_since), key=arrival)

    def evenly_spaced_until(self) -> int | None:
        """Return the instant before which some observations are estimated from runs; None if all are raw."""
        instants = [
            self.raw_since[check]
            for check, runs in self.runs.items()
            if any(max(run.first, self.span.start) < self.raw_since[check] for run in runs)
        ]
        return max(instants, default=None)

    def _of_check(self, check: str) -> Iterator[Observation]:
        start, end = self.span.start, min(self.raw_since[check], self.span.end)
        for run in self.runs.get(check, ()):
            yield from (observation for observation in expand_run(run) if start <= observation.at < end)
        yield from self._raw(check)

    def _raw(self, check: str) -> Iterator[Observation]:
        start = self.span.start
        while start < self.span.end:
            end = min(start + _CHUNK, self.span.end)
            chunk = self.record.observations(check, Interval(start, end))
            yield from (observation for observation in chunk if observation.vantage == VANTAGE)
            start = end


def arrival(observation: Observation) -> int:
    """Return the instant at which the outcome was known: the instant of the probe plus its latency."""
    return observation.at + (observation.latency or 0)


def expand_run(run: Run) -> Iterator[Observation]:
    """Yield the observations of a run, evenly spaced, with the mean latency."""
    latency = run.latency_sum // run.latency_count if run.latency_count else None
    steps = max(run.count - 1, 1)
    for number in range(run.count):
        at = run.first + (run.last - run.first) * number // steps
        yield Observation(run.check, at, run.outcome, run.reason, latency, run.vantage, run.recheck)


def thin_out(
    observations: Iterable[Observation],
    intervals: dict[str, tuple[int, int]],
    without_rechecks: Collection[str] = (),
) -> Iterator[Observation]:
    """Yield the observations that also exist with longer intervals or without re-checks.

    `intervals` has the recorded and the longer interval of checks by key. Other checks keep all observations. The
    re-checks of a skipped observation are skipped too.
    """
    last_at: dict[str, int] = {}
    skipped: set[str] = set(without_rechecks)
    for observation in observations:
        check, at = observation.check, observation.at
        if observation.recheck:
            if check not in skipped:
                yield observation
            continue
        if check in intervals:
            recorded, longer = intervals[check]
            if at - last_at.get(check, 0) < longer - recorded // 2:
                skipped.add(check)
                continue
            last_at[check] = at
            skipped -= {check} - set(without_rechecks)
        yield observation


def with_current_keys(observations: Iterable[Observation], current_keys: dict[str, str]) -> Iterator[Observation]:
    """Yield the observations with former keys replaced by current keys. `current_keys` is by former key."""
    for observation in observations:
        key = current_keys.get(observation.check)
        yield observation if key is None else replace(observation, check=key)
