"""Logs of state changes: measured with --changes."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import pytest

from tests.monitor.measuring.change_logs import DAY_ONE, LOG, error_for, figures, run, times


def test_state_is_valid_until_the_next_change() -> None:
    """The distance does not matter. The uncertainty of a change is the second of its timestamp."""
    [actual] = figures(LOG)
    assert actual["window"] == {"start": DAY_ONE, "end": "2026-11-10T10:30:00Z"}
    assert times(actual) == ((9 * 24 + 10) * 3600 - 1, 1799, 2, 0)
    assert actual["downtime_seconds"] == {"low": 1799, "point": 1799.5, "high": 1801}
    assert actual["observations"] == {"good": 2, "bad": 1, "unknown": 0}
    assert (actual["nines"]["proven"], actual["proven_availability"]) == (None, None)
    assert actual["resolvable"] is None


def test_time_after_the_last_change_is_unknown_unless_stated() -> None:
    complete = "2026-11-01T00:00:00Z/2026-11-11T00:00:00Z"
    [month] = figures(LOG, "--window", "10d", "--at", "2026-11-11T00:00:00Z")
    assert month["unknown_seconds"] == 13.5 * 3600
    [with_until] = figures(LOG, "--window", "10d", "--at", "2026-11-11T00:00:00Z", "--until", "2026-11-11T00:00:00Z")
    assert with_until["unknown_seconds"] == 0
    assert with_until["downtime_seconds"]["point"] == 1800
    [window] = figures(LOG, "--window", complete)
    assert window == with_until


def test_future_part_of_a_window_is_unknown() -> None:
    [actual] = figures(LOG, "--window", "2026-11-01T00:00:00Z/9000-01-01T00:00:00Z")
    assert actual["unknown_seconds"] > 365 * 86400


def test_state_at_an_instant_is_known_from_the_next_row() -> None:
    """The next row shows that there was no change in between."""
    [actual] = figures(LOG, "--at", "2026-11-05T00:00:00Z", "--window", "2d")
    assert times(actual) == (2 * 86400, 0, 0, 0)
    assert actual["observations"] == {"good": 0, "bad": 0, "unknown": 0}


def test_time_before_the_first_change_is_unknown() -> None:
    for window in ((), ("--window", "1h")):
        [actual] = figures(LOG, "--at", "2026-10-01T00:00:00Z", *window)
        assert actual["availability"] == {"low": 0 if window else None, "point": None, "high": 1 if window else None}
        assert actual["observations"] == {"good": 0, "bad": 0, "unknown": 0}


@pytest.mark.parametrize(
    ("fraction", "doubt"), [("", 3.0), (".0", 0.3), (".250", 0.003), (".250001", 0.0), (".1234567", 0.0)]
)
def test_bounds_depend_on_the_precision_of_the_instants(fraction: str, doubt: float) -> None:
    [actual] = figures(LOG.replace("Z,", f"{fraction}Z,"), "--until", "2026-11-11T00:00:00Z")
    assert actual["doubt_seconds"] == doubt


def test_unknown_states_are_unknown_time() -> None:
    """Paused, maintenance and pending are unknown until the next change."""
    text = LOG + "2026-11-10T11:00:00Z,paused\n2026-11-10T12:00:00Z,UP\n"
    [actual] = figures(text, "--until", "2026-11-10T13:00:00Z")
    assert actual["unknown_seconds"] == 3600
    assert actual["observations"] == {"good": 3, "bad": 1, "unknown": 1}


def test_list_of_incidents_needs_no_outcome_column() -> None:
    text = "started_at,resolved_at,cause\n2026-11-10T10:00:00Z,2026-11-10T10:05:00Z,x\n2026-11-10T10:30:00Z,ongoing,y\n"
    [actual] = figures(text, "--until", "2026-11-10T11:00:00Z")
    assert actual["downtime_seconds"]["point"] == pytest.approx(300 + 1800, abs=1)
    [row] = csv.DictReader(io.StringIO(run(text, "--changes", "--format", "csv").output))
    assert row["observations_bad"] == "2"


def test_incident_with_a_duration_ends_after_it() -> None:
    """Times are given to the minute, so a minute at either end is in doubt."""
    text = (
        "Status,Started,Duration\nResolved,2026-11-10T10:00:00Z,5 mins\n"
        "Resolved,2026-11-10T10:30:00Z,1 hr 2 mins\nOngoing,2026-11-10T12:00:00Z,3 mins\n"
    )
    [actual] = figures(text, "--until", "2026-11-10T12:30:00Z")
    assert actual["downtime_seconds"]["point"] == (5 + 62 + 30) * 60
    assert actual["downtime_seconds"]["low"] == (4 + 61 + 29) * 60
    assert '-:2: "Resolved" is resolved, but' in error_for(text.replace("5 mins", "300"), "--changes")


def test_time_between_spans_of_both_kinds_is_unknown() -> None:
    text = "start,end,status\n0,100,up\n100,150,down\n200,300,up\n"
    [actual] = figures(text)
    assert (actual["unknown_seconds"], actual["up_seconds"], actual["down_seconds"]) == (50, 198, 49)


def test_file_format_does_not_change_the_figures(tmp_path: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(LOG)))
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    for data in (gzip.compress(LOG.encode()), b"\xef\xbb\xbf" + LOG.encode(), lines.encode(), LOG.replace(",", "\t")):
        assert figures(data) == figures(LOG)


def test_several_checks_are_combined_by_the_rule() -> None:
    text = "at,outcome,check\n0,up,a\n0,up,b\n100,down,a\n200,up,a\n150,down,b\n400,up,b\n"
    options = ("--by", "none", "--until", "1970-01-01T00:10:00Z")
    [every] = figures(text, *options)
    [with_any] = figures(text, *options, "--rule", "any")
    assert (every["downtime_seconds"]["point"], with_any["downtime_seconds"]["point"]) == (300, 50)
    assert every["observations"] == {"good": 4, "bad": 2, "unknown": 0}


def test_rows_of_the_same_second_keep_their_order() -> None:
    text = "at,outcome\n0,up\n100,down\n100,up\n200,up\n"
    newest_first = "at,outcome\n200,up\n100,up\n100,down\n0,up\n"
    assert figures(text) == figures(newest_first)
    assert figures(text)[0]["down_seconds"] == 0
    assert figures(text)[0]["doubt_seconds"] == 2


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (LOG + "2026-11-10T11:00:00Z,degraded\n", (), '-:5: "degraded" is not an outcome'),
        ("start,end\n2026-11-10T10:00:00Z,2026-11-10T09:00:00Z\n", (), "-:2: "),
        ("at,outcome\n", (), "no state change to measure"),
        ("what,ever\n1,2\n", (), 'no column "at"'),
        ("at,outcome\n46336.4,up\n46337,down\n", (), "serial date of a spreadsheet"),
    ],
)
def test_invalid_log_of_changes_is_rejected(text: str, arguments: tuple[str, ...], message: str) -> None:
    assert message in error_for(text, "--changes", *arguments)


@pytest.mark.parametrize(
    "arguments", [("--changes", "--interval", "1m"), ("--changes", "--hold", "1m"), ("--until", "5")]
)
def test_contradicting_options_are_usage_errors(arguments: tuple[str, ...]) -> None:
    result = run(LOG, *arguments)
    assert result.exit_code == 2
    assert "changes" in result.output


def test_text_output_mentions_changes() -> None:
    text = run(LOG, "--changes", "--objective", "99.9").output
    assert "2 to good, 1 to bad, 0 to unknown" in text
    assert "state changes with a resolution of 1s; each state lasts until the next change" in text
