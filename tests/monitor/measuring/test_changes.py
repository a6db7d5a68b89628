"""Logs of state changes: measured with --changes, and never silently read as probes."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from monitor.commands.measure import measure_command
from monitor.errors import NinewatchError

DAY_ONE = "2026-11-01T00:00:00Z"
LOG = f"at,outcome\n{DAY_ONE},UP\n2026-11-10T10:00:00Z,DOWN\n2026-11-10T10:30:00Z,UP\n"


def run(text: str | bytes, *arguments: str) -> Result:
    return CliRunner().invoke(measure_command, ["-", *arguments], input=text)


def figures(text: str | bytes, *arguments: str) -> list[dict[str, Any]]:
    result = run(text, "--changes", *arguments, "--format", "json")
    assert result.exit_code in (0, 1), f"{result.output} {result.exception}"
    results: list[dict[str, Any]] = json.loads(result.stdout)["results"]
    return results


def error_for(text: str | bytes, *arguments: str) -> str:
    """Return the error for a log that is rejected."""
    result = run(text, *arguments)
    assert isinstance(result.exception, NinewatchError), result.output
    return str(result.exception)


def times(actual: dict[str, Any]) -> tuple[float, ...]:
    return tuple(actual[f"{state}_seconds"] for state in ("up", "down", "doubt", "unknown"))


# Detection, without an option that states the kind of log.


def test_log_of_changes_is_not_measured_as_probes() -> None:
    assert "looks like a log of state changes" in error_for(LOG)
    assert "--changes" in error_for(LOG)


@pytest.mark.parametrize(
    "rows",
    [
        [("0", "down"), ("100", "up"), ("90000", "down"), ("90060", "up")],
        [("0", "1"), ("86400", "0"), ("86401", "1"), ("172800", "2")],
    ],
)
def test_log_with_alternating_distant_rows_is_rejected(rows: list[tuple[str, str]]) -> None:
    text = "at,outcome,check\n" + "".join(f"{int(at) + 1_790_000_000},{outcome},web\n" for at, outcome in rows)
    assert error_for(text).startswith("check web: looks like")
    assert run(text, "--samples").exit_code == 0


def test_ambiguous_rows_are_measured_with_a_warning() -> None:
    text = "at,outcome\n2026-11-01T00:00:00Z,UP\n2026-11-01T00:01:00Z,DOWN\n2026-11-01T00:02:00Z,UP\n"
    result = run(text)
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: looks like a log of state changes")
    assert run(text, "--samples").stderr == ""
    assert run(text.replace("2026-11-01T00:02", "2026-12-01T00:02"), "--interval", "1m").exit_code == 0


@pytest.mark.parametrize(
    "rows",
    [
        [("2026-11-01T00:00:00Z", "UP"), ("2026-11-10T00:00:00Z", "DOWN")],
        [
            (DAY_ONE, "UP"),
            ("2026-11-02T00:00:00Z", "UP"),
            ("2026-11-10T00:00:00Z", "DOWN"),
            ("2026-11-10T00:05:00Z", "UP"),
        ],
    ],
)
def test_two_rows_or_mostly_alternating_rows_give_a_warning(rows: list[tuple[str, str]]) -> None:
    result = run("at,outcome\n" + "".join(f"{at},{outcome}\n" for at, outcome in rows))
    assert (result.exit_code, "looks like a log of state changes" in result.stderr) == (0, True)


def test_repeated_outcomes_are_probes() -> None:
    text = "at,outcome\n" + "".join(f"{60 * n},{'bad' if n % 3 else 'good'}\n" for n in range(9))
    assert run(text).stderr == ""
    assert run("at,outcome\n0,good\n60,bad\n").stderr == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("startsAt,endsAt,status\n2026-11-01T00:00:00Z,2026-11-01T01:00:00Z,resolved\n", "start and an end"),
        ("Started,Status\n2026-11-01T00:00:00Z,down\n", "rows with a start are spans"),
        ("at,status\n2026-11-01T00:00:00Z,firing\n", '"firing" is a state change'),
        ('{"at": "2026-11-01T00:00:00Z", "status": "resolved"}\n', '"resolved" is a state change'),
    ],
)
def test_change_columns_without_the_option_are_rejected(text: str, message: str) -> None:
    assert message in error_for(text)
    assert "--changes" in error_for(text)


# Measuring logs of changes.


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


def test_uptimerobot_export_is_read() -> None:
    """The newest row is first, times have no offset, durations are in words, and there are Excel's first line and a
    quoted comma.
    """
    text = (
        'sep=;\r\n"Event";"Date-Time";"Reason, details";"Duration"\r\n'
        '"Up";"2026-11-10 02:30:00";"OK, 200";"20 hrs, 30 mins"\r\n'
        '"Down";"2026-11-10 02:00:00";"Timeout";"0 hrs, 30 mins"\r\n'
        '"Paused";"2026-11-09 02:00:00";"";"24 hrs, 0 mins"\r\n'
        '"Up";"2026-11-01 00:00:00";"OK";"194 hrs, 0 mins"\r\n'
    )
    assert "-:3: " in error_for(text, "--changes")
    assert "--times-in" in error_for(text, "--changes")
    [actual] = figures(text, "--times-in", "America/Vancouver")
    assert actual["window"] == {"start": "2026-11-01T07:00:00Z", "end": "2026-11-11T06:00:00Z"}
    assert (actual["down_seconds"], actual["unknown_seconds"]) == (1799, 86400)


def test_uptime_kuma_export_is_read() -> None:
    text = (
        "id,important,monitor_id,status,msg,time,ping,duration\n"
        "1,1,7,1,200 - OK,2026-11-01 00:00:00.000,12,0\n"
        "9,1,7,0,timeout,2026-11-03 00:00:00.500,,60\n"
        "20,1,7,3,maintenance,2026-11-03 01:00:00.500,,60\n"
        "30,1,7,1,200 - OK,2026-11-03 02:00:00.500,12,60\n"
        "31,1,8,1,200 - OK,2026-11-01 00:00:00.000,12,0\n"
    )
    first, second = figures(text, "--times-in", "UTC", "--until", "2026-11-04T00:00:00Z")
    assert (first["check"], first["down_seconds"], first["unknown_seconds"]) == ("7", 3599.999, 3600)
    assert (second["check"], second["down_seconds"], second["up_seconds"]) == ("8", 0, 3 * 86400 - 0.001)


ALERT = '{"status":"%s","labels":{"alertname":"%s"},"startsAt":"2026-11-10T%s.000000Z","endsAt":"%s"}\n'


def test_alertmanager_alerts_are_incidents() -> None:
    """Each is down from its start to its end. Overlaps count once. A firing alert ends when it is resolved."""
    text = (
        ALERT % ("firing", "Down", "10:00:00", "0001-01-01T00:00:00Z")
        + ALERT % ("resolved", "Down", "10:00:00", "2026-11-10T10:05:00.000000Z")
        + ALERT % ("resolved", "Down", "10:03:00", "2026-11-10T10:10:00.000000Z")
        + ALERT % ("firing", "Slow", "10:30:00", "2026-11-10T10:34:00Z")
    )
    down, slow = figures(text, "--until", "2026-11-10T11:00:00Z", "--window", "1h")
    assert times(down) == (3000, 600, 0, 0)
    assert down["observations"] == {"good": 1, "bad": 1, "unknown": 0}
    assert times(slow) == (0, 1800, 0, 1800)


def test_alerts_of_alertmanagers_api_are_open() -> None:
    text = (
        '{"status":{"state":"active","silencedBy":[]},"labels":{"alertname":"Down"},"fingerprint":"a",'
        '"startsAt":"2026-11-10T10:00:00.000000Z","endsAt":"2026-11-10T10:59:00.000Z","updatedAt":"x"}\n'
    )
    [actual] = figures(text, "--until", "2026-11-10T11:00:00Z")
    assert (actual["check"], actual["down_seconds"]) == ("Down", 3600)


def test_unsplit_notification_is_rejected_with_a_remedy() -> None:
    assert "jq -c '.alerts[]'" in error_for('{"status":"firing","alerts":[{"startsAt":"x"}]}\n', "--changes")


def test_firing_and_resolved_in_separate_rows() -> None:
    text = "timestamp,status,alertname\n2026-11-10T10:00:00Z,firing,Down\n2026-11-10T10:05:00Z,resolved,Down\n"
    [actual] = figures(text, "--until", "2026-11-10T11:00:00Z")
    assert (actual["down_seconds"], actual["up_seconds"], actual["doubt_seconds"]) == (299, 3299, 2)


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


# Numbers other than seconds since 1970, in both kinds of log.


@pytest.mark.parametrize(
    ("cell", "unit"),
    [
        ("46336", "a serial date of a spreadsheet"),
        ("46336.4166667", "a serial date of a spreadsheet"),
        ("20261110", "a date as one number"),
        ("1790000000000", "milliseconds"),
        ("1790000000000000", "microseconds"),
        ("1790000000000000000", "nanoseconds"),
        ("10/11/2026 10:00", "order of day and month"),
        ("31.10.2026 10:00:00", "order of day and month"),
        ("2026-11-10 10:00:00", "has no offset"),
    ],
)
def test_number_in_another_unit_is_not_read_as_1970(cell: str, unit: str) -> None:
    for option in ("--samples", "--changes"):
        text = error_for(f"at,outcome\n{cell},good\n{cell},good\n", option)
        assert text.startswith("-:2: ")
        assert unit in text
        assert cell in text


def test_utf_16_is_reported() -> None:
    assert "UTF-16" in error_for(LOG.encode("utf-16"))


def test_record_that_begins_in_1970_is_read() -> None:
    """Tests use such instants. Only a file in which all numbers can be dates is rejected."""
    text = "at,outcome\n" + "".join(f"{60 * n},good\n" for n in range(2000))
    assert run(text).exit_code == 0


def test_local_times_are_read_in_the_given_zone() -> None:
    text = "at,outcome\n2026-10-10 10:00:00,good\n2026-12-10 10:00:00,good\n"
    result = run(text, "--times-in", "America/Vancouver", "--format", "json")
    assert json.loads(result.stdout)["results"][0]["window"] == {
        "start": "2026-10-10T17:00:00Z",
        "end": "2026-12-10T17:00:00Z",
    }


@pytest.mark.parametrize(
    ("cell", "message"), [("2025-11-02 01:30:00", "occurs twice"), ("2025-03-09 02:30:00", "does not occur")]
)
def test_ambiguous_or_skipped_local_time_is_rejected(cell: str, message: str) -> None:
    assert message in error_for(f"at,outcome\n{cell},good\n", "--times-in", "America/Vancouver")
    assert run(f"at,outcome\n{cell}-08:00,good\n", "--times-in", "America/Vancouver").exit_code == 0


@pytest.mark.parametrize("name", ["Resolved", "resolvedAt", "Resolved at", "closed_at", "recovered"])
def test_column_with_the_resolution_time_is_read(name: str) -> None:
    start, end = "2026-11-10T10:00:00Z", "2026-11-10T10:30:00Z"
    text = f"{{}},{{}}\n{start},{end}\n2026-11-12T10:00:00Z,2026-11-12T10:00:01Z\n"
    window = ("--window", "2026-11-10T00:00:00Z/2026-11-11T00:00:00Z")
    (row,) = figures(text.format("Opened at", name), *window)
    assert row == figures(text.format("started_at", "ended_at"), *window)[0]
    assert 1799 <= row["downtime_seconds"]["point"] <= 1801


@pytest.mark.parametrize("word", ["true", "No"])
def test_boolean_resolved_column_is_no_end(word: str) -> None:
    rows = [(DAY_ONE, "UP"), ("2026-11-10T10:00:00Z", "DOWN"), ("2026-11-10T10:30:00Z", "UP")]
    text = "at,outcome,resolved\n" + "".join(f"{at},{outcome},{word}\n" for at, outcome in rows)
    assert figures(text) == figures(LOG)
    message = error_for(f"opened_at,resolved\n{DAY_ONE},{word}\n", "--changes")
    assert "-:2" in message
    assert "is not the instant of an end" in message


@pytest.mark.parametrize(("minutes", "warned"), [(4, False), (5, False), (6, True), (59, True), (61, True)])
def test_two_differing_distant_rows_give_a_warning(minutes: int, warned: bool) -> None:
    end = f"2026-11-01T{minutes // 60:02}:{minutes % 60:02}:00Z"
    result = run(f"at,outcome\n{DAY_ONE},UP\n{end},DOWN\n")
    assert result.exit_code == 0
    assert ("looks like a log of state changes" in result.stderr) is warned
    assert "looks like" not in run(f"at,outcome\n{DAY_ONE},UP\n{end},UP\n").stderr
    assert "looks like" not in run(f"at,outcome\n{DAY_ONE},UP\n{end},DOWN\n", "--samples").stderr
