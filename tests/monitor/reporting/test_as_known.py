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
from tests.monitor.reporting.asking import ask

# A program that writes every format of a report in one process.
_EVERY_FORMAT = """
import sys
from monitor.cli import cli
config, at, folder, *formats = sys.argv[1:]
for form in formats:
    words = ["report", "-c", config, "--product", "all", "--at", at, "-o", f"{folder}/again.{form}"]
    cli(words, standalone_mode=False)
"""


def test_report_of_a_record_and_instant_has_the_same_bytes(config: Path, tmp_path: Path) -> None:
    """The second process has another hash seed."""
    words = [sys.executable, "-c", _EVERY_FORMAT, config, month.MIDDLE, tmp_path, *FORMATS]
    subprocess.run(words, env=os.environ | {"PYTHONHASHSEED": "7"}, check=True)
    again = {form: (tmp_path / f"again.{form}").read_bytes() for form in FORMATS}
    assert [form for form in FORMATS if again[form] != ask(config, form, product="all")] == []


def test_report_reads_the_record_of_a_running_daemon_without_writing(tmp_path: Path) -> None:
    """The record is open and locked, and its newest part is in the write-ahead log. The files do not change."""
    config, store = month.record(tmp_path, close=False)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("record.db*") if not path.name.endswith("-shm")}
    assert len(before["record.db-wal"]) > 0
    found = json.loads(ask(config, "json"))["products"][0]["raw"]
    after = {path.name: path.read_bytes() for path in tmp_path.glob("record.db*") if not path.name.endswith("-shm")}
    store.close()
    assert found["observations"]["bad"] > 0
    assert after == before


@pytest.mark.parametrize("form", FORMATS)
def test_empty_record_is_reported(tmp_path: Path, form: str) -> None:
    config = tmp_path / "portfolio.yaml"
    config.write_text(month.CONFIG.format(store=tmp_path / "record.db"), "utf-8")
    SqliteStore(tmp_path / "record.db", 0).close()
    output = ask(config, form, product="all")
    if form in ("html", "md", "csv"):
        assert "The record is empty" in output.decode()
        assert "0.000%" in output.decode()
    assert output


def folded(seen: list[Observation], hold: int) -> list[Run]:
    runs = [Run.of(seen[0], hold)]
    for each in seen[1:]:
        if runs[-1].accepts(each, hold):
            runs[-1] = runs[-1].with_observation(each)
        else:
            runs.append(Run.of(each, hold))
    return runs


def test_run_that_continued_later_is_cut_at_the_instant(config: Path, tmp_path: Path) -> None:
    """A record of folded runs that continue after --at gives the same report as one of single observations."""
    other = tmp_path / "portfolio.yaml"
    other.write_text(month.CONFIG.format(store=tmp_path / "record.db"), "utf-8")
    runs = [run for key in month.DOWN for run in folded(month.observations(key), 10 * MINUTE + 10 * SECOND)]
    at = parse_instant(month.MIDDLE)
    assert sum(run.first < at < run.last for run in runs) == 3
    store = SqliteStore(tmp_path / "record.db", month.END)
    store.write(Batch(runs=runs))
    store.close()
    for product in ("login", "forms"):
        one, two = (json.loads(ask(each, "json", product=product))["products"][0] for each in (config, other))
        assert one["raw"] == two["raw"]
        assert [each["raw"] for each in one["steps"]] == [each["raw"] for each in two["steps"]]


def test_later_observations_change_no_byte(tmp_path: Path) -> None:
    """Probes are a little early or late, and the runs that contain them continue."""
    portfolio, hold, at = tmp_path / "portfolio.yaml", 10 * MINUTE + 10 * SECOND, parse_instant(month.MIDDLE)
    portfolio.write_text(month.CONFIG.format(store=tmp_path / "record.db"), "utf-8")

    def written_until(end: int) -> bytes:
        store = SqliteStore(tmp_path / "record.db", month.END)
        for check in month.DOWN:
            uneven = [replace(o, at=o.at + (n * 7_919) % 400_000) for n, o in enumerate(month.observations(check))]
            seen = [each for each in uneven if each.at < end]
            store.write(Batch(observations=seen, runs=folded(seen, hold)))
        store.close()
        return ask(portfolio, "json", product="all")

    assert written_until(at + HOUR) == written_until(at + 5 * HOUR)


def test_incident_that_ended_later_is_open_at_the_instant(config: Path) -> None:
    at = format_instant(month.LATE.start + 20 * MINUTE)
    [found] = json.loads(ask(config, "json", at=at))["products"]
    assert [each["resolved"] for each in found["incidents"]] == [format_instant(month.FORMS_DOWN.end), None]
    assert found["incidents"][1]["downtime_seconds"] == (22 * MINUTE + 30 * SECOND) / SECOND
    last = ask(config, "md", at=at).decode().partition("ongoing")[2]
    assert "| 20m so far | 22m 30s so far |" in last


def test_last_month_window_is_the_last_complete_month(config: Path) -> None:
    found = json.loads(ask(config, "json", "--window", "last month", at=month.AFTER))["window"]
    assert (found["start"], found["end"]) == ("2025-11-01T07:00:00Z", "2025-12-01T08:00:00Z")
    assert not found["in_progress"]
