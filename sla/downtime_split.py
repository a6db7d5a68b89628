"""Split a product's downtime by the dependencies that were down at the same time.

Each instant of the product's point downtime counts for exactly one set of dependencies: those whose point state was
down then. So the split adds up to the downtime, and time in which two dependencies were down counts once, for both
together. The split shows coincidence, not causes; compare it with the split expected for independent failures.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from math import prod
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sla.availability import Bounds, availability, downtime
from sla.interval import SECOND, Interval
from sla.rule import decide
from sla.states import Durations, State
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sla.state_history import History

_UNCLEAR = None  # key of downtime with no dependency down and at least one unknown


@dataclass(frozen=True, slots=True)
class DowntimeSplit:
    """A window's downtime by the set of dependencies that were down at the same time, microseconds.

    In `split`, the empty set has the downtime while all dependencies were up, None the unclear downtime.
    `joint_durations` are those of a hypothetical product that is up while the product and all its dependencies are up.
    """

    window: Interval
    split: Mapping[frozenset[str] | None, int]
    product_durations: Durations
    dependency_durations: Mapping[str, Durations]
    joint_durations: Durations

    @property
    def downtime(self) -> int:
        """The product's point downtime, which is the sum of the split."""
        return downtime(self.product_durations).point

    @property
    def alone(self) -> int:
        """The downtime while all dependencies were up."""
        return self.split.get(frozenset(), 0)

    @property
    def unclear(self) -> int:
        """The downtime while no dependency was down and at least one was unknown."""
        return self.split.get(_UNCLEAR, 0)

    @property
    def shared(self) -> dict[tuple[str, ...], int]:
        """The downtime by the exact set of dependencies that were down, longest first."""
        shared = {
            tuple(n for n in self.dependency_durations if n in names): us for names, us in self.split.items() if names
        }
        return dict(sorted(shared.items(), key=lambda item: (-item[1], item[0])))

    def with_down(self, dependency: str) -> int:
        """Return the downtime in which the dependency was down, alone or with others. These values overlap."""
        return sum(us for names, us in self.split.items() if names is not None and dependency in names)

    def by_chance(self, dependency: str) -> Fraction | None:
        """Return the expected downtime during the dependency's downtime if both failed independently.

        None if all time of the dependency is unknown.
        """
        point = availability(self.dependency_durations[dependency]).point
        return None if point is None else self.downtime * (1 - point)

    @property
    def together(self) -> Bounds[Fraction | None]:
        """The observed availability of the product together with all its dependencies: the time when all were up."""
        return availability(self.joint_durations)

    @property
    def independent(self) -> Fraction | None:
        """The expected `together` if all failed independently: the product of the point availabilities, or None."""
        points = [
            availability(durations).point for durations in (self.product_durations, *self.dependency_durations.values())
        ]
        known = [point for point in points if point is not None]
        return Fraction(prod(known)) if len(known) == len(points) else None

    def plus(self, later: DowntimeSplit) -> DowntimeSplit:
        """Return the split of both windows together. `later` must begin at the end of this window."""
        return DowntimeSplit(
            Interval(self.window.start, later.window.end),
            Counter(self.split) + Counter(later.split),
            self.product_durations.plus(later.product_durations),
            {
                name: durations.plus(later.dependency_durations[name])
                for name, durations in self.dependency_durations.items()
            },
            self.joint_durations.plus(later.joint_durations),
        )

    def as_json(self, product: str) -> dict[str, Any]:
        """Return the object of the API: durations in seconds, null if there is no figure."""
        return {
            "product": product,
            "window": {"start": format_instant(self.window.start), "end": format_instant(self.window.end)},
            "downtime_seconds": self.downtime / SECOND,
            "own_seconds": self.alone / SECOND,
            "unclear_seconds": self.unclear / SECOND,
            "shared": [{"dependencies": list(names), "seconds": us / SECOND} for names, us in self.shared.items()],
            "dependencies": [self._dependency(name) for name in self.dependency_durations],
            "together": {name: _number(ratio) for name, ratio in self.together._asdict().items()},
            "together_if_independent": _number(self.independent),
        }

    def _dependency(self, name: str) -> dict[str, Any]:
        durations, chance = self.dependency_durations[name], self.by_chance(name)
        return {
            "id": name,
            "downtime_seconds": downtime(durations).point / SECOND,
            "shared_seconds": self.with_down(name) / SECOND,
            "shared_if_independent_seconds": None if chance is None else float(chance / SECOND),
        }


def split_downtime(product: History, dependencies: Mapping[str, History], window: Interval) -> DowntimeSplit:
    """Return the split of the product's downtime within the window, before exclusions."""
    names, histories = tuple(dependencies), (product, *dependencies.values())
    split: Counter[frozenset[str] | None] = Counter()
    joint_durations = [0] * len(State)
    for start, end, states in joint_pieces(histories, window):
        joint_durations[decide([states.count(state) for state in State], len(states))] += end - start
        if states[0].estimate is State.DOWN:
            split[_down_set(names, states[1:])] += end - start
    product_durations, *dependency_durations = (history.durations(window) for history in histories)
    return DowntimeSplit(
        window,
        split,
        product_durations,
        dict(zip(names, dependency_durations, strict=True)),
        Durations.of_sums(joint_durations),
    )


def _down_set(names: Sequence[str], states: Sequence[State]) -> frozenset[str] | None:
    down = frozenset(name for name, state in zip(names, states, strict=True) if state.estimate is State.DOWN)
    has_unknown = any(state.estimate is State.UNKNOWN for state in states)
    return _UNCLEAR if not down and has_unknown else down


def joint_pieces(histories: Sequence[History], window: Interval) -> Iterator[tuple[int, int, list[State]]]:
    """Yield start and end of each interval without a change, and the state of each history in it.

    The yielded list is reused: the next iteration changes it.
    """
    states = [State.UNKNOWN] * len(histories)
    start = window.start
    changes = heapq.merge(*(_changes(history, index, window) for index, history in enumerate(histories)))
    for instant, simultaneous in groupby(changes, itemgetter(0)):
        if instant > start:
            yield start, instant, states
            start = instant
        for _, index, state in simultaneous:
            states[index] = state
    if start < window.end:
        yield start, window.end, states


def _changes(history: History, index: int, window: Interval) -> Iterator[tuple[int, int, State]]:
    for piece in history.pieces(window):
        yield piece.start, index, piece.state


def _number(ratio: Fraction | None) -> float | None:
    return None if ratio is None else float(ratio)
