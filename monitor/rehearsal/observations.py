"""The recorded observations of a time in the order in which their outcomes arrived.

As far back as single observations are kept they are read; before that they are taken from the folded runs, evenly
spaced: the sequence of outcomes is exact then, the instants between the first and the last of a run are not.
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
    from collections.abc import Iterable, Iterator, Sequence

    from monitor.storage.reader import Reader
    from sla.observation import Run

_CHUNK: Final = DAY  # of one check that is in memory at once


@dataclass(slots=True)
class RecordedObservations:
    """The observations of each check within the span. `kept_since` is the instant from which single ones are kept."""

    record: Reader
    span: Interval
    runs: dict[str, Sequence[Run]] = field(default_factory=dict)
    kept_since: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for check, group in groupby(self.record.load_runs(), attrgetter("check")):
            self.runs[check] = [each for each in group if each.vantage == VANTAGE and self._touches(each)]
        tail = {seen.check for seen in self.record.load_tail()}
        for check in [*self.runs, *(tail - set(self.runs))]:
            self.kept_since[check] = next((seen.at for seen in self._single(check)), self.span.end)

    def _touches(self, run: Run) -> bool:
        return run.last >= self.span.start and run.first < self.span.end

    def in_order(self) -> Iterator[Observation]:
        """Yield the observations of all checks by when their outcome was known."""
        return heapq.merge(*(self._of(check) for check in self.kept_since), key=arrival)

    def first_folded(self) -> int | None:
        """Return the instant before which some observations are evenly spaced, None if all are single ones."""
        spaced = [
            self.kept_since[check]
            for check, runs in self.runs.items()
            if any(max(run.first, self.span.start) < self.kept_since[check] for run in runs)
        ]
        return max(spaced, default=None)

    def _of(self, check: str) -> Iterator[Observation]:
        kept = self.kept_since[check]
        for run in self.runs.get(check, ()):
            yield from (seen for seen in unfolded(run) if self.span.start <= seen.at < min(kept, self.span.end))
        yield from self._single(check)

    def _single(self, check: str) -> Iterator[Observation]:
        start = self.span.start
        while start < self.span.end:
            end = min(start + _CHUNK, self.span.end)
            yield from (e for e in self.record.observations(check, Interval(start, end)) if e.vantage == VANTAGE)
            start = end


def arrival(seen: Observation) -> int:
    """Return when the outcome was known; an observation without a latency counts as answered at once."""
    return seen.at + (seen.latency or 0)


def unfolded(run: Run) -> Iterator[Observation]:
    """Yield the observations of a run, evenly spaced, each with the mean latency."""
    latency = run.latency_sum // run.latency_count if run.latency_count else None
    steps = max(run.count - 1, 1)
    for number in range(run.count):
        at = run.first + (run.last - run.first) * number // steps
        yield Observation(run.check, at, run.outcome, run.reason, latency, run.vantage)


def thinned(observations: Iterable[Observation], intervals: dict[str, tuple[int, int]]) -> Iterator[Observation]:
    """Yield the observations that a longer interval would have made too.

    `intervals` has the recorded interval and the longer one of each check that has one, by its key.
    """
    kept: dict[str, int] = {}
    for seen in observations:
        if seen.check in intervals:
            recorded, longer = intervals[seen.check]
            if seen.at - kept.get(seen.check, 0) < longer - recorded // 2:
                continue
            kept[seen.check] = seen.at
        yield seen


def renamed(observations: Iterable[Observation], present: dict[str, str]) -> Iterator[Observation]:
    """Yield the observations with former keys replaced by the present ones."""
    for seen in observations:
        key = present.get(seen.check)
        yield seen if key is None else replace(seen, check=key)
