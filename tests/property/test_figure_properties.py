"""Properties of the figures of a window."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.availability import UnknownPolicy, Verdict
from sla.interval import Interval
from sla.measured import measure
from sla.objective import Objective
from sla.observation import Outcome
from sla.timeline import Timeline
from tests.property import oracle
from tests.property.strategies import histories, holds, pairs, windows

objectives = st.fractions(Fraction(1, 100), Fraction(99, 100), max_denominator=1000).map(Objective)
policies = st.sampled_from(list(UnknownPolicy))
exclusions = st.lists(windows, max_size=4)


@given(histories, holds, windows, exclusions, objectives, policies)
@pytest.mark.fault(61)
def test_every_figure_equals_that_of_the_remaining_cells(
    observations: oracle.Seen,
    hold: int,
    window: Interval,
    excluded: list[Interval],
    objective: Objective,
    policy: UnknownPolicy,
) -> None:
    """Bounds, coverage, counts, budget and burn rate depend only on cells and instants that are not excluded."""
    counted_cells = [x for x in range(window.start, window.end) if not any(e.start <= x < e.end for e in excluded)]
    cells = [oracle.cell(observations, hold, x) for x in counted_cells]
    m = measure(Timeline.of_pairs(pairs(observations), hold), window, objective, excluded=excluded, unknown=policy)
    expected = oracle.figures(cells, policy)
    assert m.availability == (expected["low"], expected["point"], expected["high"])
    assert m.downtime == (expected["downtime_low"], expected["downtime_point"], expected["downtime_high"])
    assert m.coverage == expected["coverage"]
    assert m.excluded == window.length - len(counted_cells)
    counted_outcomes = [o for at, o in oracle.worst_outcomes(observations).items() if at in counted_cells]
    assert m.counts == tuple(counted_outcomes.count(name) for name in ("good", "bad", "unknown"))
    assert m.budget is not None
    assert m.budget.allowed == (1 - objective.ratio) * len(counted_cells)
    assert m.budget.spent == expected["downtime_point"]
    point = expected["point"]
    assert m.burn_rate == (None if point is None else (1 - point) / (1 - objective.ratio))


@given(histories, holds, windows, exclusions, objectives, policies)
def test_bounds_are_in_order_and_the_budget_adds_up(
    observations: oracle.Seen,
    hold: int,
    window: Interval,
    excluded: list[Interval],
    objective: Objective,
    policy: UnknownPolicy,
) -> None:
    """low <= point <= high, for availability and for downtime; spent + remaining = allowed; the verdict fits both."""
    m = measure(Timeline.of_pairs(pairs(observations), hold), window, objective, excluded=excluded, unknown=policy)
    low, point, high = m.availability
    assert m.downtime.low <= m.downtime.point <= m.downtime.high
    assert m.budget is not None
    assert m.budget.spent + m.budget.remaining == m.budget.allowed
    if low is None or high is None:
        assert (m.durations.total, point, m.verdict) == (0, None, Verdict.UNDECIDED)
        return
    assert low <= high
    assert point is None or low <= point <= high
    assert (m.verdict is Verdict.MET) == (low >= objective.ratio)
    assert (m.verdict is Verdict.MISSED) == (high < objective.ratio)


@given(histories, holds, windows, exclusions)
def test_duplicate_exclusions_have_no_effect(
    observations: oracle.Seen, hold: int, window: Interval, excluded: list[Interval]
) -> None:
    """Order and duplicates do not matter. If all time is excluded, there are no figures."""
    timeline = Timeline.of_pairs(pairs(observations), hold)
    once = measure(timeline, window, excluded=excluded)
    assert measure(timeline, window, excluded=excluded[::-1] + excluded) == once
    nothing = measure(timeline, window, excluded=[*excluded, window])
    assert nothing.availability == (None, None, None)
    assert nothing.coverage is None


@given(
    st.lists(st.integers(0, 40), max_size=8, unique=True).map(sorted),
    st.booleans(),
    st.lists(st.integers(0, 40), max_size=20, unique=True).map(sorted),
    holds,
    st.integers(1, 60),
)
def test_true_value_is_within_the_bounds(
    changes: list[int], begins_up: bool, probes: list[int], hold: int, end: int
) -> None:
    """This applies to a target that changes at most once between observations that are at most `hold` apart."""

    def up(x: int) -> bool:
        return begins_up ^ (sum(c <= x for c in changes) % 2 == 1)

    near = [(a, b) for a, b in pairwise(probes) if b - a <= hold]
    if any(sum(a < c <= b for c in changes) > 1 for a, b in near):
        return  # outside the stated assumption
    timeline = Timeline.of_pairs([(x, Outcome.GOOD if up(x) else Outcome.BAD) for x in probes], hold)
    low, _, high = measure(timeline, Interval(0, end)).availability
    truth = Fraction(sum(up(x) for x in range(end)), end)
    assert low is not None
    assert high is not None
    assert low <= truth <= high


@given(histories, holds, objectives, st.integers(-5, 60), st.integers(0, 40), exclusions)
def test_window_in_progress_uses_the_complete_budget(
    observations: oracle.Seen, hold: int, objective: Objective, at: int, remaining: int, excluded: list[Interval]
) -> None:
    """The elapsed time is measured, the budget is that of the complete window, and a certain miss is final."""
    timeline = Timeline.of_pairs(pairs(observations), hold)
    elapsed, complete = Interval(-5, at), Interval(-5, at + remaining)
    m = measure(timeline, elapsed, objective, excluded=excluded, full_window=complete)
    counted_cells = [x for x in range(-5, at + remaining) if not any(e.start <= x < e.end for e in excluded)]
    assert m.budget is not None
    assert m.budget.allowed == (1 - objective.ratio) * len(counted_cells)
    assert m.durations == measure(timeline, elapsed, excluded=excluded).durations
    assert m.verdict is Verdict.MISSED or m.durations.down <= m.budget.allowed
