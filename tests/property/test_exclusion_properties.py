"""Properties of exclusions: duplicates and order do not matter, and the audit lists exactly the excluded time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sla.calendar import Window
from sla.exclusion import Cause, Exclusion, audit, dependency_downtime, measure_agreement, totals
from sla.interval import Interval, total
from sla.objective import Objective
from sla.timeline import State, Timeline
from tests.property.strategies import histories, holds, pairs, windows

if TYPE_CHECKING:
    from tests.property import oracle

exclusions = st.lists(
    st.builds(Exclusion, windows, st.sampled_from(Cause), st.sampled_from(["", "a", "b"])), max_size=6
)
objectives = st.fractions("1/100", "99/100", max_denominator=1000).map(Objective)


def covering_exclusions(actual: list[Exclusion], cell: int) -> set[Exclusion]:
    return {exclusion for exclusion in actual if exclusion.interval.start <= cell < exclusion.interval.end}


@given(windows, exclusions)
def test_audit_has_the_excluded_cells_with_all_causes(window: Interval, actual: list[Exclusion]) -> None:
    """The pieces are ordered, disjoint, within the window, and not empty, and have a cause."""
    pieces = list(audit(window, actual))
    causes_by_cell = {
        cell: set(piece.causes) for piece in pieces for cell in range(piece.interval.start, piece.interval.end)
    }
    expected = {
        cell: causes for cell in range(window.start, window.end) if (causes := covering_exclusions(actual, cell))
    }
    assert causes_by_cell == expected
    assert sum(piece.interval.length for piece in pieces) == len(expected)
    assert [p.interval for p in pieces] == sorted(p.interval for p in pieces)
    assert all(len(set(piece.causes)) == len(piece.causes) > 0 for piece in pieces)


@given(windows, exclusions, st.randoms(use_true_random=False))
def test_order_and_duplicates_do_not_change_the_audit(
    window: Interval, actual: list[Exclusion], random: object
) -> None:
    """Nor do they change its totals."""
    shuffled = [*actual, *actual]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert list(audit(window, shuffled)) == list(audit(window, actual))
    assert totals(audit(window, shuffled)) == totals(audit(window, actual))


@given(windows, exclusions)
def test_total_is_between_the_largest_cause_and_the_sum_of_causes(window: Interval, actual: list[Exclusion]) -> None:
    """Shared time is in several totals, but counts once in the excluded time."""
    pieces = list(audit(window, actual))
    by_cause, excluded_time = totals(pieces), total(piece.interval for piece in pieces)
    assert all(0 < seconds <= excluded_time for seconds in by_cause.values())
    assert excluded_time <= sum(by_cause.values())


@given(histories, holds, windows, st.integers(0, 20), exclusions, objectives)
def test_measured_and_excluded_time_add_up_to_the_window(
    observations: oracle.Seen, hold: int, span: Interval, others: int, actual: list[Exclusion], objective: Objective
) -> None:
    """Raw measures the complete window, contractual the remaining time. No state of it lasts longer than in raw."""
    timeline = Timeline.of_pairs(pairs(observations), hold)
    window = Window("w", Interval(span.start, span.end + others), span)
    figures = measure_agreement(timeline, window, objective, actual)
    assert figures.raw.durations.total == span.length
    assert figures.contractual.durations.total + figures.excluded == span.length
    assert figures.excluded == sum(piece.interval.length for piece in figures.excluded_pieces)
    cut = [timeline.durations(piece.interval) for piece in figures.excluded_pieces]
    remaining = figures.contractual.durations
    for part in cut:
        remaining = remaining.plus(part)
    assert remaining == figures.raw.durations
    assert measure_agreement(timeline, window, objective, ()).contractual == figures.raw
    assert measure_agreement(timeline, window, objective, [*actual, *actual[::-1]]) == figures


@given(histories, holds, windows)
def test_dependency_excludes_the_cells_in_which_it_is_down(
    observations: oracle.Seen, hold: int, window: Interval
) -> None:
    """The point state decides, up to the last known observation."""
    timeline = Timeline.of_pairs(pairs(observations), hold)
    exclusions = list(dependency_downtime(timeline, window, "d"))
    cells = [cell for exclusion in exclusions for cell in range(exclusion.interval.start, exclusion.interval.end)]
    down = [c for c in range(window.start, window.end) if timeline.state(c).point is State.DOWN]
    until = timeline.last_known_at if timeline.last_known_at is not None else window.start
    assert cells == [c for c in down if c < until]
    own = measure_agreement(timeline, Window("w", window, window), None, exclusions).contractual
    assert own.downtime.point == len([c for c in down if c >= until])
    assert own.downtime.point or own.availability.point in (1, None)
