"""Names of periods: a month has its name, however the window was specified."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from monitor.language import ENGLISH, language
from monitor.reporting.period_names import period_in, period_name
from sla.interval import DAY
from sla.window import parse_instant, parse_window

TORONTO = ZoneInfo("America/Toronto")
AT = parse_instant("2027-02-01T00:00:00Z")


@pytest.mark.parametrize(
    ("window", "english", "french"),
    [
        ("2026-11-01/2026-12-01", "November 2026", "novembre 2026"),  # the clocks change
        ("2026-11-01T04:00:00Z/2026-12-01T05:00:00Z", "November 2026", "novembre 2026"),
        ("2026-12-01/2027-01-01", "December 2026", "décembre 2026"),
        ("2026-11-01/2026-12-02", "2026-11-01 00:00 to 2026-12-02 00:00", None),
        ("2026-10-31/2026-11-30", "2026-10-31 00:00 to 2026-11-30 00:00", None),
        ("2026-11-01/2027-01-01", "2026-11-01 00:00 to 2027-01-01 00:00", None),
        ("2025-11-01/2026-12-01", "2025-11-01 00:00 to 2026-12-01 00:00", None),
        ("2026-11-01T00:00:00Z/2026-12-01T00:00:00Z", "2026-10-31 20:00 to 2026-11-30 19:00", None),
        ("2026-11-01T04:00:01Z/2026-12-01T05:00:00Z", "2026-11-01 00:00 to 2026-12-01 00:00", None),
    ],
)
def test_window_that_is_exactly_a_month_has_its_name(window: str, english: str, french: str | None) -> None:
    parsed = parse_window(window, AT, TORONTO)
    assert period_name(parsed, TORONTO) == period_in(parsed, TORONTO, ENGLISH) == english
    text = period_in(parsed, TORONTO, language("fr"))
    assert text == french if french else text.startswith("du ")


def test_month_is_one_of_the_zone_of_the_portfolio() -> None:
    window = parse_window("2026-11-01/2026-12-01", AT, ZoneInfo("UTC"))
    assert period_name(window, ZoneInfo("UTC")) == "November 2026"
    assert period_name(window, TORONTO).endswith("19:00")
    assert window.full.length == 30 * DAY
