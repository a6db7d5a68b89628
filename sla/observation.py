"""The basic types: the observation of one probe, and runs of equal observations. Imports no other module."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of one probe.

    `UNKNOWN` means that the monitor could not probe (uplink lost, file descriptors exhausted, event loop stalled). Such
    observations are stored and counted, but do not change the states of the timeline.
    """

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


# Of several observations of one check and vantage at one instant, the outcome with the highest number is used
# (measurement.md, section 1).
PRECEDENCE = {Outcome.UNKNOWN: 0, Outcome.GOOD: 1, Outcome.BAD: 2}


@dataclass(frozen=True, slots=True)
class Observation:
    """One probe of one check from one vantage.

    `at` is the instant when the probe was sent, microseconds since the epoch (UTC). `latency` is in microseconds, None
    if not measured. `reason` is empty for a good outcome, except for slow responses. `recheck`: an additional probe to
    confirm a change, which affects states like any other but is not counted.
    """

    check: str
    at: int
    outcome: Outcome
    reason: str = ""
    latency: int | None = None
    vantage: str = "local"
    recheck: bool = False


def is_evenly_spaced(gap: int, length: int, count: int) -> bool:
    """Return whether an observation `gap` after the end of a run fits the spacing of the run's observations.

    A gap of 0.6 to 1.5 times the spacing fits, so a late probe continues the run, but the probe after a missed one does
    not. The instants in a run can therefore be estimated as evenly spaced.
    """
    return count == 1 or (3 * length <= 5 * gap * (count - 1) and 2 * gap * (count - 1) <= 3 * length)


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive observations with equal check, vantage, outcome, reason and `recheck`, stored as one row.

    `first` and `last` are the instants of the first and the last of the `count` observations. Consecutive observations
    are at most `hold` apart, so a run has the same timeline as its observations. `latency_sum` and `latency_max`
    (microseconds) are computed from the `latency_count` observations with a latency.
    """

    check: str
    outcome: Outcome
    reason: str
    first: int
    last: int
    count: int
    hold: int
    latency_count: int = 0
    latency_sum: int = 0
    latency_max: int = 0
    vantage: str = "local"
    seeded: bool = False
    recheck: bool = False

    @classmethod
    def of(cls, observation: Observation, hold: int) -> Run:
        """Return a run of one observation."""
        has_latency = observation.latency is not None
        latency = observation.latency or 0
        return cls(
            observation.check,
            observation.outcome,
            observation.reason,
            observation.at,
            observation.at,
            1,
            hold,
            int(has_latency),
            latency,
            latency,
            observation.vantage,
            recheck=observation.recheck,
        )

    def accepts(self, observation: Observation, hold: int) -> bool:
        """Return whether the observation continues this run: equal, evenly spaced, and at most `hold` later."""
        return (
            self.last < observation.at <= self.last + min(hold, self.hold)
            and self.hold == hold
            and self.outcome == observation.outcome
            and self.reason == observation.reason
            and self.recheck == observation.recheck
            and not self.seeded
            and is_evenly_spaced(observation.at - self.last, self.last - self.first, self.count)
        )

    def with_observation(self, observation: Observation) -> Run:
        """Return this run with one more observation at its end, for which `accepts` must be true."""
        has_latency = observation.latency is not None
        latency = observation.latency or 0
        return Run(
            self.check,
            self.outcome,
            self.reason,
            self.first,
            observation.at,
            self.count + 1,
            self.hold,
            self.latency_count + has_latency,
            self.latency_sum + latency,
            max(self.latency_max, latency),
            self.vantage,
            recheck=self.recheck,
        )
