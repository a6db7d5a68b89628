"""`check-config` names maintenance that comes too late to exclude anything, before it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.clock import SystemClock
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import DAY, HOUR, MINUTE
from sla.maintenance import MaintenancePlan
from sla.window import format_instant
from tests.monitor.commands.test_cli import said
from tests.support.ledgers import GOOD, run

if TYPE_CHECKING:
    from pathlib import Path


def config(folder: Path, *spans: tuple[int, int], of_all: bool = False) -> Path:
    """Return a configuration with maintenance from so many hours before now until so many hours before now."""
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
    """A record of a day under plans without maintenance."""
    now = SystemClock().now()
    store = SqliteStore(tmp_path / "n.db", now)
    plans = [MaintenancePlan(name, now - DAY).fact("ninewatch.yaml") for name in ("", "forms")]
    store.write(Batch(runs=[run("forms/page", GOOD, now - DAY, now - MINUTE)], facts=plans))
    store.close()
    return tmp_path


@pytest.mark.parametrize("of_all", [False, True])
def test_maintenance_of_the_past_is_named_with_the_remedy(recorded: Path, *, of_all: bool) -> None:
    found = said("check-config", config(recorded, (5, 3), (2, -2), (-5, -6), of_all=of_all))
    assert found.exit_code == 0
    whose = "of all products" if of_all else "of forms"
    assert found.output.count(f"the maintenance {whose} ") == 2
    assert "(2h) is not excluded: it was planned after that time; state it with `ninewatch correct`" in found.output
    assert "2 warnings" in found.output


def test_maintenance_to_come_is_fine(recorded: Path) -> None:
    assert "warning" not in said("check-config", config(recorded, (-5, -6))).output
    assert "warning" not in said("check-config", config(recorded)).output


def test_a_record_without_plans_or_without_observations_has_no_maintenance_that_is_late(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "n.db", 0).close()
    assert "warning" not in said("check-config", config(tmp_path, (5, 3))).output
