"""When something is due: three ways to write it, zones, and the two days a year that are not 24 hours long."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.schedule import Schedule
from sla.interval import DAY, HOUR, MINUTE, SECOND

ZONE = "America/Vancouver"


def at(text: str, zone: str = ZONE) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND


@pytest.mark.parametrize("text", ["0 3 * * 1-5", "Mon..Fri 03:00", "Mon..Fri *-*-* 03:00:00"])
def test_cron_and_oncalendar_name_the_same_instants(text: str) -> None:
    schedule = Schedule(text)
    assert schedule.after(at("2026-11-20T03:00"), ZONE) == at("2026-11-23T03:00")  # Friday to Monday
    assert schedule.last(at("2026-11-22T12:00"), ZONE) == at("2026-11-20T03:00")
    assert schedule.last(at("2026-11-23T03:00"), ZONE) == at("2026-11-23T03:00")
    assert schedule.gaps("UTC") == (DAY, 3 * DAY)


def test_every_is_counted_from_the_sign_of_life_before() -> None:
    schedule = Schedule("every 1h30m")
    assert schedule.after(7, ZONE) == 7 + 90 * MINUTE
    assert schedule.last(7, ZONE) == 7
    assert schedule.gaps(ZONE) == (90 * MINUTE, 90 * MINUTE)


def test_a_night_without_half_past_two_is_due_at_the_end_of_the_gap_to_cron_and_not_to_oncalendar() -> None:
    """On 2026-03-08 the clocks of Vancouver go from 02:00 to 03:00."""
    evening = at("2026-03-07T20:00")
    assert Schedule("30 2 * * *").after(evening, ZONE) == at("2026-03-08T03:00")
    assert Schedule("*-*-* 02:30").after(evening, ZONE) == at("2026-03-09T02:30")


def test_a_night_with_two_half_past_ones_is_due_once_and_25_hours_long() -> None:
    schedule = Schedule("30 1 * * *")
    first = schedule.after(at("2026-11-01T00:00"), ZONE)
    assert schedule.after(first, ZONE) == at("2026-11-02T01:30")
    assert schedule.after(first, ZONE) - first in (24 * HOUR, 25 * HOUR)


@given(
    st.sampled_from(["*/7 * * * *", "0 3 * * 1-5", "0 0 1 * *", "Sat 12:00"]), st.integers(1_600_000_000, 2_000_000_000)
)
def test_last_is_the_one_before_the_next(text: str, seconds: int) -> None:
    schedule, now = Schedule(text), seconds * SECOND
    last = schedule.last(now, "UTC")
    assert last <= now < schedule.after(last, "UTC")


@pytest.mark.parametrize("text", ["", "61 * * * *", "noon", "every", "every 5", "2026-11-22 03:00", "0 0 30 2 *"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"schedule|duration|recurs|unit"):
        Schedule(text)
