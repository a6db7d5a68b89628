"""A report shows the record as it was known at an instant, while a daemon runs, with reproducible bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.commands.report import FORMATS
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import HOUR, MINUTE, SECOND
from sla.observation import Observation, Run
from sla.window import format_instant, parse_instant
from tests.monitor.reporting import month
from tests.monitor.reporting.report_command import report_output

# A program that writes every format of a report in one process.
_EVERY_FORMAT = """
import sys
from monitor.cli import cli
config, at, folder, *formats = sys.argv[1:]
for format_name in formats:
    arguments = ["report", "-c", config, "--product", "all", "--at", at, "-o", f"{folder}/again.{format_name}"]
    cli(arguments, standalone_mode=False)
"""


def test_report_of_a_record_and_instant_has_the_same_bytes(config: Path, tmp_path: Path) -> None:
    """The second process has another hash seed."""
    command = [sys.executable, "-c", _EVERY_FORMAT, config, month.MIDDLE, tmp_path, *FORMATS]
    subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": "7"}, check=True)
    second_result = {format_name: (tmp_path / f"again.{format_name}").read_bytes() for format_name in FORMATS}
    assert [
        format_name
        for format_name in FORMATS
        if second_result[format_name] != report_output(config, format_name, product="all")
    ] == []


def test_report_reads_the_record_of_a_running_daemon_without_writing(tmp_path: Path) -> None:
    """The record is open and locked, and its newest part is in the write-ahead log. The files do not change."""
    config, store = month.record(tmp_path, close=False)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("record.db*") if not path.name.endswith("-shm")}
    assert len(before["record.db-wal"]) > 0
    raw = json.loads(report_output(config, "json"))["products"][0]["raw"]
    after = {path.name: path.read_bytes() for path in tmp_path.glob("record.db*") if not path.name.endswith("-shm")}
    store.close()
    assert raw["observations"]["bad"] > 0
    assert after == before


@pytest.mark.parametrize("format_name", FORMATS)
def test_empty_record_is_reported(tmp_path: Path, format_name: str) -> None:
    config = tmp_path / "portfolio.yaml"
    config.write_text(month.CONFIG.format(store=tmp_path / "record.db"), "utf-8")
    SqliteStore(tmp_path / "record.db", 0).close()
    output = report_output(config, format_name, product="all")
    if format_name in ("html", "md", "csv"):
        assert "The record is empty" in output.decode()
        assert "0.000%" in output.decode()
    assert output


def fold(observations: list[Observation], hold: int) -> list[Run]:
    runs = [Run.of(observations[0], hold)]
    for observation in observations[1:]:
        if runs[-1].accepts(observation, hold):
            runs[-1] = runs[-1].with_observation(observation)
        else:
            runs.append(Run.of(observation, hold))
    return runs


def test_run_that_continued_later_is_cut_at_the_instant(config: Path, tmp_path: Path) -> None:
    """A record of folded runs that continue after --at gives the same report as one of single observations."""
    other = tmp_path / "portfolio.yaml"
    other.write_text(month.CONFIG.format(store=tmp_path / "record.db"), "utf-8")
    runs = [run for key in month.DOWN for run in fold(month.observations(key), 10 * MINUTE + 10 * SECOND)]
    at = parse_instant(month.MIDDLE)
    assert sum(run.first < at < run.last for run in runs) == 3
    store = SqliteStore(tmp_path / "record.db", month.END)
    store.write(Batch(runs=runs))
    store.close()
    for product in ("login", "forms"):
        one, two = (json.loads(report_output(path, "json", product=product))["products"][0] for path in (config, other))
        assert one["raw"] == two["raw"]
        assert [step["raw"] for step in one["steps"]] == [step["raw"] for step in two["steps"]]


def test_later_observations_do_not_change_the_report(tmp_path: Path) -> None:
    """Probes are a little early or late, and the runs that contain them continue."""
    portfolio, hold, at = tmp_path / "portfolio.yaml", 10 * MINUTE + 10 * SECOND, parse_instant(month.MIDDLE)
    portfolio.write_text(month.CONFIG.format(store=tmp_path / "record.db"), "utf-8")

    def written_until(end: int) -> bytes:
        store = SqliteStore(tmp_path / "record.db", month.END)
        for check in month.DOWN:
            uneven = [replace(o, at=o.at + (n * 7_919) % 400_000) for n, o in enumerate(month.observations(check))]
            earlier = [observation for observation in uneven if observation.at < end]
            store.write(Batch(observations=earlier, runs=fold(earlier, hold)))
        store.close()
        return report_output(portfolio, "json", product="all")

    assert written_until(at + HOUR) == written_until(at + 5 * HOUR)


def test_incident_that_ended_later_is_open_at_the_instant(config: Path) -> None:
    at = format_instant(month.LATE.start + 20 * MINUTE)
    [product] = json.loads(report_output(config, "json", at=at))["products"]
    assert [incident["resolved"] for incident in product["incidents"]] == [format_instant(month.FORMS_DOWN.end), None]
    assert product["incidents"][1]["downtime_seconds"] == (22 * MINUTE + 30 * SECOND) / SECOND
    last = report_output(config, "md", at=at).decode().partition("ongoing")[2]
    assert "| 20m so far | 22m 30s so far |" in last


def test_last_month_window_is_the_last_complete_month(config: Path) -> None:
    window = json.loads(report_output(config, "json", "--window", "last month", at=month.AFTER))["window"]
    assert (window["start"], window["end"]) == ("2025-11-01T07:00:00Z", "2025-12-01T08:00:00Z")
    assert not window["in_progress"]
