"""Replay a product's recorded downtime with one change applied; compute the downtime saved, with bounds.

Each piece of the history keeps its length and gets the state that it would have with the change:

    recorded     possibly avoided    estimated          certainly avoided
    down         doubt (down)        doubt (up)         up
    doubt        unchanged           doubt (up)         up
    unknown      unknown             unknown            unknown

So unknown time stays unknown, and `availability` and `downtime` of the result have their usual bounds
(measurement.md, section 5). `saved` is the difference for the true states, so its maximum includes unknown time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from sla.availability import Bounds, availability, downtime
from sla.downtime_split import joint_pieces
from sla.interval import DAY, HOUR, SECOND, Interval
from sla.states import Durations, State
from sla.whatif_changes import Avoided, ChangeName, Failover
from sla.whatif_outage import Outage
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sla.downtime_cost import Money, Rate
    from sla.promise import PlanForecast
    from sla.state_history import History
    from sla.whatif_changes import Change

YEAR: Final = 365 * DAY
_UNKNOWN: Final = frozenset({State.UNKNOWN, State.GUESS_UP, State.GUESS_DOWN})
_SAME: Final = {state: (state, state, state) for state in State}
# recorded state -> state if a change avoids it possibly, by estimate, certainly
_AFTER: Final = _SAME | {
    State.DOWN: (State.DOUBT_DOWN, State.DOUBT_UP, State.UP),
    State.DOUBT_DOWN: (State.DOUBT_DOWN, State.DOUBT_UP, State.UP),
    State.DOUBT_UP: (State.DOUBT_UP, State.DOUBT_UP, State.UP),
    State.GUESS_DOWN: (State.GUESS_DOWN, State.GUESS_UP, State.GUESS_UP),
}
GENERAL_ASSUMPTIONS: Final = (
    "Each change is replayed alone on what was recorded: the effects of two changes do not add up, and faults that a "
    "change causes are not included.",
    "Raw downtime before exclusions. Unknown time stays unknown.",
)


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of one change: durations without and with the change, and the downtime saved, microseconds.

    `saved.point` is None if the record supports no estimate. `unknown` is the part of `saved.high` in unknown time.
    `cost` is the cost per year, None if it is not stated.
    """

    change: Change
    before: Durations
    after: Durations
    saved: Bounds[int | None]
    unknown: int
    cost: Fraction | None = None

    @property
    def name(self) -> str:
        """The id of the change."""
        return str(self.change.name)

    @property
    def helps(self) -> bool:
        """Whether the change may have saved downtime."""
        return bool(self.saved.high)

    @property
    def availability(self) -> Bounds[Fraction | None]:
        """The availability with the change."""
        bounds = availability(self.after)
        return bounds if self.change.has_estimate else bounds._replace(point=None)

    @property
    def downtime(self) -> Bounds[int | None]:
        """The downtime with the change."""
        low, point, high = downtime(self.after)
        return Bounds(low, point if self.change.has_estimate else None, high)

    @property
    def cost_per_hour(self) -> Fraction | None:
        """The cost per hour saved (estimate), assuming the same rate of downtime as in the replayed time."""
        if self.cost is None or not self.saved.point:
            return None
        return self.cost * self.before.total / YEAR / (Fraction(self.saved.point) / HOUR)

    def value(self, rate: Rate) -> Bounds[Fraction | None]:
        """Return the cost of the downtime saved."""
        return Bounds(*(None if duration is None else rate.cost(duration) for duration in self.saved))

    def as_json(self, rate: Rate | None) -> dict[str, Any]:
        """Return the object of the API: durations in seconds, null without a figure."""
        return {
            "id": self.name,
            "text": self.change.text,
            "saved_seconds": _seconds(self.saved),
            "saved_in_unknown_seconds": self.unknown / SECOND,
            "downtime_seconds": _seconds(self.downtime),
            "availability": _numbers(self.availability),
            "cost_per_year": _number(self.cost),
            "cost_per_hour_saved": _number(self.cost_per_hour),
            "saved_cost": None if rate is None else _numbers(self.value(rate)),
            "assumptions": list(self.change.assumptions),
        }


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The ranked effects of changes on one product.

    `replayed` is the part of the window from the first known observation up to the time that is final.
    `rate` is the cost of downtime, `currency` the currency of the costs of changes.
    """

    product: str
    window: Interval
    replayed: Interval
    before: Durations
    effects: tuple[Effect, ...]
    plan: PlanForecast | None = None
    rate: Rate | None = None
    currency: str = "CAD"

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API and of `ninewatch whatif --json`."""
        plan = self.plan
        return {
            "product": self.product,
            "window": _span(self.window),
            "replayed": _span(self.replayed),
            "availability": _numbers(availability(self.before)),
            "downtime_seconds": _seconds(downtime(self.before)),
            "unknown_seconds": self.before.unknown / SECOND,
            "plan": None if plan is None else {"expected": float(plan.expected), "chance": float(plan.probability)},
            "cost_currency": self.currency,
            "saved_currency": None if self.rate is None else self.rate.currency,
            "changes": [effect.as_json(self.rate) for effect in self.effects],
            "assumptions": list(GENERAL_ASSUMPTIONS),
        }


class Replay:
    """Replays changes over the histories of a product and its dependencies. `extend` replays a window in parts."""

    def __init__(self, product: History, dependencies: Mapping[str, History], changes: Sequence[Change]) -> None:
        self._names = tuple(dependencies)
        self._histories = (product, *dependencies.values())
        self._changes = tuple(changes)
        self._edges = sorted({edge for change in self._changes for edge in change.edges})
        self._outage = Outage()
        self._before = [0] * len(State)
        self._change_sums = [_ChangeSums() for _ in self._changes]

    def begin(self, at: int) -> None:
        """Read the time before the window to determine the start of an outage in progress at the instant."""
        begin = self._lookback(at)
        for start, end, states in joint_pieces(self._histories, Interval(begin, at)):
            for piece in _cut(start, end, self._edges):
                self._advance(piece.start, states)

    def extend(self, window: Interval) -> None:
        """Replay the window, which begins where the previous one ended, or at the instant of `begin`."""
        for start, end, states in joint_pieces(self._histories, window):
            self._before[states[0]] += end - start
            if states[0] is State.UP:
                self._advance(start, states)
                continue
            for piece in _cut(start, end, self._edges):
                self._advance(piece.start, states)
                for change, change_sums in zip(self._changes, self._change_sums, strict=True):
                    change_sums.add(piece, states[0], change.avoided(self._outage, piece.start))

    @property
    def before(self) -> Durations:
        """The recorded durations."""
        return Durations.of_sums(self._before)

    def effects(self, costs: Mapping[str, Fraction]) -> tuple[Effect, ...]:
        """Return the effects, ranked; `costs` are the costs per year by the id of the change."""
        unranked = (
            change_sums.effect(change, self._before, costs.get(str(change.name)))
            for change, change_sums in zip(self._changes, self._change_sums, strict=True)
        )
        return tuple(sorted(unranked, key=_rank))

    def _advance(self, at: int, states: Sequence[State]) -> None:
        self._outage.advance(at, states[0], dict(zip(self._names, states[1:], strict=True)))

    def _lookback(self, at: int) -> int:
        """Return an instant before `at` after which the product was up, or an instant before the record."""
        product = self._histories[0]
        length = max([DAY, *(change.within for change in self._changes if isinstance(change, Failover))])
        first = at if product.first is None else min(product.first, at)
        begin = at - length
        while begin > first - length and not product.durations(Interval(begin, at)).up:
            begin -= 2 * (at - begin)
        return begin


class _ChangeSums:
    """The sums of one change."""

    def __init__(self) -> None:
        self._moved = [0] * len(State)
        self._low = self._point = self._high = self._unknown = 0

    def add(self, piece: Interval, state: State, avoided: Avoided) -> None:
        """Add a piece of the recorded history in which the product is not up."""
        possible, estimated, certain = _ascending_instants(avoided, piece)
        starts = (possible, estimated, certain, piece.end)
        for index, after in enumerate(_AFTER[state]):
            length = starts[index + 1] - starts[index]
            self._moved[state] -= length
            self._moved[after] += length
        self._high += piece.end - possible
        if state in _UNKNOWN:
            self._unknown += piece.end - possible
        if state.estimate is State.DOWN:
            self._point += piece.end - estimated
        if state is State.DOWN:
            self._low += piece.end - certain

    def effect(self, change: Change, before: Sequence[int], cost: Fraction | None) -> Effect:
        """Return the effect of the change."""
        after = [sum(pair) for pair in zip(before, self._moved, strict=True)]
        saved: Bounds[int | None] = Bounds(self._low, self._point if change.has_estimate else None, self._high)
        return Effect(change, Durations.of_sums(before), Durations.of_sums(after), saved, self._unknown, cost)


def _ascending_instants(avoided: Avoided, piece: Interval) -> tuple[int, int, int]:
    """Return the instants limited to the piece and in ascending order. The end of the piece replaces None."""
    possible, estimated, certain = (piece.end if at is None else min(at, piece.end) for at in avoided)
    estimated = min(estimated, certain)
    return min(possible, estimated), estimated, certain


def _cut(start: int, end: int, edges: Sequence[int]) -> Iterator[Interval]:
    """Yield the parts of the interval between the edges."""
    for edge in edges[bisect_right(edges, start) : bisect_left(edges, end)]:
        yield Interval(start, edge)
        start = edge
    yield Interval(start, end)


def replayed_time(product: History, window: Interval, at: int) -> Interval:
    """Return the part of the window from the first known observation up to the time that is final.

    `at` is the instant as of which the history is known. Without observations, the complete window is returned.
    """
    first, final_until, expires = product.first, product.final_until, product.expires_at
    if first is None or final_until is None or expires is None:
        return window
    start = first if window.start < first < window.end else window.start
    end = window.end if at >= expires else min(window.end, max(final_until, start))
    return Interval(start, end)


def _rank(effect: Effect) -> tuple[bool, Fraction, bool, int, int, str]:
    """Return the sort key: effects with a known cost per hour saved first, by cost; then by downtime saved."""
    price, point = effect.cost_per_hour, effect.saved.point
    return (price is None, price or Fraction(0), point is None, -(point or 0), -(effect.saved.high or 0), effect.name)


def parse_costs(costs: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """Return the costs with the ids of the changes in their normal form.

    Raises:
        ValueError: an id is not that of a change.
    """
    return {str(ChangeName.parse(name)): cost for name, cost in costs.items()}


def _span(interval: Interval) -> dict[str, str]:
    return {"start": format_instant(interval.start), "end": format_instant(interval.end)}


def _seconds(bounds: Bounds[Any]) -> dict[str, float | None]:
    return {name: None if duration is None else duration / SECOND for name, duration in bounds._asdict().items()}


def _numbers(bounds: Bounds[Any] | Money) -> dict[str, float | None]:
    return {name: _number(duration) for name, duration in bounds._asdict().items()}


def _number(figure: Fraction | None) -> float | None:
    return None if figure is None else float(figure)
