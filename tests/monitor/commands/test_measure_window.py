"""The windows of `ninewatch measure`, and the observations that they contain."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.support.measured_logs import EXAMPLE_ROWS, INTERVAL_OPTIONS, figures, observation_counts, record, run


def test_last_observation_of_a_record_is_counted() -> None:
    rows = [(60 * n, "good") for n in range(2000)] + [(60 * 2000, "bad")]
    assert observation_counts(record(rows)) == [(2000, 1, 0)]
    assert "2,000 good, 1 bad, 0 unknown" in run(record(rows)).output
    [row] = csv.DictReader(io.StringIO(run(record(rows), "--format", "csv").output))
    assert (row["observations_good"], row["observations_bad"]) == ("2000", "1")


@pytest.mark.parametrize("outcome", ["good", "bad", "unknown"])
def test_single_observation_is_counted(outcome: str) -> None:
    """It is an instant: no length of time is known."""
    [actual] = figures(record([(1_800_000_000, outcome)]))
    assert actual["observations"] == {"good": 0, "bad": 0, "unknown": 0} | {outcome: 1}
    assert actual["availability"] == {"low": None, "point": None, "high": None}
    assert actual["window"] == {"start": "2027-01-15T08:00:00Z", "end": "2027-01-15T08:00:00Z"}


def test_last_observation_of_every_check_and_vantage_is_counted() -> None:
    rows = [(t, "good", c, v) for c in "ab" for v in "xy" for t in (0, 60, 120 if c == "a" else 119)]
    assert observation_counts(record(rows, "at,outcome,check,vantage")) == [(6, 0, 0), (6, 0, 0)]
    assert observation_counts(record(rows, "at,outcome,check,vantage"), "--by", "none") == [(12, 0, 0)]


@pytest.mark.parametrize("window", ["2m", "1h", "day", "month"])
def test_window_ending_at_the_last_observation_counts_it(window: str) -> None:
    rows = [(1_800_000_000 + 60 * n, "good") for n in range(3)]
    assert observation_counts(record(rows), "--window", window) == [(3, 0, 0)]


def test_window_with_a_given_end_is_half_open() -> None:
    """Adjacent windows count every observation once, as the daemon's windows do."""
    rows = [(60 * n, "good") for n in range(3)]
    assert observation_counts(record(rows), "--window", "1970-01-01T00:00:00Z/1970-01-01T00:02:00Z") == [(2, 0, 0)]
    assert observation_counts(record(rows), "--window", "2m", "--at", "120") == [(2, 0, 0)]


def test_record_as_of_an_instant_has_the_observations_until_then() -> None:
    rows = [(60 * n, "good") for n in range(3)]
    assert observation_counts(record(rows), "--at", "60") == [(2, 0, 0)]
    assert observation_counts(record(rows), "--at", "60.5") == [(2, 0, 0)]


def test_excluded_last_observation_is_not_counted() -> None:
    rows = [(60 * n, "good") for n in range(3)]
    assert observation_counts(record(rows), "--exclude", "100/121") == [(2, 0, 0)]
    assert observation_counts(record(rows), "--exclude", "100/120") == [(3, 0, 0)]


def test_time_after_the_instant_is_not_known() -> None:
    """At 250 s the recovery is not observed yet: down is certain until 240 s, then in doubt."""
    [actual] = figures(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS, "--at", "250", "--window", "0/300")
    assert (actual["down_seconds"], actual["doubt_seconds"], actual["unknown_seconds"]) == (60, 120, 0)
    [actual] = figures(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS, "--at", "1970-01-01T00:04:10Z")
    assert actual["window"]["end"] == "1970-01-01T00:04:10Z"
    [actual] = figures(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS, "--at", "1969-12-31T16:04:10", "--window", "1m")
    assert actual["window"] == {"start": "1970-01-01T00:03:10Z", "end": "1970-01-01T00:04:10Z"}


def test_rolling_window_ends_at_the_last_observation() -> None:
    [actual] = figures(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS, "--window", "10m")
    assert actual["window"] == {"start": "1970-01-01T00:06:40Z", "end": "1970-01-01T00:16:40Z"}


def test_current_calendar_window_has_the_full_budget() -> None:
    """April in Vancouver has 30 days; two hours have elapsed and are measured."""
    rows = [(f"2026-04-01T0{h}:{m:02}:00-07:00", "good") for h in (0, 1) for m in range(60)]
    [actual] = figures(record([*rows, ("2026-04-01T02:00:00-07:00", "good")]), "--window", "month", "--objective", "99")
    assert actual["window"] == {"start": "2026-04-01T07:00:00Z", "end": "2026-04-01T09:00:00Z"}
    assert actual["budget"]["allowed_seconds"] == 0.01 * 30 * 86_400
    [utc] = figures(record(rows), "--window", "month", "--tz", "UTC")
    assert utc["window"]["start"] == "2026-04-01T00:00:00Z"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--window", "500/500"], "the window has no length"),
        (["--window", "0/100", "--exclude", "0/100"], "all time is excluded"),
    ],
)
def test_empty_window_has_no_figure(options: list[str], reason: str) -> None:
    """The figure is neither 0 % nor 100 %, and no objective is missed."""
    result = run(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS, *options, "--objective", "99", "--format", "json")
    [actual] = json.loads(result.stdout)["results"]
    assert result.exit_code == 0
    assert actual["availability"] == {"low": None, "point": None, "high": None}
    assert (actual["coverage"], actual["verdict"], actual["proven_availability"]) == (None, "undecided", None)
    printed = run(record(EXAMPLE_ROWS), *options, "--objective", "99").stdout
    assert f"availability  n/a: {reason}" in printed
    assert f"verdict       undecided: {reason}" in printed


def test_short_record_shows_the_observed_part_of_the_window() -> None:
    """The window begins before the first row, by an hour in ten."""
    rows = [(60 * n, "good") for n in range(540)]
    data, window = record([(1_800_000_000 + at, outcome) for at, outcome in rows]), ("--window", "10h")
    text = run(data, *window, "--objective", "99%").output
    assert "observed      since 2027-01-15T08:00:00Z (8h 59m): 100.000%, bounds 100.000% to 100.000%" in text
    assert "; a verdict is possible from 2027-01-15T17:54:00Z" in text, text
    assert "verdict is possible" not in run(data, *window).output
    [actual] = figures(data, *window, "--objective", "99%")
    assert actual["watched"]["since"] == "2027-01-15T08:00:00Z"
    assert "observed  " not in run(data, "--window", "8h").output
    assert "watched" not in figures(data, "--window", "8h")[0]


def test_past_window_has_no_later_verdict() -> None:
    data = record([(1_800_000_000 + 60 * n, "good") for n in range(60)])
    window = ("--window", "2027-01-15T07:00:00Z/2027-01-15T08:59:00Z", "--objective", "99.9%")
    text = run(data, *window).output
    assert "observed      since 2027-01-15T08:00:00Z (59m): 100.000%, bounds 100.000% to 100.000%\n" in text
    assert figures(data, *window)[0]["watched"]["decidable_at"] is None
