"""Drills of a running daemon: probes are more frequent until the end, and stop conditions and windows end drills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from monitor.engine.drill_manager import DrillManager
from monitor.engine.fact_recorder import FactRecorder
from monitor.facts.journal import Journal
from monitor.health import Health
from monitor.ledger.product_drills import recorded_drills
from monitor.probe_result import IncidentOpened
from monitor.storage.writer import Writer
from sla.drill import Drill, DrillKind, DrillSource
from sla.drill_facts import drill_end
from sla.incident import Incident
from sla.interval import HOUR, MINUTE, SECOND
from sla.window import format_instant
from tests.support.clocks import ManualClock
from tests.support.ledgers import BAD_RESULT, NOW, ledger_of, probe_all, product
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

    from sla.drill import DrillRecord


class ManagedDrills:
    """The drill manager of the product `forms`, with the probe intervals that it sets."""

    def __init__(self, folder: Path, **fields: object) -> None:
        self.clock, self.health = ManualClock(), Health()
        self.ledger = ledger_of(product("forms", **fields))
        writer = Writer(MemoryStore(), self.health, self.clock)
        self.facts = FactRecorder(self.ledger, Journal(folder / "j"), writer, self.clock, self.health)
        self.interval_changes: list[Mapping[str, int]] = []
        self.manager = DrillManager(self.ledger, self.facts, self.clock, self.interval_changes.append)

    def start(self, kind: DrillKind = DrillKind.FAILOVER) -> Drill:
        drill = Drill(self.clock.now(), "Ada", "forms", kind)
        self.facts.add([drill.fact()])
        self.manager.update()
        return drill

    @property
    def drills(self) -> list[DrillRecord]:
        return recorded_drills(self.ledger, self.clock.now())


def test_probes_are_more_frequent_until_the_drill_ends_and_again_after_a_restart(tmp_path: Path) -> None:
    managed = ManagedDrills(tmp_path, drills={"interval": "2s"})
    drill = managed.start()
    managed.manager.update()
    assert managed.interval_changes == [{"forms": 2 * SECOND}]
    restarted: list[Mapping[str, int]] = []
    DrillManager(managed.ledger, managed.facts, managed.clock, restarted.append).update()
    assert restarted == [{"forms": 2 * SECOND}]
    managed.facts.add([drill_end(drill.id, "forms", managed.clock.now(), "Ada")])
    managed.manager.update()
    assert managed.interval_changes == [{"forms": 2 * SECOND}, {}]


def test_tabletop_exercise_changes_no_probe(tmp_path: Path) -> None:
    managed = ManagedDrills(tmp_path)
    managed.start(DrillKind.TABLETOP)
    managed.clock.jump(10 * HOUR / SECOND)
    managed.manager.update()
    assert managed.interval_changes == []
    assert managed.drills[0].end is None


def test_drill_without_an_end_is_ended_after_its_maximum_length(tmp_path: Path) -> None:
    managed = ManagedDrills(tmp_path, drills={"longest": "1h"})
    managed.start()
    managed.clock.jump(HOUR / SECOND)
    managed.manager.update()
    (drill,) = managed.drills
    assert drill.end is not None
    assert drill.end.reason == "the drill reached its maximum length of 1h"
    assert managed.interval_changes[-1] == {}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "of the downtime budget is spent; drills stop at 100.000%"),
        (
            {"drills": {"stop_at_spent": "900%", "stop_at_hold": True}},
            "the release gate answers hold: 100% of the budget",
        ),
    ],
)
def test_spent_budget_or_hold_of_the_gate_ends_a_drill(tmp_path: Path, fields: dict[str, object], reason: str) -> None:
    """99.9 % over 30 days allows 43 minutes; 50 are certainly down."""
    policy = {"steps": [{"spent": "100%", "consequence": "no releases", "owner": "Ana"}]}
    managed = ManagedDrills(tmp_path, budget_policy=policy, **fields)
    managed.start()
    probe_all(managed.ledger, managed.ledger.entries_of("forms"), NOW - 50 * MINUTE, NOW, BAD_RESULT)
    managed.manager.update()
    (drill,) = managed.drills
    assert drill.end is not None
    assert reason in drill.end.reason


def test_planned_window_starts_and_ends_a_drill_once(tmp_path: Path) -> None:
    start, end = NOW + HOUR, NOW + 2 * HOUR
    window = {
        "start": format_instant(start),
        "end": format_instant(end),
        "reason": "switch to GoldDR",
        "drill": "failover",
    }
    managed = ManagedDrills(tmp_path, maintenance=[window], drills={"rto": "15m", "rpo": "0s"})
    managed.manager.update()
    assert managed.drills == []
    managed.clock.jump((HOUR + 5 * SECOND) / SECOND)
    managed.manager.update()
    managed.manager.update()
    (actual,) = managed.drills
    assert (actual.drill.source, actual.drill.started, actual.drill.rto) == (DrillSource.WINDOW, start, 15 * MINUTE)
    assert managed.interval_changes == [{"forms": SECOND}]
    managed.clock.jump(HOUR / SECOND)
    managed.manager.update()
    (actual,) = managed.drills
    assert actual.end is not None
    assert (actual.end.at, actual.end.reason) == (end, "the planned window ended")


def test_first_incident_of_the_product_is_noted_as_the_detection(tmp_path: Path) -> None:
    managed = ManagedDrills(tmp_path)
    managed.start()
    managed.clock.jump(3)
    for name in ("other", "forms", "forms"):
        managed.manager.on_event(IncidentOpened(Incident.open(name, f"{name}/health", NOW, "http_status")))
        managed.clock.jump(1)
    assert [drill.detected for drill in managed.drills] == [NOW + 4 * SECOND]
