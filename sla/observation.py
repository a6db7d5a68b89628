"""The vocabulary: what one probe found, and runs of equal findings. Imports nothing of ours; start reading here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of one probe.

    `UNKNOWN` is our own failure (uplink lost, file descriptors exhausted, event loop stalled). It is stored and
    counted, and the timeline ignores it.
    """

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


# Two observations of one check and vantage at the same instant: one stands, bad over good over unknown
# (measurement.md, section 1). The larger number stands.
PRECEDENCE = {Outcome.UNKNOWN: 0, Outcome.GOOD: 1, Outcome.BAD: 2}


@dataclass(frozen=True, slots=True)
class Observation:
    """One probe of one check from one vantage.

    `at` is the instant at which the probe was *sent*, microseconds since the Unix epoch, UTC. `latency` is in
    microseconds, None where nothing was measured. `reason` is empty when the outcome is good, unless the answer was
    slow.
    """

    check: str
    at: int
    outcome: Outcome
    reason: str = ""
    latency: int | None = None
    vantage: str = "local"


def in_step(gap: int, length: int, count: int) -> bool:
    """Return whether an observation `gap` after the last of a run of this length lies as far apart as those in it.

    From 0.6 to 1.5 times as far: a late probe does, a missed one does not. So the observations of a run are evenly
    spaced but for that, and a run of any length shows where those before an instant were.
    """
    return count == 1 or (3 * length <= 5 * gap * (count - 1) and 2 * gap * (count - 1) <= 3 * length)


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring observations that say the same (check, vantage, outcome, reason), folded.

    `first` and `last` are the instants of the first and the last of the `count` observations; no two neighbours inside
    are more than `hold` apart, so the timeline of a run is the timeline of its observations. `latency_sum` and
    `latency_max` are microseconds over those observations that have a latency (`latency_count` of them).
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

    @classmethod
    def of(cls, seen: Observation, hold: int) -> Run:
        """Return the run that holds this one observation."""
        known = seen.latency is not None
        latency = seen.latency or 0
        return cls(
            seen.check, seen.outcome, seen.reason, seen.at, seen.at, 1, hold, int(known), latency, latency, seen.vantage
        )

    def takes(self, seen: Observation, hold: int) -> bool:
        """Return whether the observation continues this run: it says the same, in step, and at most `hold` later."""
        return (
            self.last < seen.at <= self.last + min(hold, self.hold)
            and self.hold == hold
            and self.outcome == seen.outcome
            and self.reason == seen.reason
            and not self.seeded
            and in_step(seen.at - self.last, self.last - self.first, self.count)
        )

    def folded(self, seen: Observation) -> Run:
        """Return this run with one more observation at its end. The caller has asked `takes` first."""
        known = seen.latency is not None
        latency = seen.latency or 0
        return Run(
            self.check,
            self.outcome,
            self.reason,
            self.first,
            seen.at,
            self.count + 1,
            self.hold,
            self.latency_count + known,
            self.latency_sum + latency,
            max(self.latency_max, latency),
            self.vantage,
        )
