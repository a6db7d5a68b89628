"""Tests of on-call time: examples, and properties of sums over shifts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.incident import Incident
from sla.interval import HOUR, Interval, total, union
from sla.on_call import OnCallTime, Overlap, Shift, gaps, on_call_times, overlaps, was_open_during

PERIOD = Interval(0, 100)


def shift(person: str, start: int, end: int, rota: str = "r") -> Shift:
    return Shift(person, Interval(start, end), rota)


def incident(opened: int, resolved: int | None) -> Incident:
    return replace(Incident.open("p", "p/c", opened, "deadline"), resolved=resolved)


def test_on_call_times_are_limited_to_the_period_and_ordered_by_name() -> None:
    """Persons without time in the period are not listed, also if a shift ends at its start or begins at its end."""
    times = on_call_times([shift("B", 90, 200), shift("A", -50, 10), shift("C", -5, 0), shift("D", 100, 110)], PERIOD)
    assert times == [OnCallTime("A", (Interval(0, 10),), ("r",)), OnCallTime("B", (Interval(90, 100),), ("r",))]
    assert [interval.length for interval in times] == [10, 10]


def test_time_on_two_rotas_counts_once() -> None:
    (only,) = on_call_times(
        [shift("A", 0, 60, "mail"), shift("A", 30, 90, "login"), shift("A", 30, 90, "login")], PERIOD
    )
    assert (only.length, only.rotas) == (90, ("mail", "login"))


def test_adjacent_shifts_have_no_gap_and_no_overlap() -> None:
    shifts = [shift("A", 0, 50), shift("B", 50, 100)]
    assert gaps(shifts, [PERIOD]) == []
    assert list(overlaps(shifts, PERIOD)) == []


def test_gaps_are_limited_to_the_required_time() -> None:
    expected = [Interval(0, 30), Interval(60, 100)]
    assert gaps([shift("A", 10, 70)], expected) == [Interval(0, 10), Interval(70, 100)]


def test_overlaps_have_their_people_and_change_with_them() -> None:
    shifts = [shift("B", 0, 60), shift("A", 40, 80), shift("C", 50, 60), shift("A", 70, 75), shift("B", 90, 120)]
    assert list(overlaps(shifts, PERIOD)) == [
        Overlap(Interval(40, 50), ("A", "B")),
        Overlap(Interval(50, 60), ("A", "B", "C")),
    ]
    assert list(overlaps([*shifts, shift("A", 95, 130)], PERIOD))[-1] == Overlap(Interval(95, 100), ("A", "B"))


def test_overlap_continues_across_adjacent_shifts_of_one_person() -> None:
    shifts = [shift("A", 0, 100), shift("B", 0, 50), shift("B", 50, 100)]
    assert list(overlaps(shifts, PERIOD)) == [Overlap(PERIOD, ("A", "B"))]


@pytest.mark.parametrize(
    ("opened", "resolved", "expected"),
    [
        (9, 10, False),  # over as the shift began
        (9, 11, True),
        (10, 10, True),
        (19, None, True),
        (20, None, False),  # the next one's
        (0, None, True),
        (0, 10, False),
        (5, 40, True),
    ],
)
def test_incident_counts_if_it_was_open_during_the_span(opened: int, resolved: int | None, expected: bool) -> None:
    assert was_open_during(Interval(10, 20), incident(opened, resolved), now=50) is expected


def test_open_incident_does_not_count_for_future_shifts() -> None:
    assert not was_open_during(Interval(60, 70), incident(10, None), now=50)


SHIFTS = st.lists(
    st.builds(
        lambda person, start, length: shift(person, start, start + length),
        st.sampled_from("ABC"),
        st.integers(-20, 110),
        st.integers(0, 60),
    ),
    max_size=6,
)


@given(SHIFTS)
def test_on_call_times_and_gaps_cover_the_period(shifts: list[Shift]) -> None:
    spans = [span for time in on_call_times(shifts, PERIOD) for span in time.spans]
    missing = gaps(shifts, [PERIOD])
    assert list(union([*spans, *missing])) == [PERIOD]
    assert total(spans) + total(missing) == PERIOD.length


@given(SHIFTS)
def test_overlaps_are_the_instants_with_several_people(shifts: list[Shift]) -> None:
    """Compared with a walk over all instants."""
    walked = {}
    for at in range(PERIOD.start, PERIOD.end):
        people = {shift.person for shift in shifts if shift.interval.start <= at < shift.interval.end}
        if len(people) > 1:
            walked[at] = tuple(sorted(people))
    actual = list(overlaps(shifts, PERIOD))
    assert {
        at: person_time.people
        for person_time in actual
        for at in range(person_time.interval.start, person_time.interval.end)
    } == walked
    assert sum(person_time.interval.length for person_time in actual) == len(walked)


@given(SHIFTS, st.integers(0, 100))
def test_on_call_times_of_two_halves_add_up(shifts: list[Shift], middle: int) -> None:
    def hours(period: Interval) -> int:
        return sum(time.length for time in on_call_times(shifts, period)) * HOUR

    assert hours(Interval(0, middle)) + hours(Interval(middle, 100)) == hours(PERIOD)
