"""Why it was down: a product's downtime split by what it depends on, and what independence would have predicted.

Every instant of the product's point downtime goes to exactly one set of dependencies: those whose point state was down
at that instant. So the split adds up to the downtime, and time in which two of them were down is counted once, for both
together. It says what coincided; that one caused the other is for people to judge.
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
from sla.compose import decide
from sla.interval import SECOND, Interval
from sla.state_history import Durations, State
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sla.state_history import History

_UNCLEAR = None  # the key of downtime in which no dependency was seen down, and one was not seen at all


@dataclass(frozen=True, slots=True)
class Blame:
    """A window's downtime by the set of dependencies that were down with the product; microseconds.

    `split` has the empty set for the product's own downtime, and None for what cannot be told. `own` and `others` are
    how long the product and each dependency were in each state, `joint` how long all of them together were.
    """

    window: Interval
    split: Mapping[frozenset[str] | None, int]
    own: Durations
    others: Mapping[str, Durations]
    joint: Durations

    @property
    def downtime(self) -> int:
        """The product's point downtime: what the split adds up to."""
        return downtime(self.own).point

    @property
    def alone(self) -> int:
        """Downtime while everything it depends on was up."""
        return self.split.get(frozenset(), 0)

    @property
    def unclear(self) -> int:
        """Downtime while no dependency was seen down, and at least one was unknown."""
        return self.split.get(_UNCLEAR, 0)

    @property
    def shared(self) -> dict[tuple[str, ...], int]:
        """Downtime by the dependencies that were down in it, all of them, the most first."""
        found = {tuple(n for n in self.others if n in names): us for names, us in self.split.items() if names}
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def with_down(self, dependency: str) -> int:
        """Return the downtime in which the dependency was down, alone or with others. Not to be added up."""
        return sum(us for names, us in self.split.items() if names is not None and dependency in names)

    def by_chance(self, dependency: str) -> Fraction | None:
        """Return the downtime that would coincide with the dependency's if the two had nothing to do with each other.

        None where nothing is known of the dependency.
        """
        point = availability(self.others[dependency]).point
        return None if point is None else self.downtime * (1 - point)

    @property
    def together(self) -> Bounds[Fraction | None]:
        """The availability of the product and all it depends on, as it was: all of them up at once."""
        return availability(self.joint)

    @property
    def independent(self) -> Fraction | None:
        """What that would be if each failed independently of the others: the product of their point availabilities."""
        points = [availability(each).point for each in (self.own, *self.others.values())]
        known = [point for point in points if point is not None]
        return Fraction(prod(known)) if len(known) == len(points) else None

    def plus(self, later: Blame) -> Blame:
        """Return both together, of a window that begins where this one ends."""
        return Blame(
            Interval(self.window.start, later.window.end),
            Counter(self.split) + Counter(later.split),
            self.own.plus(later.own),
            {name: held.plus(later.others[name]) for name, held in self.others.items()},
            self.joint.plus(later.joint),
        )

    def as_json(self, product: str) -> dict[str, Any]:
        """Return the object that the API gives: durations in seconds, null where there is no figure."""
        return {
            "product": product,
            "window": {"start": format_instant(self.window.start), "end": format_instant(self.window.end)},
            "downtime_seconds": self.downtime / SECOND,
            "own_seconds": self.alone / SECOND,
            "unclear_seconds": self.unclear / SECOND,
            "shared": [{"dependencies": list(names), "seconds": us / SECOND} for names, us in self.shared.items()],
            "dependencies": [self._dependency(name) for name in self.others],
            "together": {name: _number(ratio) for name, ratio in self.together._asdict().items()},
            "together_if_independent": _number(self.independent),
        }

    def _dependency(self, name: str) -> dict[str, Any]:
        durations, chance = self.others[name], self.by_chance(name)
        return {
            "id": name,
            "downtime_seconds": downtime(durations).point / SECOND,
            "shared_seconds": self.with_down(name) / SECOND,
            "shared_if_independent_seconds": None if chance is None else float(chance / SECOND),
        }


def blame(product: History, dependencies: Mapping[str, History], window: Interval) -> Blame:
    """Return the split of the product's downtime within the window, from raw timelines: nothing is excluded."""
    names, histories = tuple(dependencies), (product, *dependencies.values())
    split: Counter[frozenset[str] | None] = Counter()
    joint = [0] * len(State)
    for length, states in _swept(histories, window):
        joint[decide([states.count(state) for state in State], len(states))] += length
        if states[0].estimate is State.DOWN:
            split[_set(names, states[1:])] += length
    own, *others = (history.durations(window) for history in histories)
    return Blame(window, split, own, dict(zip(names, others, strict=True)), Durations.of_sums(joint))


def _set(names: Sequence[str], states: Sequence[State]) -> frozenset[str] | None:
    down = frozenset(name for name, state in zip(names, states, strict=True) if state.estimate is State.DOWN)
    unseen = any(state.estimate is State.UNKNOWN for state in states)
    return _UNCLEAR if not down and unseen else down


def _swept(histories: Sequence[History], window: Interval) -> Iterator[tuple[int, list[State]]]:
    """Yield for each stretch in which nothing changes how long it is and everybody's state."""
    held = [State.UNKNOWN] * len(histories)
    start = window.start
    changes = heapq.merge(*(_changes(history, index, window) for index, history in enumerate(histories)))
    for instant, together in groupby(changes, itemgetter(0)):
        if instant > start:
            yield instant - start, held
            start = instant
        for _, index, state in together:
            held[index] = state
    if start < window.end:
        yield window.end - start, held


def _changes(history: History, index: int, window: Interval) -> Iterator[tuple[int, int, State]]:
    for piece in history.pieces(window):
        yield piece.start, index, piece.state


def _number(ratio: Fraction | None) -> float | None:
    return None if ratio is None else float(ratio)
