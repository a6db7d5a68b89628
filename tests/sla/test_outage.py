"""Tests of limits on outages: the longest outage, and the sum in a rolling period, with bounds and verdict."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sla.availability import Bounds, Verdict
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.observation import Outcome
from sla.outage import LimitKind, OutageFigure, OutageLimit, evaluate_limit, required_history
from sla.timeline import Timeline

HOLD = 130 * SECOND  # 2 x interval + timeout


def longest(limit: int) -> OutageLimit:
    return OutageLimit(LimitKind.LONGEST, limit)


def total(limit: int, per: int) -> OutageLimit:
    return OutageLimit(LimitKind.TOTAL, limit, per)


def timeline_probed_each_minute(end: int, *outages: tuple[int, int]) -> Timeline:
    """Return a timeline probed each minute from 0 to the end, bad at first <= minute <= last of each outage."""
    timeline = Timeline(HOLD)
    for minute in range(end + 1):
        bad = any(first <= minute <= last for first, last in outages)
        timeline.append(minute * MINUTE, Outcome.BAD if bad else Outcome.GOOD)
    return timeline


def test_longest_outage_has_low_point_and_high() -> None:
    """Bad from minute 10 to 20: at least 10 minutes, 11 estimated, at most 12."""
    figure = evaluate_limit(
        longest(22 * MINUTE), timeline_probed_each_minute(60, (10, 20), (40, 41)), Interval(0, HOUR)
    )
    assert figure.measured == Bounds(10 * MINUTE, 11 * MINUTE, 12 * MINUTE)
    assert figure.verdict is Verdict.MET


def test_limit_within_bounds_is_undecided_and_limit_below_bounds_is_missed() -> None:
    history, window = timeline_probed_each_minute(60, (10, 20)), Interval(0, HOUR)
    assert evaluate_limit(longest(11 * MINUTE), history, window).verdict is Verdict.UNDECIDED
    assert evaluate_limit(longest(12 * MINUTE), history, window).verdict is Verdict.MET
    assert evaluate_limit(longest(10 * MINUTE), history, window).verdict is Verdict.UNDECIDED
    assert evaluate_limit(longest(10 * MINUTE - 1), history, window).verdict is Verdict.MISSED


def test_required_history_is_that_of_the_longest_period() -> None:
    window = Interval(10 * DAY, 11 * DAY)
    assert required_history([], window) == window
    assert required_history([longest(MINUTE), total(HOUR, HOUR)], window) == window
    assert required_history([longest(MINUTE), total(HOUR, 7 * DAY), total(HOUR, 2 * DAY)], window) == Interval(
        4 * DAY, 11 * DAY
    )


def test_unknown_time_is_in_the_upper_bound_only() -> None:
    """Without observations, the bounds are 0 and the complete window."""
    figure = evaluate_limit(longest(4 * HOUR), Timeline(HOLD), Interval(0, DAY))
    assert figure.measured == Bounds(0, 0, DAY)
    assert figure.verdict is Verdict.UNDECIDED


def test_excluded_time_is_not_counted_and_does_not_split_an_outage() -> None:
    """Down for 30 minutes with 10 minutes of maintenance in the middle: one outage of 20 minutes."""
    history = timeline_probed_each_minute(60, (10, 40))
    excluded = [Interval(20 * MINUTE, 30 * MINUTE)]
    assert evaluate_limit(longest(HOUR), history, Interval(0, HOUR), excluded).measured.low == 20 * MINUTE
    assert evaluate_limit(longest(HOUR), history, Interval(0, HOUR), [Interval(0, HOUR)]).measured == Bounds(0, 0, 0)


def test_only_downtime_inside_the_window_counts() -> None:
    assert (
        evaluate_limit(longest(HOUR), timeline_probed_each_minute(60, (10, 40)), Interval(0, 20 * MINUTE)).measured.low
        == 10 * MINUTE
    )


def test_total_is_that_of_the_worst_rolling_period() -> None:
    """Two outages an hour apart are in one period of two hours, and never in one of 30 minutes."""
    history = timeline_probed_each_minute(600, (100, 110), (170, 180))
    window = Interval(0, 10 * HOUR)
    assert evaluate_limit(total(20 * MINUTE, 2 * HOUR), history, window).measured == Bounds(
        20 * MINUTE, 22 * MINUTE, 24 * MINUTE
    )
    assert evaluate_limit(total(20 * MINUTE, 2 * HOUR), history, window).verdict is Verdict.UNDECIDED
    assert evaluate_limit(total(20 * MINUTE, 30 * MINUTE), history, window).measured.high == 12 * MINUTE


def test_period_longer_than_the_window_includes_time_before_the_window() -> None:
    history = timeline_probed_each_minute(600, (100, 110))
    last_hour = Interval(9 * HOUR, 10 * HOUR)
    assert evaluate_limit(total(HOUR, 9 * HOUR), history, last_hour).measured.low == 10 * MINUTE
    assert evaluate_limit(total(HOUR, HOUR), history, last_hour).measured.low == 0


def test_total_does_not_count_excluded_time() -> None:
    excluded = [Interval(100 * MINUTE, 105 * MINUTE)]
    figure = evaluate_limit(
        total(HOUR, 2 * HOUR), timeline_probed_each_minute(600, (100, 110)), Interval(0, 10 * HOUR), excluded
    )
    assert figure.measured.low == 5 * MINUTE


def test_json_durations_are_in_seconds() -> None:
    figure = OutageFigure(total(4 * HOUR, 30 * DAY), Bounds(0, MINUTE, 2 * MINUTE))
    assert figure.as_json() == {
        "promise": "total_outage",
        "limit_seconds": 14_400.0,
        "per_seconds": 2_592_000.0,
        "outage_seconds": {"low": 0.0, "point": 60.0, "high": 120.0},
        "verdict": "met",
    }
    assert OutageFigure(longest(HOUR), Bounds(0, 0, 0)).as_json()["per_seconds"] is None


@given(
    st.lists(st.booleans(), min_size=1, max_size=40),
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10)), max_size=3),
)
def test_both_limits_agree_with_a_brute_force_count(
    bad: list[bool], per: int, exclusions: list[tuple[int, int]]
) -> None:
    """Compared with a count of the half minutes of each period."""
    half = MINUTE // 2
    history = Timeline(HOLD)
    for minute, is_bad in enumerate(bad):
        history.append(minute * MINUTE, Outcome.BAD if is_bad else Outcome.GOOD)
    window = Interval(0, len(bad) * MINUTE)
    excluded = [Interval(start * MINUTE, (start + length) * MINUTE) for start, length in exclusions]
    down = [history.state(at).name == "DOWN" for at in range(0, window.end, half)]
    counted = [not any(c.start <= at < c.end for c in excluded) for at in range(0, window.end, half)]
    longest_outage = current = 0
    for is_down, counts in zip(down, counted, strict=True):
        current = current + counts if is_down else 0
        longest_outage = max(longest_outage, current)
    assert evaluate_limit(longest(1), history, window, excluded).measured.low == longest_outage * half
    size = 2 * per
    sums = [
        sum(d and c for d, c in zip(down[max(0, i - size) : i], counted[max(0, i - size) : i], strict=True))
        for i in range(min(size, len(down)), len(down) + 1)
    ]
    assert evaluate_limit(total(1, per * MINUTE), history, window, excluded).measured.low == max(sums) * half
