"""`ninewatch sites`: the active site and the failovers from the record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from monitor.clock import SystemClock
from monitor.facts.journal import Journal
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.failover_facts import site_change_fact
from sla.interval import SECOND
from sla.observation import Outcome, Run
from sla.sites import ChangeKind, SiteChange
from sla.window import format_instant
from tests.monitor.commands.test_cli import run_in_process, write_config

if TYPE_CHECKING:
    from pathlib import Path

GOOD, BAD = Outcome.GOOD, Outcome.BAD
SITES = """\
sites: [{id: gold, active: {id: gold-active, http: 'http://127.0.0.1:1/'}},
  {id: dr, active: {id: dr-active, http: 'http://127.0.0.1:1/'}, direct: {id: dr-direct, http: 'http://127.0.0.1:1/'}}],
  failover: {within: %s, settle: 10s}, """


@pytest.fixture
def now() -> int:
    return SystemClock().now() // SECOND * SECOND


def write_record(folder: Path, now: int, within: str) -> Path:
    """Write a record in which demo moved to dr 60 s ago and was down for 29 s."""
    spans = {
        "gold-active": ((GOOD, 600, 61), (BAD, 60, 0)),
        "dr-active": ((BAD, 600, 61), (GOOD, 60, 0)),
        "dr-direct": ((GOOD, 600, 0),),
        "health": ((GOOD, 600, 61), (BAD, 60, 31), (GOOD, 30, 0)),
        "other": ((GOOD, 600, 0),),
    }
    runs = [
        Run(f"demo/{check}", outcome, "", now - first * SECOND, now - last * SECOND, first - last + 1, 100 * SECOND)
        for check, parts in sorted(spans.items())
        for outcome, first, last in parts
    ]
    store = SqliteStore(folder / "n.db", now)
    store.write(Batch(runs=runs))
    store.close()
    change = SiteChange(ChangeKind.FAILOVER, "gold", "dr", now - 61 * SECOND, now - 60 * SECOND)
    Journal.of(folder / "n.db").add(site_change_fact(change, "demo", now - 50 * SECOND, "ninewatch"))
    path = write_config(folder, "http://127.0.0.1:1/health")
    path.write_text(path.read_text().replace("{id: demo, ", "{id: demo, " + SITES % within))
    return path


def test_failover_is_measured_from_the_record(tmp_path: Path, now: int) -> None:
    config = write_record(tmp_path, now, "15m")
    result = run_in_process("sites", "demo", "--at", format_instant(now), "-c", config)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "demo: dr is active (not the primary site); failover within 15m"
    assert lines[1:3] == ["  gold          not probed directly", "  dr            directly: up"]
    figures = "30s (29s to 31s), downtime 30s (29s to 31s); met: lasted at most 31s; the promised time is 15m"
    assert lines[3].endswith(f"failover from gold to dr: {figures}")
    assert "failover from gold to dr" in run_in_process("history", "demo", "-c", config).stdout


def test_missed_failover_time_is_the_exit_status(tmp_path: Path, now: int) -> None:
    config = write_record(tmp_path, now, "20s")
    result = run_in_process("sites", "--json", "--at", format_instant(now), "-c", config)
    assert result.exit_code == 1
    (failover,) = json.loads(result.stdout)["failovers"]
    assert (failover["met"], failover["duration_seconds"]["low"]) == (False, 29.0)
    before = run_in_process("sites", "--json", "--at", format_instant(now - 100 * SECOND), "-c", config)
    plain = json.loads(before.stdout)
    assert (before.exit_code, plain["active"], plain["on_primary"], plain["failovers"]) == (0, "gold", True, [])


@pytest.mark.parametrize(
    ("name", "message"), [("nope", 'unknown product "nope"'), ("demo", "demo has no sites; add `sites:`")]
)
def test_product_without_sites_is_an_error(tmp_path: Path, name: str, message: str) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:1/health")
    assert message in str(run_in_process("sites", name, "-c", config).exception)
