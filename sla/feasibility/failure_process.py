"""Failure processes of a part: random failures with repair, or planned downtime. Durations in integer microseconds.

Probabilities are floats, because waiting times are exponential.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

_STEP = 64.0  # transitions expected per step of the uniformisation: exp(-64) is far from the smallest float


@dataclass(frozen=True, slots=True)
class Repairable:
    """A part with `replicas` equal, independent replicas, up while `needed` of them are; 1 of 1 is a single part.

    Times to failure and to repair of each replica are exponential with means `mtbf` and `mttr`, and repairs are
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
    def of(cls, availability: Fraction, mttr: int, replicas: int = 1, needed: int = 1) -> Repairable:
        """Return the part whose single replica has that availability with outages of `mttr` on average."""
        mtbf = round(availability / (1 - availability) * mttr)
        return cls(max(mtbf, 1), mttr, replicas, needed)

    @property
    def one_down(self) -> float:
        """The probability that one replica is down."""
        return self.mttr / (self.mtbf + self.mttr)

    @property
    def down(self) -> float:
        """The probability that the part is down at an instant: the binomial tail, exact for independent replicas."""
        return math.fsum(self._standing(j) for j in self._failing)

    def lasting(self, length: int) -> float:
        """Return the probability that it is down now and remains down for more than `length`.

        It equals that of having been down for more than `length`, because a birth-death chain is time-reversible. For a
        single part it is down x exp(-length / mttr).
        """
        if self.replicas == 1:
            return self.one_down * math.exp(-length / self.mttr)
        stay = _survival(self._rates(), length)
        return math.fsum(self._standing(j) * stay[i] for i, j in enumerate(self._failing))

    @property
    def _failing(self) -> range:
        """The possible numbers of down replicas while the part is down."""
        return range(self.replicas - self.needed + 1, self.replicas + 1)

    def _standing(self, down: int) -> float:
        p = self.one_down
        return math.comb(self.replicas, down) * p**down * (1 - p) ** (self.replicas - down)

    def _rates(self) -> list[tuple[float, float]]:
        """Return (repairs, failures) per microsecond for each number of replicas that may be down."""
        return [(j / self.mttr, (self.replicas - j) / self.mtbf) for j in self._failing]


@dataclass(frozen=True, slots=True)
class Planned:
    """Down for `lasts` once in every `every`, independent of everything else.

    Raises:
        ValueError: it would always be down.
    """

    every: int
    lasts: int

    def __post_init__(self) -> None:
        if not 0 < self.lasts < self.every:
            raise ValueError("the downtime is not shorter than its interval; shorten it, or use a longer interval")

    @property
    def down(self) -> float:
        """The probability that it is in progress at an instant."""
        return self.lasts / self.every

    def lasting(self, length: int) -> float:
        """Return the probability that it is in progress and lasts for more than `length` from now."""
        return max(0, self.lasts - length) / self.every


Process = Repairable | Planned


def _survival(rates: list[tuple[float, float]], length: int) -> list[float]:
    """Return for each state the probability that the chain does not leave through the first state within `length`.

    Uses uniformisation (A. Jensen, 1953): the chain is observed at Poisson instants of one rate, so that the matrix
    exponential becomes a sum of positive terms; a long time is divided into steps so that exp() does not underflow.
    """
    fastest = max(repair + failure for repair, failure in rates)
    steps = max(1, math.ceil(fastest * length / _STEP))
    expected = fastest * length / steps
    alive = [1.0] * len(rates)
    for _ in range(steps):
        alive = _step(rates, fastest, expected, alive)
        if max(alive) < 1e-300:
            return [0.0] * len(rates)
    return alive


def _step(rates: list[tuple[float, float]], fastest: float, expected: float, alive: list[float]) -> list[float]:
    weight = math.exp(-expected)
    found = [weight * each for each in alive]
    for count in range(1, int(expected + 12 * math.sqrt(expected) + 30)):
        alive = _jump(rates, fastest, alive)
        weight *= expected / count
        found = [held + weight * each for held, each in zip(found, alive, strict=True)]
    return found


def _jump(rates: list[tuple[float, float]], fastest: float, alive: list[float]) -> list[float]:
    """Return the probabilities one Poisson instant later; the state below the first is absorbing."""
    last = len(alive) - 1
    return [
        (
            repair * (alive[i - 1] if i else 0.0)
            + failure * alive[min(i + 1, last)]
            + (fastest - repair - failure) * alive[i]
        )
        / fastest
        for i, (repair, failure) in enumerate(rates)
    ]
