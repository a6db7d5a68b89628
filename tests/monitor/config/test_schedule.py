"""Schedules of heartbeats: three syntaxes, time zones, and the two days per year that do not have 24 hours."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.schedule import Schedule
from sla.interval import DAY, HOUR, MINUTE, SECOND

ZONE = "America/Vancouver"


def instant(text: str, zone: str = ZONE) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND


@pytest.mark.parametrize("text", ["0 3 * * 1-5", "Mon..Fri 03:00", "Mon..Fri *-*-* 03:00:00"])
def test_cron_and_oncalendar_give_the_same_instants(text: str) -> None:
    schedule = Schedule(text)
    assert schedule.after(instant("2026-11-20T03:00"), ZONE) == instant("2026-11-23T03:00")  # Friday to Monday
    assert schedule.last(instant("2026-11-22T12:00"), ZONE) == instant("2026-11-20T03:00")
    assert schedule.last(instant("2026-11-23T03:00"), ZONE) == instant("2026-11-23T03:00")
    assert schedule.gaps("UTC") == (DAY, 3 * DAY)


def test_every_counts_from_the_previous_heartbeat() -> None:
    schedule = Schedule("every 1h30m")
    assert schedule.after(7, ZONE) == 7 + 90 * MINUTE
    assert schedule.last(7, ZONE) == 7
    assert schedule.gaps(ZONE) == (90 * MINUTE, 90 * MINUTE)


def test_skipped_time_is_due_after_the_gap_in_cron_and_not_due_in_oncalendar() -> None:
    """On 2026-03-08, the clocks in Vancouver change from 02:00 to 03:00."""
    evening = instant("2026-03-07T20:00")
    assert Schedule("30 2 * * *").after(evening, ZONE) == instant("2026-03-08T03:00")
    assert Schedule("*-*-* 02:30").after(evening, ZONE) == instant("2026-03-09T02:30")


def test_repeated_time_is_due_once() -> None:
    schedule = Schedule("30 1 * * *")
    first = schedule.after(instant("2026-11-01T00:00"), ZONE)
    assert schedule.after(first, ZONE) == instant("2026-11-02T01:30")
    assert schedule.after(first, ZONE) - first in (24 * HOUR, 25 * HOUR)


@given(
    st.sampled_from(["*/7 * * * *", "0 3 * * 1-5", "0 0 1 * *", "Sat 12:00"]), st.integers(1_600_000_000, 2_000_000_000)
)
def test_last_and_next_instant_are_consecutive(text: str, seconds: int) -> None:
    schedule, now = Schedule(text), seconds * SECOND
    last = schedule.last(now, "UTC")
    assert last <= now < schedule.after(last, "UTC")


@pytest.mark.parametrize("text", ["", "61 * * * *", "noon", "every", "every 5", "2026-11-22 03:00", "0 0 30 2 *"])
def test_invalid_schedule_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"schedule|duration|recurs|unit"):
        Schedule(text)
