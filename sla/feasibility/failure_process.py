"""Failure processes of a part: random failures with repair, or planned downtime.

Durations are in integer microseconds. Probabilities are floats, because waiting times are exponential.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

_STEP = 64.0  # expected transitions per step of the uniformisation: exp(-64) does not underflow


@dataclass(frozen=True, slots=True)
class Repairable:
    """A part with `replicas` equal, independent replicas. It is up while `needed` of them are up.

    The times to failure and to repair of each replica are exponential with means `mtbf` and `mttr`, and repairs are
    independent. MTBF is the mean time from a repair to the next failure (also called MTTF), so availability = MTBF /
    (MTBF + MTTR).

    Raises:
        ValueError: a time is not positive, or more replicas are needed than exist.
    """

    mtbf: int
    mttr: int
    replicas: int = 1
    needed: int = 1

    def __post_init__(self) -> None:
        if min(self.mtbf, self.mttr) <= 0:
            raise ValueError("MTBF and MTTR must be positive")
        if not 1 <= self.needed <= self.replicas:
            raise ValueError(f"{self.needed} of {self.replicas} replicas cannot be needed; use 1 to {self.replicas}")

    @classmethod
    def from_availability(cls, availability: Fraction, mttr: int, replicas: int = 1, needed: int = 1) -> Repairable:
        """Return a part in which each replica has this availability and a mean outage of `mttr`."""
        mtbf = round(availability / (1 - availability) * mttr)
        return cls(max(mtbf, 1), mttr, replicas, needed)

    @property
    def replica_down_probability(self) -> float:
        """The probability that one replica is down."""
        return self.mttr / (self.mtbf + self.mttr)

    @property
    def down(self) -> float:
        """The probability that the part is down at an instant: the binomial tail, exact for independent replicas."""
        return math.fsum(self._probability_of_count(j) for j in self._down_counts)

    def probability_down_longer_than(self, length: int) -> float:
        """Return the probability that the part is down now and remains down for more than `length`.

        By time reversibility (birth-death chain), this is also the probability that it has been down for more than
        `length`. For a single replica it is down x exp(-length / mttr).
        """
        if self.replicas == 1:
            return self.replica_down_probability * math.exp(-length / self.mttr)
        survival = _survival(self._rates(), length)
        return math.fsum(self._probability_of_count(j) * survival[i] for i, j in enumerate(self._down_counts))

    @property
    def _down_counts(self) -> range:
        """The numbers of down replicas at which the part is down."""
        return range(self.replicas - self.needed + 1, self.replicas + 1)

    def _probability_of_count(self, down: int) -> float:
        p = self.replica_down_probability
        return math.comb(self.replicas, down) * p**down * (1 - p) ** (self.replicas - down)

    def _rates(self) -> list[tuple[float, float]]:
        """Return (repairs, failures) per microsecond for each number of down replicas at which the part is down."""
        return [(j / self.mttr, (self.replicas - j) / self.mtbf) for j in self._down_counts]


@dataclass(frozen=True, slots=True)
class Planned:
    """Planned downtime of `duration` once per `every`, independent of all other outages.

    Raises:
        ValueError: the duration is not shorter than `every`.
    """

    every: int
    duration: int

    def __post_init__(self) -> None:
        if not 0 < self.duration < self.every:
            raise ValueError("the downtime must be shorter than its interval; shorten it, or use a longer interval")

    @property
    def down(self) -> float:
        """The probability that the downtime is in progress at an instant."""
        return self.duration / self.every

    def probability_down_longer_than(self, length: int) -> float:
        """Return the probability that the downtime is in progress and continues for more than `length`."""
        return max(0, self.duration - length) / self.every


Process = Repairable | Planned


def _survival(rates: list[tuple[float, float]], length: int) -> list[float]:
    """Return per start state the probability that the chain stays within the states for `length`.

    Uses uniformisation (A. Jensen, 1953): the chain is observed at Poisson instants of one rate, so that the matrix
    exponential becomes a sum of positive terms. A long time is divided into steps, so that exp() does not underflow.
    """
    max_rate = max(repair + failure for repair, failure in rates)
    steps = max(1, math.ceil(max_rate * length / _STEP))
    expected = max_rate * length / steps
    survival = [1.0] * len(rates)
    for _ in range(steps):
        survival = _step(rates, max_rate, expected, survival)
        if max(survival) < 1e-300:
            return [0.0] * len(rates)
    return survival


def _step(rates: list[tuple[float, float]], max_rate: float, expected: float, survival: list[float]) -> list[float]:
    weight = math.exp(-expected)
    total = [weight * value for value in survival]
    for count in range(1, int(expected + 12 * math.sqrt(expected) + 30)):
        survival = _jump(rates, max_rate, survival)
        weight *= expected / count
        total = [part + weight * value for part, value in zip(total, survival, strict=True)]
    return total


def _jump(rates: list[tuple[float, float]], max_rate: float, survival: list[float]) -> list[float]:
    """Return the probabilities one Poisson instant later. The chain ends if it leaves the first state by a repair."""
    last = len(survival) - 1
    return [
        (
            repair * (survival[i - 1] if i else 0.0)
            + failure * survival[min(i + 1, last)]
            + (max_rate - repair - failure) * survival[i]
        )
        / max_rate
        for i, (repair, failure) in enumerate(rates)
    ]
