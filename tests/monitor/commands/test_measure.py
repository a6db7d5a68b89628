"""`ninewatch measure`: input, options, output and exit status."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from monitor.commands.measure import measure_command
from monitor.errors import NinewatchError
from tests.support.measured_logs import EXAMPLE_ROWS, INTERVAL_OPTIONS, figures, record, run


def test_example_of_the_contract_gives_its_figures() -> None:
    """The window is the full record, from the first observation to the last, which is counted."""
    [actual] = figures(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS, "--objective", "99.9")
    assert actual == {
        "check": None,
        "window": {"start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:16:40Z"},
        "excluded_seconds": 0.0,
        "up_seconds": 180.0,
        "down_seconds": 60.0,
        "doubt_seconds": 120.0,
        "guessed_seconds": {"up": 0.0, "down": 0.0},
        "unknown_seconds": 640.0,
        "coverage": 0.36,
        "availability": {"low": 0.18, "point": pytest.approx(2 / 3, abs=1e-15), "high": 0.94},
        "downtime_seconds": {"low": 60.0, "point": 120.0, "high": 820.0},
        "observations": {"good": 6, "bad": 2, "unknown": 0},
        "nines": {"observed": pytest.approx(0.47712125), "proven": pytest.approx(0.22207364)},
        "proven_availability": pytest.approx(0.40031061),
        "objective": 0.999,
        "budget": {"allowed_seconds": 1.0, "spent_seconds": 120.0, "remaining_seconds": -119.0},
        "verdict": "missed",
        "point_meets_objective": False,
        "resolvable": False,
        "provisional": False,
    }


def test_file_format_and_order_do_not_change_the_figures(tmp_path: Path) -> None:
    """The input is shuffled, with duplicates, compressed, as JSON lines, in two files, and from standard input."""
    rows = [*EXAMPLE_ROWS, (180, "good"), (240, "unknown"), (60, "unknown"), (60, "good")]
    Random(1).shuffle(rows)  # noqa: S311 - reproducible
    lines = "".join(json.dumps({"at": at, "outcome": outcome}) + "\n" for at, outcome in rows).encode()
    forms = {"csv": record(rows), "gz": gzip.compress(record(rows)), "jsonl": lines, "jsonl.gz": gzip.compress(lines)}
    forms["first"], forms["second"] = record(rows[:4]), b"\n".join(lines.splitlines()[4:])
    for name, data in forms.items():
        (tmp_path / name).write_bytes(data)
    expected = figures(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS)
    for names in (["csv"], ["gz"], ["jsonl"], ["jsonl.gz"], ["first", "second"]):
        paths = [str(tmp_path / name) for name in names]
        result = CliRunner().invoke(measure_command, [*paths, *INTERVAL_OPTIONS, "--format", "json"])
        assert json.loads(result.stdout)["results"] == expected, names
    assert figures(forms["gz"], *INTERVAL_OPTIONS) == expected


@pytest.mark.parametrize(
    ("status", "objective", "window"),
    [
        (0, "99", "1970-01-01T00:00:00Z/1970-01-01T00:01:00Z"),
        (0, "50", "0/1000"),
        (1, "95", "0/1000"),
        (0, "95", "2000/3000"),
        (0, None, "0/1000"),
    ],
)
def test_exit_status_is_1_if_an_objective_is_certainly_missed(status: int, objective: str | None, window: str) -> None:
    """It is 0 if the objective is met, if the bounds do not decide, and without an objective."""
    options = ["--objective", objective] if objective else []
    assert run(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS, *options, "--window", window).exit_code == status


def test_one_missed_check_gives_exit_status_1() -> None:
    rows = [(t, "bad" if c == "b" else "good", c) for t in range(0, 600, 60) for c in "abc"]
    result = run(record(rows, "at,outcome,check"), "--objective", "99", "--format", "csv")
    assert result.exit_code == 1
    assert [row["verdict"] for row in csv.DictReader(io.StringIO(result.stdout))] == ["met", "missed", "met"]


def test_overlapping_exclusions_are_excluded_once() -> None:
    """The exclusions overlap, are repeated and exceed the window. The window's edge splits a run."""
    exclusions = ["--exclude", "150/210", "--exclude", "200/240", "--exclude", "150/210", "--exclude", "-50/30"]
    [actual] = figures(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS, "--window", "0/360", *exclusions)
    assert actual["excluded_seconds"] == 30 + 90
    assert (actual["up_seconds"], actual["down_seconds"], actual["doubt_seconds"]) == (90 + 60, 0, 30 + 60)
    assert actual["observations"] == {"good": 3, "bad": 1, "unknown": 0}


def test_service_hours_use_the_zones_local_time() -> None:
    """A Friday in November, from 06:00 to 20:00 in Vancouver, has eleven service hours."""
    rows = [(f"2026-11-20T{h:02}:{m:02}:00-08:00", "good") for h in range(6, 21) for m in range(60)]
    hours = ["--service-hours", "Mon-Fri 07:00-18:00"]
    [actual] = figures(record(rows), *hours)
    assert actual["up_seconds"] == 11 * 3600
    assert figures(record(rows), *hours, "--tz", "UTC")[0]["up_seconds"] == 4 * 3600


def test_planned_maintenance_is_excluded(tmp_path: Path) -> None:
    """It comes from a calendar or from YAML, and may recur."""
    event = "BEGIN:VEVENT\nUID:1\nSUMMARY:patching\nDTSTART:20261120T080000Z\nDTEND:20261120T081000Z\nEND:VEVENT\n"
    (tmp_path / "plan.ics").write_text(f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{event}END:VCALENDAR\n")
    planned = "{start: 2026-11-19T00:00, end: 2026-11-19T00:10, rrule: FREQ=DAILY, reason: patching}"
    (tmp_path / "plan.yaml").write_text(f"maintenance:\n  - {planned}\n")
    (tmp_path / "wrong.yaml").write_text("maintenance:\n  - {start: 5, reason: x}\n")
    window = ["--window", "2026-11-20T07:00:00Z/2026-11-20T09:00:00Z"]
    rows = [("2026-11-20T07:30:00Z", "good")]
    for name in ("plan.ics", "plan.yaml"):
        [actual] = figures(record(rows), *window, "--maintenance", str(tmp_path / name))
        assert actual["excluded_seconds"] == 600, name
    for name, message in (("wrong.yaml", ":2:13: "), ("none.ics", "no such file")):
        result = run(record(rows), "--maintenance", str(tmp_path / name))
        assert isinstance(result.exception, NinewatchError)
        assert message in str(result.exception)


def test_unknown_policy_changes_the_point_only() -> None:
    """The bounds do not change."""
    actual = {
        p: figures(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS, "--unknown", p)[0]["availability"]
        for p in ("exclude", "down", "up")
    }
    assert [actual[p]["point"] for p in ("exclude", "down", "up")] == pytest.approx([240 / 360, 0.24, 0.88])
    assert {(a["low"], a["high"]) for a in actual.values()} == {(0.18, 0.94)}


def test_interval_is_estimated_for_each_check() -> None:
    """The estimate is the median spacing. The hold is 2 x interval + 10 s, or + the interval if this is less."""
    fast = [(t, "good", "fast") for t in range(0, 20, 4)] + [(33, "good", "fast"), (120, "good", "fast")]
    slow = [(t, "good", "slow") for t in (0, 30, 60, 120)]
    actual = {
        figure["check"]: figure for figure in figures(record(fast + slow, "at,outcome,check"), "--objective", "50")
    }
    assert actual["fast"]["unknown_seconds"] == (33 - 16) + (120 - 33)  # each gap is longer than the hold
    assert actual["slow"]["unknown_seconds"] == 0
    text = run(record(fast + slow, "at,outcome,check")).stdout
    assert "interval 4s (median spacing), hold 12s = 2 x interval + timeout 4s (assumed)" in text
    assert "interval 30s (median spacing), hold 1m 10s = 2 x interval + timeout 10s (assumed)" in text


def test_given_interval_is_used_and_shown() -> None:
    text = run(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS).stdout
    assert "interval 1m (given), hold 2m 10s = 2 x interval + timeout 10s\n" in text
    assert "interval 1m (median spacing), hold 10s (given)" in run(record(EXAMPLE_ROWS), "--hold", "10s").stdout
    assert "interval 1m (assumed)" in run(record(EXAMPLE_ROWS[:1])).stdout


def test_vantages_are_combined_by_the_rule() -> None:
    """Of three vantages, one is down all the time and one for half of it."""
    rows = [
        (t, "bad" if v == "x" or (v == "y" and t >= 300) else "good", "c", v) for t in range(0, 601, 60) for v in "xyz"
    ]
    data = record(rows, "at,outcome,check,vantage")
    down_seconds_by_rule = {
        rule: figures(data, "--rule", rule)[0]["down_seconds"] for rule in ("all", "any", "2", "1", "3")
    }
    assert down_seconds_by_rule == {"all": 600, "any": 0, "2": 300, "1": 0, "3": 600}
    assert figures(data)[0]["down_seconds"] == 600
    assert "at least 2 of 3 vantages must be up" in run(data, "--rule", "2").stdout


def test_all_checks_are_combined_by_the_rule() -> None:
    rows = [(t, "bad" if c == "a" else "good", c) for t in range(0, 601, 60) for c in "ab"]
    data = record(rows, "at,outcome,check")
    [actual] = figures(data, "--by", "none")
    assert (actual["check"], actual["down_seconds"]) == (None, 600)
    assert actual["observations"] == {"good": 11, "bad": 11, "unknown": 0}
    assert figures(data, "--by", "none", "--rule", "any")[0]["up_seconds"] == 600
    assert [figure["check"] for figure in figures(data)] == ["a", "b"]


def test_objective_is_measurable_if_its_budget_has_two_intervals() -> None:
    rows = [(t, "good") for t in range(0, 6001, 60)]
    for objective, resolvable in (("98", True), ("98.1", False)):
        [actual] = figures(record(rows), "--objective", objective)
        assert actual["resolvable"] is resolvable
    assert figures(record(rows[:1]), "--objective", "98")[0]["resolvable"] is None
    assert "too short to be measured at this interval" in run(record(rows), "--objective", "98.1").stdout


def test_rule_that_cannot_be_met_is_rejected() -> None:
    result = run(record([(1, "good", "c")], "at,outcome,check"), "--rule", "2")
    assert isinstance(result.exception, NinewatchError)
    assert "check c: the rule at_least 2 needs 2 or more members, there are 1" in str(result.exception)


def test_check_without_observations_until_the_instant_is_unknown() -> None:
    rows = [(0, "good", "old"), (60, "good", "old"), (500, "good", "new")]
    [new, old] = figures(record(rows, "at,outcome,check"), "--at", "60")
    assert (new["check"], new["coverage"], old["coverage"]) == ("new", 0, 1)
    [none] = figures(record(rows[2:], "at,outcome,check"), "--at", "60")
    assert none["window"] == {"start": "1970-01-01T00:01:00Z", "end": "1970-01-01T00:01:00Z"}
