"""`ninewatch export observations|runs|incidents|figures`: the rows of the record, as CSV and JSON lines."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from monitor.as_of import ledger_at
from monitor.cli import cli
from monitor.clock import SystemClock
from monitor.commands.config_option import load_config
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.incident import Incident
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.observation import Observation, Outcome, Run
from sla.window import format_instant, parse_instant
from tests.support.records import NAMES, unpack

if TYPE_CHECKING:
    from monitor.reporting.record_export import Row

START = parse_instant("2026-11-02T08:00:00Z")  # midnight in the portfolio's zone
CONFIG = """\
store: n.db
time_zone: Etc/GMT+8
products:
- {id: forms, objective: 99%, checks: [{id: api, http: "http://127.0.0.1:1/"}]}
- {id: other, objective: 99%, checks: [{id: api, http: "http://127.0.0.1:1/"}]}
"""
WINDOW = ("--window", "2026-11-02T08:00:00Z/2026-11-04T20:00:00Z")


@pytest.fixture(autouse=True)
def _record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a record of two products, one of which was down for an hour of the second day."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "n.yaml").write_text(CONFIG)

    def run(check: str, outcome: Outcome, start: int, end: int) -> Run:
        first, last, count = START + start, START + end - MINUTE, (end - start) // MINUTE
        reason = "" if outcome is Outcome.GOOD else "timeout"
        return Run(check, outcome, reason, first, last, count, 130 * SECOND, count, count * SECOND, 2 * SECOND)

    store = SqliteStore(tmp_path / "n.db", START)
    store.write(
        Batch(
            runs=[
                run("forms/api", Outcome.GOOD, 0, DAY + HOUR),
                run("forms/api", Outcome.BAD, DAY + HOUR, DAY + 2 * HOUR),
                run("forms/api", Outcome.GOOD, DAY + 2 * HOUR, 3 * DAY),
                run("other/api", Outcome.GOOD, 0, 3 * DAY),
            ],
            observations=[
                Observation("forms/api", START + DAY, Outcome.GOOD, latency=250_000),
                Observation("forms/api", START + DAY + HOUR, Outcome.BAD, "timeout", recheck=True),
                Observation("other/api", START + DAY, Outcome.GOOD),
                Observation("other/api", START + 9 * DAY, Outcome.GOOD),
            ],
            incidents=[
                Incident("a1", "forms", "forms/api", START + DAY + HOUR, START + DAY + 2 * HOUR, "timeout", HOUR),
                Incident("b2", "forms", "forms/api", START + 5 * DAY, None, "timeout", None),
            ],
        )
    )
    store.close()


def exported(kind: str, *options: str, form: str = "jsonl") -> list[Row]:
    result = CliRunner().invoke(cli, ["export", kind, "-c", "n.yaml", "--format", form, *WINDOW, *options])
    assert result.exit_code == 0, result.output
    if form == "jsonl":
        return [json.loads(line) for line in result.stdout.splitlines()]
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_observations_of_a_product_are_in_the_window_by_instant() -> None:
    first, second = exported("observations", "--product", "forms")
    assert first == {
        "at": format_instant(START + DAY),
        "check": "forms/api",
        "vantage": "local",
        "outcome": "good",
        "reason": "",
        "latency_seconds": 0.25,
        "recheck": False,
    }
    assert (second["outcome"], second["latency_seconds"], second["recheck"]) == ("bad", None, True)
    assert len(exported("observations")) == 3


def test_runs_and_incidents_overlap_the_window() -> None:
    assert [(run["outcome"], run["observations"]) for run in exported("runs", "--product", "forms")] == [
        ("good", 25 * 60),
        ("bad", 60),
        ("good", 46 * 60),
    ]
    (incident,) = exported("incidents")
    assert (incident["id"], incident["downtime_seconds"]) == ("a1", 3600)
    assert exported("incidents", "--product", "other") == []


def test_figures_by_day_are_those_of_the_ledger_in_the_portfolios_zone() -> None:
    days = exported("figures", "--product", "forms")
    assert [(day["start"], day["end"]) for day in days] == [
        ("2026-11-02T08:00:00Z", "2026-11-03T08:00:00Z"),
        ("2026-11-03T08:00:00Z", "2026-11-04T08:00:00Z"),
        ("2026-11-04T08:00:00Z", "2026-11-04T20:00:00Z"),
    ]
    portfolio, now = load_config(Path("n.yaml"))[1], SystemClock().now()
    ledger = ledger_at(portfolio, portfolio.store, now)
    for day in days:
        window = Interval(parse_instant(day["start"]), parse_instant(day["end"]))
        expected = ledger.measured("forms", window, window.end, now).as_json()
        assert day["availability_low"] == expected["availability"]["low"]
        assert day["downtime_high_seconds"] == expected["downtime_seconds"]["high"]
        assert day["bad"] == expected["observations"]["bad"]
    assert [day["bad"] for day in days] == [0, 60, 0]


def test_figures_of_the_whole_window_and_unknown_time() -> None:
    forms, other = exported("figures", "--by", "none")
    assert (forms["product"], other["product"], forms["bad"], other["bad"]) == ("forms", "other", 60, 0)
    result = CliRunner().invoke(
        cli, ["export", "figures", "-c", "n.yaml", "--format", "jsonl", "--window", "2026-10-01/2026-10-02"]
    )
    for line in map(json.loads, result.stdout.splitlines()):
        assert line["availability_point"] is None
        assert (line["availability_low"], line["availability_high"]) == (0, 1)


def test_csv_has_the_values_of_json_lines() -> None:
    for kind in ("observations", "runs", "incidents", "figures"):
        for line, cells in zip(exported(kind), exported(kind, form="csv"), strict=True):
            assert list(line) == list(cells)
            assert {name: text(value) for name, value in line.items()} == cells


def text(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_output_is_a_new_file(tmp_path: Path) -> None:
    arguments = ["export", "runs", "-c", "n.yaml", *WINDOW, "-o", "runs.csv"]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    content = (tmp_path / "runs.csv").read_text()
    assert content.startswith("check,vantage,outcome,")
    assert "runs.csv exists and was not changed" in str(CliRunner().invoke(cli, arguments).exception)
    assert (tmp_path / "runs.csv").read_text() == content


def test_unknown_product_is_an_error_with_the_known_ones() -> None:
    result = CliRunner().invoke(cli, ["export", "runs", "-c", "n.yaml", "--product", "nothing"])
    assert 'unknown product "nothing"; use one of: forms, other' in str(result.exception)


@pytest.mark.parametrize("name", NAMES)
def test_records_of_earlier_versions_are_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    folder = tmp_path / "earlier"
    folder.mkdir()
    monkeypatch.chdir(folder)
    config = unpack(name, folder)
    start, end = json.loads((folder / "expected.json").read_text())["windows"][0]
    window = f"{format_instant(start)}/{format_instant(end)}"
    for kind in ("observations", "runs", "incidents", "figures"):
        result = CliRunner().invoke(cli, ["export", kind, "-c", str(config), "--window", window])
        assert result.exit_code == 0, result.output
        assert result.stdout.count("\n") > 1
