"""The text and the CSV of `ninewatch measure`, and its errors."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.errors import NinewatchError
from tests.support.measured_logs import EXAMPLE_ROWS, INTERVAL_OPTIONS, record, run


def test_different_downtime_bounds_are_printed_differently() -> None:
    """Bad for 25 h 10 min, with good probes 20 minutes before and after: at most 25 h 50 min."""
    bad = range(20, 20 + 1511, 10)
    rows = [(0, "good"), *((60 * m, "bad") for m in bad), (60 * (bad[-1] + 20), "good")]
    output = run(record(rows), "--hold", "20m").output
    assert "downtime      1d 1h 30m, bounds 1d 1h 10m to 1d 1h 50m" in output


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
        (["--objective", "0.999"], 'use "99.9%"'),
        (["--window", "fortnight"], "is not a window"),
        (["--window", "600/500"], "ends before it starts"),
        (["--window", "99999999w"], "reaches beyond the calendar"),
        (["--exclude", "500"], "is not START/END"),
        (["--exclude", "now/then"], "not an instant"),
        (["--at", "later"], "not an instant"),
        (["--tz", "Vancouver"], "is not a time zone; use one such as America/Vancouver"),
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


def test_results_with_and_without_an_observed_part_are_one_table() -> None:
    rows = [(1_800_000_000 + 60 * n, "good", name) for name in "ab" for n in range(0 if name == "a" else 20, 40)]
    result = run(record(rows, "at,outcome,check"), "--window", "30m", "--format", "csv")
    first, second = csv.DictReader(io.StringIO(result.output))
    assert (first["watched_since"], second["watched_since"]) == ("", "2027-01-15T08:20:00Z")
