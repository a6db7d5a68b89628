"""Compute the figures of a product with changing definitions directly from measurement.md, one instant at a time.

Between two neighbouring instants at which anything changes (an observation, the end of a hold, a midpoint, a
definition, an edge of an exclusion) nothing changes, so that the state of each such piece is that of its first instant.
This module uses no code of `sla` or `monitor`. A check keeps its identity when it is renamed.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from operator import itemgetter
from typing import Any

from tests.property.oracle import UNKNOWN, compose, worst_outcomes

SIDE = {"good": "up", "bad": "down"}


@dataclass
class Member:
    """A check in a definition: its id and its hold."""

    check: str
    hold: int


@dataclass
class Load:
    """The terms of one product that a load defines. Without members, the product was removed."""

    made: int
    k: int
    members: list[Member]
    objective: Fraction
    excludes: tuple[str, ...] = ("maintenance", "corrections")
    degraded: bool = False  # whether degraded time is downtime in contractual figures


@dataclass
class World:
    """All observations and facts. Products are identified by permanent ids.

    `observed` has (at, outcome, hold) by check, `loads` by product, `plans` (made, [(start, end)]) by product (those of
    all products with the key ""), `corrections` (made, start, end, instant of the revocation or None) by product.
    """

    observed: dict[str, list[tuple[int, str, int]]] = field(default_factory=dict)
    loads: dict[str, list[Load]] = field(default_factory=dict)
    plans: dict[str, list[tuple[int, list[tuple[int, int]]]]] = field(default_factory=dict)
    corrections: dict[str, list[list[Any]]] = field(default_factory=dict)
    rechecks: dict[str, set[int]] = field(default_factory=dict)  # instants of observations that are not counted
    degraded: dict[str, set[int]] = field(default_factory=dict)  # instants of good observations of a degraded target

    def as_of(self, at: int) -> World:
        """Return the observations and facts up to the instant (section 1)."""
        return World(
            {
                name: [observation for observation in observations if observation[0] <= at]
                for name, observations in self.observed.items()
            },
            {name: [load for load in loads if load.made <= at] for name, loads in self.loads.items()},
            {name: [plan for plan in plans if plan[0] <= at] for name, plans in self.plans.items()},
            {
                name: [
                    [made, start, end, None if revoked is None or revoked > at else revoked]
                    for made, start, end, revoked in correction
                    if made <= at
                ]
                for name, correction in self.corrections.items()
            },
            self.rechecks,
            self.degraded,
        )


class FigureOracle:
    """The figures of a world as of one instant."""

    def __init__(self, world: World, at: int) -> None:
        self.world = world.as_of(at)
        self._known: dict[str, list[tuple[int, str, int]]] = {}
        for name, observations in self.world.observed.items():
            worst = worst_outcomes([(at, outcome) for at, outcome, _ in observations])
            holds = {at: hold for at, _, hold in observations}
            self._known[name] = sorted((at, o, holds[at]) for at, o in worst.items() if o != UNKNOWN)
        self._strict = {
            name: [(at, "bad" if at in self.world.degraded.get(name, ()) else o, hold) for at, o, hold in known]
            for name, known in self._known.items()
        }
        self._starts = {name: self._definition_starts(name) for name in world.loads}

    def check(self, name: str, x: int, *, strict: bool = False) -> str:
        """Return the state of a check at one instant (section 2). A pair has the hold of its earlier observation.

        With `strict`, a good observation of a degraded target is bad.
        """
        known = (self._strict if strict else self._known).get(name, [])
        later = bisect_right(known, x, key=itemgetter(0))
        before = known[later - 1] if later else None
        after = known[later] if later < len(known) else None
        if before is None:
            return "unknown"
        at, outcome, hold = before
        if after is None:
            return f"doubt_{SIDE[outcome]}" if x < at + hold else "unknown"
        if after[0] - at > hold:
            return "unknown"
        if after[1] == outcome:
            return SIDE[outcome]
        return f"doubt_{SIDE[outcome if x < (at + after[0]) // 2 else after[1]]}"

    def _definition_starts(self, product: str) -> list[int]:
        """Return when each definition applies (section 3, "Eras"). New members are not in the previous definition."""
        starts: list[int] = []
        former: set[str] = set()
        for load in self.world.loads[product]:
            new = [member for member in load.members if member.check not in former]
            latest = load.made + max((member.hold for member in new), default=0)
            firsts = [
                min((at for at, _, _ in self.world.observed.get(name.check, []) if at >= load.made), default=latest)
                for name in new
            ]
            starts.append(min(latest, max([load.made, *firsts])))
            former = {member.check for member in load.members}
        return starts

    def definition(self, product: str, x: int) -> Load | None:
        """Return the definition that is valid at the instant."""
        for load, start in reversed([*zip(self.world.loads[product], self._starts[product], strict=True)]):
            if start <= x:
                return load
        return None

    def state(self, product: str, x: int, *, contractual: bool = False) -> str:
        """Return the state of the product at one instant (section 3).

        If the agreement counts degraded time, the product is up in contractual figures only while all its checks are up
        and none of them is degraded.
        """
        load = self.definition(product, x)
        if load is None or not load.members:
            return "unknown"
        if contractual and load.degraded:
            states = [self.check(member.check, x, strict=True) for member in load.members]
            return compose(states, len(states))
        return compose([self.check(member.check, x) for member in load.members], load.k)

    def terms(self, product: str, x: int) -> Load:
        """Return the objective and the agreement at the instant. Those of the first definition also apply before it."""
        return self.definition(product, x) or self.world.loads[product][0]

    def excluded(self, product: str, x: int) -> bool:
        """Return whether the instant is excluded (section 4)."""
        for exclude in self.terms(product, x).excludes:
            if exclude == "corrections":
                actual = any(
                    s <= x < e and revoked is None for _, s, e, revoked in self.world.corrections.get(product, [])
                )
            elif exclude == "maintenance":
                actual = any(s <= x < e for name in ("", product) for s, e in self._planned_spans(name, x))
            else:
                actual = x < self._last_known(exclude) and self.state(exclude, x) in ("down", "doubt_down")
            if actual:
                return True
        return False

    def _planned_spans(self, name: str, x: int) -> list[tuple[int, int]]:
        plans = self.world.plans.get(name, [])
        return next((spans for made, spans in reversed(plans) if made <= x), plans[0][1] if plans else [])

    def _last_known(self, product: str) -> int:
        names = {member.check for load in self.world.loads.get(product, []) for member in load.members}
        return max((observation[0] for name in names for observation in self._known.get(name, [])[-1:]), default=-1)

    def edges(self) -> set[int]:
        """Return every instant at which a value changes."""
        actual: set[int] = set()
        for known in self._known.values():
            actual |= {at for at, _, _ in known} | {at + hold for at, _, hold in known}
            actual |= {(a[0] + b[0]) // 2 for a, b in pairwise(known)}
        for name, loads in self.world.loads.items():
            actual |= {load.made for load in loads} | set(self._starts[name])
        for plans in self.world.plans.values():
            actual |= {made for made, _ in plans} | {edge for _, spans in plans for span in spans for edge in span}
        return actual | {
            edge for correction in self.world.corrections.values() for _, s, e, _ in correction for edge in (s, e)
        }

    def measured(self, product: str, start: int, end: int, *, contractual: bool) -> dict[str, Any]:
        """Return durations, counts, allowed downtime and latest objective of the window (sections 5 and 7)."""
        names = ("up", "down", "doubt_up", "doubt_down", "unknown", "guess_up", "guess_down")
        duration = dict.fromkeys(names, 0)
        allowed = Fraction(0)
        cuts = sorted({start, end, *(edge for edge in self.edges() if start < edge < end)})
        for x, y in pairwise(cuts):
            if contractual and self.excluded(product, x):
                continue
            duration[self.state(product, x, contractual=contractual)] += y - x
            allowed += (1 - self.terms(product, x).objective) * (y - x)
        actual: dict[str, Any] = duration | {
            "allowed": allowed,
            "objective": self.terms(product, max(start, end - 1)).objective,
        }
        return actual | {"counts": self._counts(product, start, end, contractual=contractual)}

    def _counts(self, product: str, start: int, end: int, *, contractual: bool) -> tuple[int, int, int]:
        """Return the counts of the checks that were members at the time (section 11)."""
        count = {"good": 0, "bad": 0, "unknown": 0}
        for name, observations in self.world.observed.items():
            rechecks = self.world.rechecks.get(name, ())
            counted = [(at, outcome) for at, outcome, _ in observations if at not in rechecks]
            for at, outcome in worst_outcomes(counted).items():
                inside = start <= at < end and not (contractual and self.excluded(product, at))
                terms = self.terms(product, at)
                if inside and name in {member.check for member in terms.members}:
                    strict = contractual and terms.degraded and at in self.world.degraded.get(name, ())
                    count["bad" if strict else outcome] += 1
        return count["good"], count["bad"], count["unknown"]

    def first_known(self, product: str) -> int | None:
        """Return the first known observation of all checks of all definitions."""
        names = {member.check for load in self.world.loads[product] for member in load.members}
        return min((self._known[name][0][0] for name in names if self._known.get(name)), default=None)
