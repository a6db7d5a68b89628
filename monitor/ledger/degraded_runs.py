"""The runs in which a check was up and degraded, and its timeline for agreements that count degraded time.

The cause of each good observation is its recorded reason, so past figures can be recomputed from the record.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from monitor.probe_result import DEGRADED_REASONS
from sla.observation import Outcome
from sla.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sla.observation import Observation, Run

_REASONS: Final = tuple(sorted(DEGRADED_REASONS))


def is_degraded_outcome(outcome: Outcome, reason: str) -> bool:
    """Return whether the outcome of an observation is good and its reason reports a degraded target."""
    return outcome is Outcome.GOOD and reason in DEGRADED_REASONS


class DegradedRuns:
    """The starts and reasons of degraded runs in order of time, in 9 bytes per run.

    A timeline stores no reasons. Most checks have no degraded runs.
    """

    __slots__ = ("_reasons", "_starts")

    def __init__(self) -> None:
        self._starts = array("q")
        self._reasons = bytearray()

    def note(self, first: int, outcome: Outcome, reason: str) -> None:
        """Store the run that starts at `first` if it is degraded. It must be later than all stored runs."""
        if is_degraded_outcome(outcome, reason):
            self._starts.append(first)
            self._reasons.append(_REASONS.index(reason))

    def with_reason(self, run: Run) -> Run:
        """Return the run with its reason if it is degraded."""
        index = bisect_left(self._starts, run.first)
        if index == len(self._starts) or self._starts[index] != run.first:
            return run
        return replace(run, reason=_REASONS[self._reasons[index]])


class StrictTimeline:
    """A check's timeline in which degraded observations are bad."""

    __slots__ = ("timeline",)

    def __init__(self, hold: int, runs: Iterable[Run]) -> None:
        self.timeline = Timeline(hold)
        self.append_runs(runs)

    def append_runs(self, runs: Iterable[Run]) -> None:
        """Add recorded runs in order."""
        for run in runs:
            degraded = is_degraded_outcome(run.outcome, run.reason)
            self.timeline.append_run(replace(run, outcome=Outcome.BAD) if degraded else run)

    def append(self, observation: Observation, hold: int, *, continues: bool) -> None:
        """Add an observation with its hold. `continues`: whether it continues the last run."""
        degraded = is_degraded_outcome(observation.outcome, observation.reason)
        outcome = Outcome.BAD if degraded else observation.outcome
        self.timeline.hold = hold
        self.timeline.append(observation.at, outcome, continues=continues, recheck=observation.recheck)
