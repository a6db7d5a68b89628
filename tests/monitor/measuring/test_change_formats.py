"""Logs of state changes in the formats of other tools: exports, units of instants, columns."""

from __future__ import annotations

import json

import pytest

from tests.monitor.measuring.change_logs import DAY_ONE, LOG, error_for, figures, run, times


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
