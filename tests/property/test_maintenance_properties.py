"""Properties of recurring maintenance, compared with a walk over the minutes of local time."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.maintenance import Maintenance
from sla.interval import DAY, MINUTE, Interval
from tests.property.zones import instants_near_clock_changes, local_time

ZoneAndInstant = tuple[ZoneInfo, int]


@settings(max_examples=30, deadline=None)
@given(
    instants_near_clock_changes(),
    st.integers(0, 47),
    st.integers(1, 40),
    st.sampled_from(["DAILY", "WEEKLY;BYDAY=SU,WE"]),
)
@pytest.mark.fault(16)
def test_recurring_window_is_from_its_first_local_start_to_its_first_local_end(
    hard: ZoneAndInstant, start: int, halves: int, frequency: str
) -> None:
    """The walk finds the first instants of each local start and end. The time between them is maintenance."""
    zone, at = hard[0], hard[1] // MINUTE * MINUTE
    begin = local_time(at - 40 * DAY, zone).replace(hour=0, minute=0) + timedelta(minutes=30 * start)
    duration = timedelta(minutes=30 * halves)
    keys = {"start": begin, "end": begin + duration, "rrule": f"FREQ={frequency}", "reason": "x", "zone": str(zone)}
    window = Interval(at, at + DAY)
    intervals = [exclusion.interval for exclusion in Maintenance.model_validate(keys).exclusions(window, "UTC")]

    clock = [(minute, local_time(minute, zone)) for minute in range(at - 4 * DAY, at + 4 * DAY, MINUTE)]
    expected = set()
    for day in range(-3, 3):
        local = local_time(at, zone).replace(hour=begin.hour, minute=begin.minute, second=0) + timedelta(day)
        if frequency == "DAILY" or local.weekday() in (2, 6):
            first = next(minute for minute, local_clock in clock if local_clock >= local)
            last = next(minute for minute, local_clock in clock if local_clock >= local + duration)
            expected |= set(range(first, last, MINUTE))
    covered = {minute for span in intervals for minute in range(span.start, span.end, MINUTE)}
    inside = set(range(window.start, window.end, MINUTE))
    assert covered & inside == expected & inside
