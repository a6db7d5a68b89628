"""Formatting of values, and the start and end of a day."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.views.formatting import moment, nines_scale, shorten, signed_duration, window_name
from monitor.views.recent_days import midnights
from sla.interval import DAY, HOUR, MINUTE, SECOND

VANCOUVER = ZoneInfo("America/Vancouver")


@given(st.text())
def test_short_text_is_one_short_line_of_visible_characters(text: str) -> None:
    short_text = shorten(text, 40)
    assert len(short_text) <= 40
    assert short_text.replace("\u00a0", " ").isprintable()  # French texts have no-break spaces


@pytest.mark.parametrize(("ratio", "x"), [(0, 0), (0.9, 40), (0.99, 80), (0.999, 120), (0.999999, 240), (1, 240)])
def test_scale_gives_each_nine_the_same_width(ratio: float, x: float) -> None:
    assert nines_scale(ratio, 240) == pytest.approx(x, abs=0.01)


@given(st.floats(0, 1), st.floats(0, 1))
def test_scale_is_monotonic(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= nines_scale(low, 240) <= nines_scale(high, 240) <= 240


def _instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("now", "hours"),
    [("2026-03-10T00:00:00", 23), ("2025-11-04T00:00:00", 25), ("2026-06-10T00:00:00", 24)],
)
def test_calendar_day_has_its_real_length(now: str, hours: int) -> None:
    """British Columbia changed its clocks on 8 March 2026 and, for the last time back, on 2 November 2025."""
    spans = list(midnights(_instant(now), VANCOUVER, days=4))
    assert sorted({span.length for span in spans[:-1]}, key=lambda us: abs(us - DAY))[-1] == hours * HOUR
    assert all(one.end == other.start for one, other in pairwise(spans))
    assert spans[-1].end == _instant(now)


def test_instant_is_shown_in_local_time_with_zone_and_utc() -> None:
    shown_instant = moment(_instant("2025-11-22T08:00:01") + 999_999, VANCOUVER)
    assert shown_instant.local == "2025-11-22 00:00:01 PST"
    assert (shown_instant.utc, shown_instant.iso) == ("2025-11-22 08:00:01 UTC", "2025-11-22T08:00:01Z")


def test_durations_are_formatted() -> None:
    assert [window_name(us) for us in (HOUR, 6 * HOUR, DAY, 7 * DAY, 90 * MINUTE)] == [
        "1 hour",
        "6 hours",
        "24 hours",
        "7 days",
        "1h 30m",
    ]
    assert signed_duration(-90 * SECOND) == "−1m 30s"
