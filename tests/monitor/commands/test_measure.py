"""`ninewatch measure`: input, options, output and exit status."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner, Result

from monitor.commands.measure import measure_command
from monitor.errors import NinewatchError

# The example of measurement.md, section 10: a probe every 60 s, none between 360 s and 1000 s.
EXAMPLE_ROWS = [(0, "good"), (60, "good"), (120, "good"), (180, "bad"), (240, "bad"), (300, "good"), (360, "good")]
EXAMPLE_ROWS += [(1000, "good")]
INTERVAL_OPTIONS = ("--interval", "60s", "--timeout", "10s")


def record(rows: list[tuple[Any, ...]], header: str = "at,outcome") -> bytes:
    return "".join(",".join(map(str, row)) + "\n" for row in [(header,), *rows]).encode()


def run(data: bytes, *arguments: str) -> Result:
    """Measure the data from standard input."""
    return CliRunner().invoke(measure_command, ["-", *arguments], input=data)


def figures(data: bytes, *arguments: str) -> list[dict[str, Any]]:
    result = run(data, *arguments, "--format", "json")
    assert result.exit_code in (0, 1), result.output
    body = json.loads(result.stdout)
    assert list(body) == ["results"]
    results: list[dict[str, Any]] = body["results"]
    return results


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


def observation_counts(data: bytes, *arguments: str) -> list[tuple[int, int, int]]:
    """Return the counts of good, bad and unknown observations of each result."""
    return [tuple(figure["observations"].values()) for figure in figures(data, *arguments)]  # type: ignore[misc]


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


def test_different_downtime_bounds_are_printed_differently() -> None:
    """Bad for 25 h 10 min, with good probes 20 minutes before and after: at most 25 h 50 min."""
    bad = range(20, 20 + 1511, 10)
    rows = [(0, "good"), *((60 * m, "bad") for m in bad), (60 * (bad[-1] + 20), "good")]
    output = run(record(rows), "--hold", "20m").output
    assert "downtime      1d 1h 30m, bounds 1d 1h 10m to 1d 1h 50m" in output


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


def test_overlapping_exclusions_are_excluded_once() -> None:
    """The exclusions overlap, are repeated and exceed the window. The window's edge splits a run."""
    cut = ["--exclude", "150/210", "--exclude", "200/240", "--exclude", "150/210", "--exclude", "-50/30"]
    [actual] = figures(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS, "--window", "0/360", *cut)
    assert actual["excluded_seconds"] == 30 + 90
    assert (actual["up_seconds"], actual["down_seconds"], actual["doubt_seconds"]) == (90 + 60, 0, 30 + 60)
    assert actual["observations"] == {"good": 3, "bad": 1, "unknown": 0}


@pytest.mark.parametrize("options", [["--window", "500/500"], ["--window", "0/100", "--exclude", "0/100"]])
def test_empty_window_has_no_figure(options: list[str]) -> None:
    """The figure is neither 0 % nor 100 %, and no objective is missed."""
    result = run(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS, *options, "--objective", "99", "--format", "json")
    [actual] = json.loads(result.stdout)["results"]
    assert result.exit_code == 0
    assert actual["availability"] == {"low": None, "point": None, "high": None}
    assert (actual["coverage"], actual["verdict"], actual["proven_availability"]) == (None, "undecided", None)
    assert "all time is excluded" in run(record(EXAMPLE_ROWS), *options, "--objective", "99").stdout


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
    downs = {rule: figures(data, "--rule", rule)[0]["down_seconds"] for rule in ("all", "any", "2", "1", "3")}
    assert downs == {"all": 600, "any": 0, "2": 300, "1": 0, "3": 600}
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


def test_csv_has_a_row_per_result_and_empty_cells_for_null() -> None:
    rows = [(t, "good", c) for t in range(0, 601, 60) for c in ("a", '"b, c"')]
    actual = list(csv.DictReader(io.StringIO(run(record(rows, "at,outcome,check"), "--format", "csv").stdout)))
    assert [row["check"] for row in actual] == ["a", "b, c"]
    assert actual[0]["availability_low"] == "1.0"
    assert actual[0]["nines_observed"] == actual[0]["verdict"] == actual[0]["resolvable"] == ""
    assert actual[0]["window_end"] == "1970-01-01T00:10:00Z"


def test_text_shows_the_bounds_and_the_verdict() -> None:
    text = run(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS, "--objective", "90").stdout
    assert "all observations: UNDECIDED against 90%" in text
    assert "66.666%, bounds 18.000% to 94.000%" in text
    assert "undecided: depends on 2m in doubt and 10m 40s unknown; the estimate misses it" in text
    assert "2m, bounds 1m to 13m 40s" in text
    assert "1m 40s allowed, 2m spent, 20s overspent" in text
    scale = next(line for line in text.splitlines() if "├" in line)
    assert scale.strip().startswith("0% ├")
    bar = scale[scale.index("├") + 1 : scale.index("┤")]
    low, point, high = bar.index("━"), bar.index("●"), bar.rindex("━")
    assert [round(100 * place / (len(bar) - 1)) for place in (low, point, high)] == pytest.approx([18, 66, 94], abs=2)


def test_text_shows_raw_and_contractual_figures() -> None:
    text = run(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS, "--exclude", "120/300").stdout
    assert "availability  100.000%, bounds" in text
    assert "raw           66.666%, bounds 18.000% to 94.000%, before exclusions" in text
    assert "raw" not in run(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS).stdout


def test_chart_is_drawn_for_a_record_without_outages() -> None:
    text = run(record([(t, "good") for t in range(0, 601, 60)])).stdout
    assert "99% ├" in text
    assert "n/a observed, " in text
    assert "nothing in doubt or unknown" in text


def test_text_explains_the_verdict() -> None:
    assert (
        "missed: maximum 94.000%, at least 1m down"
        in run(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS, "--objective", "99").stdout
    )
    assert "met: minimum 18.000%" in run(record(EXAMPLE_ROWS), *INTERVAL_OPTIONS, "--objective", "10").stdout
    assert "n/a: no --objective" in run(record(EXAMPLE_ROWS)).stdout


def test_text_shows_the_window_and_its_coverage() -> None:
    assert (
        "the whole record: 1970-01-01T00:00:00Z to 1970-01-01T00:16:40Z (16m 40s)" in run(record(EXAMPLE_ROWS)).stdout
    )
    assert "all observations used, up to 1970-01-01T00:16:40Z" in run(record(EXAMPLE_ROWS), "--window", "1h").stdout
    day = run(record(EXAMPLE_ROWS), "--at", "250", "--window", "day", "--tz", "UTC", "--unknown", "down").stdout
    assert "in progress: the budget covers the entire window, to 1970-01-02T00:00:00Z" in day
    assert "observations used up to 1970-01-01T00:04:10Z; unknown time is counted as down in the estimate" in day


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--objective", "100"], "100% leaves no downtime"),
        (["--objective", "0.999"], 'write "99.9%"'),
        (["--window", "fortnight"], "is not a window"),
        (["--window", "600/500"], "ends before it starts"),
        (["--window", "99999999w"], "reaches beyond the calendar"),
        (["--exclude", "500"], "is not START/END"),
        (["--exclude", "now/then"], "not an instant"),
        (["--at", "later"], "not an instant"),
        (["--tz", "Vancouver"], "is not a time zone; write one such as America/Vancouver"),
        (["--interval", "60"], "is not a duration"),
        (["--interval", "0s"], "the duration is 0"),
        (["--service-hours", "always"], "service hours"),
        (["--rule", "most"], "is not a rule"),
        (["--unknown", "maybe"], "is not one of"),
        (["--by", "vantage"], "is not one of"),
    ],
)
def test_wrong_option_is_a_usage_error(arguments: list[str], message: str) -> None:
    result = run(record(EXAMPLE_ROWS), *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"at,outcome\n5,good\n7,maybe\n", '-:3: "maybe" is not an outcome'),
        (b"at,outcome\n5,good\n2026-01-01T00:00:00,good\n", "-:3: "),
        (b"at,outcome\n1,good,x\n", "-:2: 3 cells, but the header has 2"),
        (b'{"at":1,"outcome":"good"}\n\n{"at":"x","outcome":"good"}\n', '-:3: "x" is not a timestamp'),
        (b"5,good\n", "-:1: no column"),
        (b"", "no observations to measure"),
        (b"at,outcome\n", "no observations to measure"),
    ],
)
def test_invalid_data_is_reported_with_file_and_line(data: bytes, message: str) -> None:
    result = run(data)
    assert isinstance(result.exception, NinewatchError)
    assert message in str(result.exception)


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


def test_program_exits_with_2_and_one_line(tmp_path: Path) -> None:
    """Standard error is not a terminal, so no progress is written to it."""
    path = tmp_path / "log.csv"
    for data, status, out, err in (
        (record(EXAMPLE_ROWS), 0, "availability", ""),
        (b"at,outcome\n1,perhaps\n", 2, "", f'ninewatch: {path}:2: "perhaps" is not an outcome; use good, bad or'),
    ):
        path.write_bytes(data)
        command = [sys.executable, "-m", "monitor", "measure", str(path)]
        completed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert completed.returncode == status
        assert out in completed.stdout
        assert completed.stderr.startswith(err)
        assert completed.stderr.count("\n") == (status == 2)


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


def test_results_with_and_without_an_observed_part_are_one_table() -> None:
    rows = [(1_800_000_000 + 60 * n, "good", name) for name in "ab" for n in range(0 if name == "a" else 20, 40)]
    result = run(record(rows, "at,outcome,check"), "--window", "30m", "--format", "csv")
    first, second = csv.DictReader(io.StringIO(result.output))
    assert (first["watched_since"], second["watched_since"]) == ("", "2027-01-15T08:20:00Z")
