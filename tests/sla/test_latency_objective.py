"""Latency objectives: shares with bounds from coverage, budgets, burn rates and verdicts."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.availability import Bounds, Verdict
from sla.interval import DAY, MILLISECOND, Interval
from sla.latency_day import LatencyDay
from sla.latency_histogram import LatencyHistogram
from sla.latency_objective import Fast, LatencyObjective, LatencyPart, MeasuredLatency
from sla.objective import Objective
from sla.states import Durations

OBJECTIVE = LatencyObjective(Objective.parse("95%"), 400 * MILLISECOND)
WINDOW, MONTH = Interval(0, 10 * DAY), 30 * DAY


def measured(fast: Fast, durations: Durations, recent: Fast | None = None) -> MeasuredLatency:
    return MeasuredLatency(
        WINDOW, (LatencyPart(0, OBJECTIVE, fast, durations),), recent or Fast(), 8 * DAY, Fast(), MONTH
    )


def test_complete_coverage_has_equal_bounds() -> None:
    figure = measured(Fast(97, 97, 100), Durations(up=10 * DAY))
    assert figure.share == Bounds(Fraction(97, 100), Fraction(97, 100), Fraction(97, 100))
    assert (figure.coverage, figure.verdict) == (1, Verdict.MET)
    assert (figure.allowed, figure.spent, figure.remaining) == (Fraction(5, 100), Fraction(3, 100), Fraction(2, 100))


def test_unknown_time_and_doubt_may_have_been_slow_or_fast() -> None:
    figure = measured(Fast(100, 100, 100), Durations(up=6 * DAY, doubt_up=DAY, doubt_down=DAY, unknown=2 * DAY))
    assert figure.share == Bounds(Fraction(6, 10), Fraction(1), Fraction(1))
    assert (figure.coverage, figure.verdict) == (Fraction(8, 10), Verdict.UNDECIDED)


def test_downtime_has_no_answers() -> None:
    assert measured(Fast(1, 1, 1), Durations(up=DAY, down=9 * DAY)).share.low == 1


def test_fast_answers_of_a_histogram() -> None:
    """The answer of 400.5 ms is in the bucket of the limit."""
    histogram = LatencyHistogram.of(us * 100 for us in (1_000, 3_990, 4_005, 20_000))
    assert Fast.of(histogram, 400 * MILLISECOND) == Fast(1, 3, 4)
    assert Fast.of(LatencyHistogram(), 400 * MILLISECOND) == Fast()


def test_certain_miss() -> None:
    figure = measured(Fast(80, 82, 100), Durations(up=10 * DAY))
    assert figure.share == Bounds(Fraction(80, 100), Fraction(81, 100), Fraction(82, 100))
    assert (figure.verdict, figure.remaining) == (Verdict.MISSED, Fraction(-14, 100))


def test_window_without_answers_decides_nothing() -> None:
    figure = measured(Fast(), Durations(unknown=10 * DAY))
    assert figure.share == Bounds(0, None, 1)
    assert (figure.spent, figure.remaining, figure.burn_rate, figure.verdict) == (None, None, None, Verdict.UNDECIDED)


def test_window_without_time_for_answers_has_no_figure() -> None:
    for durations in (Durations(), Durations(down=DAY)):
        figure = measured(Fast(), durations)
        assert (figure.share, figure.verdict) == (Bounds(None, None, None), None)
    assert measured(Fast(), Durations()).coverage is None


def test_answers_are_added() -> None:
    assert Fast(1, 2, 3).plus(Fast(10, 20, 30)) == Fast(11, 22, 33)


def test_recorded_day_has_its_histogram() -> None:
    day = LatencyDay("p/a", 0, 9, LatencyHistogram.of([7, 300]).pack())
    assert (day.histogram.count, day.histogram.total, day.phases) == (2, 307, {})


def test_burn_rate_is_that_of_the_recent_answers() -> None:
    assert measured(Fast(97, 97, 100), Durations(up=DAY), Fast(8, 10, 10)).burn_rate == 2


STRICT = LatencyObjective(Objective.parse("99%"), 100 * MILLISECOND)


def changed(before: Fast, after: Fast, up: int = 5 * DAY) -> MeasuredLatency:
    """Return the figure of an objective that was made stricter after five days, with as much time after the change."""
    parts = (LatencyPart(0, OBJECTIVE, before, Durations(up=5 * DAY)),)
    parts += (LatencyPart(5 * DAY, STRICT, after, Durations(up=up, unknown=5 * DAY - up)),)
    return MeasuredLatency(WINDOW, parts, after, 8 * DAY, Fast(), MONTH)


def test_changed_objective_is_measured_with_the_objective_of_each_part() -> None:
    figure = changed(Fast(96, 96, 100), Fast(9, 9, 10))
    assert figure.objective == STRICT
    assert figure.fast == Fast(105, 105, 110)
    assert figure.share == Bounds(*[Fraction(93, 100)] * 3)
    assert (figure.allowed, figure.spent) == (Fraction(3, 100), Fraction(7, 100))
    assert (figure.burn_rate, figure.verdict) == (10, Verdict.MISSED)
    assert figure.durations == Durations(up=10 * DAY)
    assert figure.as_json()["objectives"] == [
        {"from": "1970-01-01T00:00:00Z", "objective": 0.95, "limit_seconds": 0.4},
        {"from": "1970-01-06T00:00:00Z", "objective": 0.99, "limit_seconds": 0.1},
    ]


def test_verdict_requires_the_share_of_each_part_for_its_time() -> None:
    assert changed(Fast(95, 95, 100), Fast(99, 99, 100)).verdict is Verdict.MET
    assert changed(Fast(94, 94, 100), Fast(99, 99, 100)).verdict is Verdict.MISSED
    assert changed(Fast(94, 94, 100), Fast(100, 100, 100)).verdict is Verdict.MET


def test_part_without_answers_is_open_between_none_and_all_of_its_time() -> None:
    figure = changed(Fast(96, 96, 100), Fast(), up=0)
    assert figure.share == Bounds(Fraction(48, 100), Fraction(96, 100), Fraction(98, 100))
    assert figure.allowed == Fraction(5, 100)
    assert changed(Fast(), Fast(), up=0).share == Bounds(0, None, 1)


@given(
    st.lists(
        st.tuples(*[st.integers(0, 9)] * 3, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
        min_size=1,
        max_size=4,
    )
)
def test_estimate_of_several_parts_is_between_their_bounds(rows: list[tuple[int, ...]]) -> None:
    parts = tuple(
        LatencyPart(
            number, OBJECTIVE, Fast(low, low + more, low + more + rest), Durations(up=up, down=down, unknown=open_)
        )
        for number, (low, more, rest, up, down, open_) in enumerate(rows)
    )
    low, point, high = MeasuredLatency(WINDOW, parts, Fast(), 0, Fast(), MONTH).share
    if low is not None and high is not None:
        assert 0 <= low <= high <= 1
        assert point is None or low <= point <= high


def test_json() -> None:
    figure = measured(Fast(97, 97, 100), Durations(up=10 * DAY), Fast(95, 95, 100))
    assert figure.as_json() == {
        "objective": 0.95,
        "limit_seconds": 0.4,
        "window": {"start": "1970-01-01T00:00:00Z", "end": "1970-01-11T00:00:00Z"},
        "answers": 100,
        "share": {"low": 0.97, "point": 0.97, "high": 0.97},
        "coverage": 1.0,
        "budget": {"allowed": 0.05, "spent": 0.03, "remaining": 0.02},
        "burn_rate": 1.0,
        "burn_since": "1970-01-09T00:00:00Z",
        "verdict": "met",
    }
    assert measured(Fast(), Durations()).as_json()["verdict"] is None


@pytest.mark.parametrize(
    ("limit", "text"), [(400_000, "400ms"), (1_500_000, "1.5s"), (90_000_000, "1m30s"), (250, "250us")]
)
def test_objective_as_text(limit: int, text: str) -> None:
    assert str(LatencyObjective(Objective.parse("99.5%"), limit)) == f"99.5% under {text}"


STATES = st.lists(
    st.tuples(st.sampled_from(["up", "down", "doubt_up", "doubt_down", "unknown"]), st.integers(0, 800_000)),
    max_size=60,
)


@given(STATES, st.integers(1, 800_000))
def test_bounds_contain_the_share_of_all_answers(instants: list[tuple[str, int]], limit: int) -> None:
    """One answer per instant at which the target is up. Only those in certainly up time are observed.

    Each instant stands for one unit of time. In doubt and unknown time, the target may be up or down: the suffix of
    doubt decides it, and the target is up in unknown time if its latency is even.
    """
    observed = [latency for state, latency in instants if state == "up"]
    answers = [
        latency
        for state, latency in instants
        if state in ("up", "doubt_up") or (state == "unknown" and latency % 2 == 0)
    ]
    histogram = LatencyHistogram.of(observed)
    durations = Durations(**{name: sum(state == name for state, _ in instants) for name in Durations._fields[:5]})
    low, high = histogram.faster_than(limit)
    share = measured(Fast(low, high, histogram.count), durations).share
    if answers:
        truth = Fraction(sum(latency < limit for latency in answers), len(answers))
        assert share.low is not None
        assert share.high is not None
        assert share.low <= truth <= share.high
        assert share.point is None or share.low <= share.point <= share.high
