"""`check-config` reports maintenance that is too late to exclude any time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.clock import SystemClock
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import DAY, HOUR, MINUTE
from sla.maintenance import MaintenancePlan
from sla.window import format_instant
from tests.monitor.commands.test_cli import run_in_process
from tests.support.ledgers import GOOD, run

if TYPE_CHECKING:
    from pathlib import Path


def config(folder: Path, *spans: tuple[int, int], of_all: bool = False) -> Path:
    """Return a configuration with maintenance between these hours before now."""
    now = SystemClock().now()
    blocks = [
        f"{{start: '{format_instant(now - a * HOUR)}', end: '{format_instant(now - b * HOUR)}', reason: upgrade}}"
        for a, b in spans
    ]
    text = f"store: {folder / 'n.db'}\nproducts:\n- id: forms\n  objective: 99%\n"
    text += "  checks: [{id: page, http: 'http://127.0.0.1:1/'}]\n"
    text += f"{'' if of_all else '  '}maintenance: [{', '.join(blocks)}]\n" if blocks else ""
    path = folder / "ninewatch.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Write a record of a day with plans without maintenance."""
    now = SystemClock().now()
    store = SqliteStore(tmp_path / "n.db", now)
    plans = [MaintenancePlan(name, now - DAY).fact("ninewatch.yaml") for name in ("", "forms")]
    store.write(Batch(runs=[run("forms/page", GOOD, now - DAY, now - MINUTE)], facts=plans))
    store.close()
    return tmp_path


@pytest.mark.parametrize("of_all", [False, True])
def test_past_maintenance_is_reported_with_a_remedy(recorded: Path, *, of_all: bool) -> None:
    result = run_in_process("check-config", config(recorded, (5, 3), (2, -2), (-5, -6), of_all=of_all))
    assert result.exit_code == 0
    scope_text = "of all products" if of_all else "of forms"
    assert result.output.count(f"the maintenance {scope_text} ") == 2
    assert "(2h) is not excluded: it was planned after that time; add it with `ninewatch correct`" in result.output
    assert "2 warnings" in result.output


def test_future_maintenance_is_accepted(recorded: Path) -> None:
    assert "warning" not in run_in_process("check-config", config(recorded, (-5, -6))).output
    assert "warning" not in run_in_process("check-config", config(recorded)).output


def test_record_without_plans_or_observations_has_no_late_maintenance(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "n.db", 0).close()
    assert "warning" not in run_in_process("check-config", config(tmp_path, (5, 3))).output
