"""How one part fails over time: at random and repaired, or on a plan. Durations are integer microseconds.

Chances are floats here, not fractions: waiting times are exponential, and exp() has no fraction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

_STEP = 64.0  # transitions expected per step of the uniformisation: exp(-64) is far from the smallest float


@dataclass(frozen=True, slots=True)
class Repairable:
    """A part of `replicas` alike and independent, up while `needed` of them are; 1 of 1 is a single part.

    Each replica runs for an exponential time of mean `mtbf`, then is repaired in an exponential time of mean `mttr`, by
    a crew of its own. MTBF is the mean time from a repair to the next failure (also called MTTF), so that
    availability = MTBF / (MTBF + MTTR).

    Raises:
        ValueError: a time is not above zero, or more replicas are needed than there are.
    """

    mtbf: int
    mttr: int
    replicas: int = 1
    needed: int = 1

    def __post_init__(self) -> None:
        if min(self.mtbf, self.mttr) <= 0:
            raise ValueError("MTBF and MTTR are more than zero")
        if not 1 <= self.needed <= self.replicas:
            raise ValueError(f"{self.needed} of {self.replicas} replicas cannot be needed; write 1 to {self.replicas}")

    @classmethod
    def of(cls, availability: Fraction, mttr: int, replicas: int = 1, needed: int = 1) -> Repairable:
        """Return the part whose *single replica* has that availability when its outages last `mttr` on average."""
        mtbf = round(availability / (1 - availability) * mttr)
        return cls(max(mtbf, 1), mttr, replicas, needed)

    @property
    def one_down(self) -> float:
        """The chance that one replica is down."""
        return self.mttr / (self.mtbf + self.mttr)

    @property
    def down(self) -> float:
        """The chance that the part is down at any instant: the binomial tail, exact for independent replicas."""
        return math.fsum(self._standing(j) for j in self._failing)

    def lasting(self, length: int) -> float:
        """Return the chance that it is down now and stays so for more than `length`.

        As good for "has been down for more than `length`": replicas come and go as a birth-death chain, which looks the
        same when time is reversed. For a single part it is down x exp(-length / mttr).
        """
        if self.replicas == 1:
            return self.one_down * math.exp(-length / self.mttr)
        stay = _survival(self._rates(), length)
        return math.fsum(self._standing(j) * stay[i] for i, j in enumerate(self._failing))

    @property
    def _failing(self) -> range:
        """How many replicas may be down when the part is."""
        return range(self.replicas - self.needed + 1, self.replicas + 1)

    def _standing(self, down: int) -> float:
        p = self.one_down
        return math.comb(self.replicas, down) * p**down * (1 - p) ** (self.replicas - down)

    def _rates(self) -> list[tuple[float, float]]:
        """Return (repairs, failures) per microsecond for each number of replicas that may be down."""
        return [(j / self.mttr, (self.replicas - j) / self.mtbf) for j in self._failing]


@dataclass(frozen=True, slots=True)
class Planned:
    """Down for `lasts` once in every `every`, at instants that have nothing to do with anything else.

    Raises:
        ValueError: it would be down all the time.
    """

    every: int
    lasts: int

    def __post_init__(self) -> None:
        if not 0 < self.lasts < self.every:
            raise ValueError("it lasts as long as the time from one to the next; shorten it, or make it rarer")

    @property
    def down(self) -> float:
        """The chance that it is going on at any instant."""
        return self.lasts / self.every

    def lasting(self, length: int) -> float:
        """Return the chance that it is going on and does so for more than `length` yet."""
        return max(0, self.lasts - length) / self.every


Process = Repairable | Planned


def _survival(rates: list[tuple[float, float]], length: int) -> list[float]:
    """Return for each state the chance that the chain does not leave downwards from the first within `length`.

    Uniformisation (A. Jensen, 1953): the chain is looked at at Poisson instants of one rate, which turns the matrix
    exponential into a sum of positive terms; a long time is gone through in steps so that exp() does not vanish.
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
    """Return the chances one Poisson instant later; below the first state nothing is alive."""
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
