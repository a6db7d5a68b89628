"""Add observations to a run in place, by the rules of `Run.accepts` and `Run.with_observation`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.observation import Run, is_evenly_spaced

if TYPE_CHECKING:
    from sla.observation import Observation


class OpenRun:
    """The open run of one check at one vantage.

    A new frozen `Run` per probe takes 1.7 us, this class 0.24 us. A property test compares it with `Run`.
    """

    __slots__ = (
        "check",
        "count",
        "first",
        "hold",
        "last",
        "latency_count",
        "latency_max",
        "latency_sum",
        "outcome",
        "reason",
        "recheck",
        "seeded",
        "vantage",
    )

    def __init__(self, run: Run) -> None:
        self._start(run)

    def _start(self, run: Run) -> None:
        self.check = run.check
        self.outcome = run.outcome
        self.reason = run.reason
        self.first = run.first
        self.last = run.last
        self.count = run.count
        self.hold = run.hold
        self.latency_count = run.latency_count
        self.latency_sum = run.latency_sum
        self.latency_max = run.latency_max
        self.vantage = run.vantage
        self.seeded = run.seeded
        self.recheck = run.recheck

    def accepts(self, observation: Observation, hold: int) -> bool:
        """Return whether the observation continues the open run."""
        return (
            self.outcome is observation.outcome
            and self.last < observation.at <= self.last + hold
            and self.hold == hold
            and self.reason == observation.reason
            and self.recheck is observation.recheck
            and not self.seeded
            and is_evenly_spaced(observation.at - self.last, self.last - self.first, self.count)
        )

    def add(self, observation: Observation, hold: int) -> Run | None:
        """Add the observation. Return the finished run if the observation starts a new one, otherwise None."""
        if self.accepts(observation, hold):
            self.last = observation.at
            self.count += 1
            if (latency := observation.latency) is not None:
                self.latency_count += 1
                self.latency_sum += latency
                if latency > self.latency_max:
                    self.latency_max = latency
            return None
        finished = self.run()
        self._start(Run.of(observation, hold))
        return finished

    def run(self) -> Run:
        """Return the open run as a `Run`."""
        return Run(
            self.check,
            self.outcome,
            self.reason,
            self.first,
            self.last,
            self.count,
            self.hold,
            self.latency_count,
            self.latency_sum,
            self.latency_max,
            self.vantage,
            self.seeded,
            self.recheck,
        )
