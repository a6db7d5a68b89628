"""Replayed changes, compared with a computation per cell from raw observations, and with possible truths.

A truth is one course of events that agrees with the observations: at most one change between two neighbours within a
hold, anything in unknown time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sla.availability import availability, downtime
from sla.compose import Composition
from sla.downtime_split import split_downtime
from sla.interval import Interval
from sla.rule import Rule
from sla.timeline import Timeline
from sla.whatif import Effect, Replay
from sla.whatif_changes import Change, Decoupling, DeploymentsWithoutDowntime, Failover, SecondReplica
from tests.property import oracle
from tests.property.strategies import histories, holds, pairs, windows

if TYPE_CHECKING:
    from random import Random

    from sla.state_history import History

Member = tuple[oracle.Seen, int]
BEGIN, END = -70, 75  # cells around all observations and windows
DOWN = ("down", "doubt_down", "guess_down")
UP = ("up", "doubt_up", "guess_up")
UNKNOWN = ("unknown", "guess_up", "guess_down")


@dataclass
class World:
    """A product of checks, of which `k` must be up, its dependencies, and its deployments."""

    members: list[Member]
    k: int
    dependencies: list[Member]
    deployments: list[Interval]
    within: int

    @property
    def changes(self) -> list[Change]:
        decouplings = [Decoupling(f"d{n}", f"D{n}") for n in range(len(self.dependencies))]
        deployments = DeploymentsWithoutDowntime(tuple(self.deployments), 5, len(self.deployments))
        return [*decouplings, Failover(self.within), deployments, SecondReplica()]

    @property
    def histories(self) -> tuple[History, dict[str, History]]:
        product = Composition(Rule(self.k), [Timeline.of_pairs(pairs(seen), hold) for seen, hold in self.members])
        others = (Timeline.of_pairs(pairs(seen), hold) for seen, hold in self.dependencies)
        return product, {f"d{n}": states for n, states in enumerate(others)}

    def effects(self, window: Interval, cut: int = 0) -> dict[str, Effect]:
        replay = Replay(*self.histories, self.changes)
        replay.begin(window.start)
        middle = min(window.start + cut, window.end)
        replay.extend(Interval(window.start, middle))
        replay.extend(Interval(middle, window.end))
        return {effect.name: effect for effect in replay.effects({})}


def probed_member(stretches: list[tuple[str, int]]) -> Member:
    """Return a check that is probed every 2 cells, with stretches of equal outcomes, so that much is certain."""
    outcomes = [outcome for outcome, count in stretches for _ in range(count)]
    return [(2 * n, outcome) for n, outcome in enumerate(outcomes[:30])], 5


steady = st.lists(st.tuples(st.sampled_from(["good", "bad", "good", "unknown"]), st.integers(1, 9)), max_size=9)
members = st.tuples(histories, holds) | st.builds(probed_member, steady)
spans = st.builds(lambda at, length: Interval(at, at + length), st.integers(-8, 50), st.integers(1, 9))
worlds = st.builds(
    lambda checks, k, others, deployed, within: World(checks, min(k, len(checks)), others, sorted(deployed), within),
    st.lists(members, min_size=1, max_size=2),
    st.integers(1, 2),
    st.lists(members, max_size=2),
    st.lists(spans, max_size=2),
    st.integers(1, 12),
)


class Recorded:
    """The recorded states of all cells, and whether each change avoids a cell, computed by going back cell by cell."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.product = {
            x: oracle.compose([oracle.cell(seen, hold, x) for seen, hold in world.members], world.k)
            for x in range(BEGIN, END)
        }
        self.others = [{x: oracle.cell(seen, hold, x) for x in range(BEGIN, END)} for seen, hold in world.dependencies]

    def stretch_start(self, x: int, states: tuple[str, ...], *, own: bool = False) -> int | None:
        """Return the start of the stretch of cells up to x that have one of the states. None if x has another state."""
        start = None
        while x >= BEGIN and self.product[x] in states and (not own or all(o[x] in UP for o in self.others)):
            start, x = x, x - 1
        return start

    def outage_start(self, x: int) -> int | None:
        return self.stretch_start(x, tuple({*DOWN, *UP, *UNKNOWN} - {"up"}))

    def touched(self, x: int, other: int) -> bool:
        start = self.outage_start(x)
        return start is not None and any(self.others[other][y] != "up" for y in range(start, x + 1))

    def avoided(self, change: Change, x: int) -> tuple[bool, bool, bool]:
        """Return whether the change avoids the cell possibly, by the estimate, and certainly."""
        now = [other[x] for other in self.others]
        clean = not any(self.touched(x, n) for n in range(len(now)))
        start, estimated, certain = self.outage_start(x), self.stretch_start(x, DOWN), self.stretch_start(x, ("down",))
        if isinstance(change, Decoupling):
            number = int(change.dependency[1:])
            rest = [*now[:number], *now[number + 1 :]]
            return (
                self.touched(x, number),
                now[number] in DOWN and not any(state in DOWN for state in rest),
                now[number] == "down" and all(state == "up" for state in rest),
            )
        if isinstance(change, Failover):
            own = self.stretch_start(x, DOWN, own=True)
            return (
                "down" not in now and start is not None and x >= start + change.within,
                own is not None and x >= own + change.within,
                clean and certain is not None and x >= certain + change.within,
            )
        if isinstance(change, DeploymentsWithoutDowntime):
            latest = x if certain is None else certain
            return (
                "down" not in now and any(s.start <= latest and (start or 0) < s.end for s in change.spans),
                not any(state in DOWN for state in now) and in_one(change.spans, estimated, x),
                clean and in_one(change.spans, start, x),
            )
        return "down" not in now, False, False

    def after(self, change: Change, x: int) -> str:
        """Return the state of the cell with the change."""
        state = self.product[x]
        if state in ("up", "unknown", "guess_up"):
            return state
        possible, estimated, certain = self.avoided(change, x)
        if state == "guess_down":
            return "guess_up" if estimated or certain else state
        if certain:
            return "up"
        if state == "doubt_up":
            return state
        return "doubt_up" if estimated else "doubt_down" if possible else state


def in_one(spans: tuple[Interval, ...], start: int | None, x: int) -> bool:
    return start is not None and any(span.start <= start and x < span.end for span in spans)


@given(worlds, windows)
def test_effect_equals_a_computation_per_cell(world: World, window: Interval) -> None:
    recorded, cells = Recorded(world), range(window.start, window.end)
    for change, effect in zip(world.changes, by_change(world, world.effects(window)), strict=True):
        avoided = {x: recorded.avoided(change, x) for x in cells}
        assert effect.before == oracle.durations([recorded.product[x] for x in cells])
        assert effect.after == oracle.durations([recorded.after(change, x) for x in cells])
        possible = [x for x in cells if recorded.product[x] != "up" and any(avoided[x])]
        assert effect.saved.low == sum(recorded.product[x] == "down" and avoided[x][2] for x in cells)
        assert effect.saved.high == len(possible)
        assert effect.unknown == sum(recorded.product[x] in UNKNOWN for x in possible)
        estimate = sum(recorded.product[x] in DOWN and any(avoided[x][1:]) for x in cells)
        assert effect.saved.point == (estimate if change.has_estimate else None)


def by_change(world: World, effects: dict[str, Effect]) -> list[Effect]:
    return [next(e for e in effects.values() if e.change == change) for change in world.changes]


@given(worlds, windows, st.integers(0, 65))
def test_parts_of_a_window_add_up(world: World, window: Interval, cut: int) -> None:
    assert world.effects(window, cut) == world.effects(window)


@given(worlds, windows)
def test_bounds_are_ordered_and_saved_downtime_is_the_difference_of_the_estimates(
    world: World, window: Interval
) -> None:
    for effect in world.effects(window).values():
        low, point, high = effect.saved
        assert low is not None
        assert high is not None
        assert 0 <= low <= (low if point is None else point) <= high
        assert effect.before.total == effect.after.total == window.length
        assert effect.before.unknown == effect.after.unknown
        before, after = downtime(effect.before), downtime(effect.after)
        assert all(a <= b for a, b in zip(after, before, strict=True))
        assert point is None or before.point - after.point == point
        lower, _, upper = effect.availability
        assert lower is None or upper is None or availability(effect.before).low <= lower <= upper  # type: ignore[operator]


@given(worlds, windows)
def test_estimate_of_a_decoupling_is_the_downtime_split(world: World, window: Interval) -> None:
    """The page shows the same duration as downtime with only this dependency down."""
    shared = split_downtime(*world.histories, window).shared
    for effect in by_change(world, world.effects(window)):
        if isinstance(effect.change, Decoupling):
            assert effect.saved.point == shared.get((effect.change.dependency,), 0)


class Truth:
    """One course of events that agrees with the observations: the cells in which the product and others were down."""

    def __init__(self, world: World, random: Random) -> None:
        checks = [true_downtime(member, random) for member in world.members]
        self.others = [true_downtime(member, random) for member in world.dependencies]
        n = len(checks)
        self.down = {x for x in range(BEGIN, END) if n - sum(x in check for check in checks) < world.k}

    def start(self, x: int) -> int:
        """Return the start of the outage of the product that contains the cell."""
        while x - 1 in self.down:
            x -= 1
        return x

    def saved(self, change: Change, x: int) -> tuple[bool, bool]:
        """Return whether the change saves a cell of downtime, if causes are attributed narrowly, and widely."""
        start, now = self.start(x), [n for n, other in enumerate(self.others) if x in other]
        clean = not any(y in other for other in self.others for y in range(start, x + 1))
        if isinstance(change, Decoupling):
            number = int(change.dependency[1:])
            return now == [number], any(y in self.others[number] for y in range(start, x + 1))
        if isinstance(change, Failover):
            late = x >= start + change.within
            return late and clean, late and not now
        if isinstance(change, DeploymentsWithoutDowntime):
            deployments = [span for span in change.spans if span.start <= start < span.end]
            return clean and any(x < span.end for span in deployments), bool(deployments) and not now
        return False, not now


def true_downtime(member: Member, random: Random) -> set[int]:
    """Return the cells in which the check is down, in one truth."""
    seen, hold = member
    down: set[int] = set()
    known = sorted((i, o) for i, o in oracle.worst_outcomes(seen).items() if o != oracle.UNKNOWN)
    ends = [*(at for at, _ in known[1:]), END][: len(known)]
    changes = {at: random.randint(at, end) for (at, _), end in zip(known, ends, strict=True)}
    for x in range(BEGIN, END):
        state = oracle.cell(seen, hold, x)
        if state.startswith("doubt"):
            at, outcome = max((i, o) for i, o in known if i <= x)
            change = changes[at]
            is_down = (outcome == "bad") is (x < change)
        else:
            is_down = state == "down" or (state == "unknown" and random.random() < 0.5)
        if is_down:
            down.add(x)
    return down


@given(worlds, windows, st.randoms(use_true_random=False))
def test_bounds_contain_the_truth(world: World, window: Interval, random: Random) -> None:
    truth = Truth(world, random)
    lost = [x for x in range(window.start, window.end) if x in truth.down]
    for effect in world.effects(window).values():
        savings = [truth.saved(effect.change, x) for x in lost]
        narrow, wide = (sum(bounds[n] for bounds in savings) for n in (0, 1))
        low, _, high = effect.saved
        assert low is not None
        assert high is not None
        assert low <= narrow <= wide <= high
        after = downtime(effect.after)
        assert after.low <= len(lost) - wide
        assert len(lost) - narrow <= after.high
