"""Notes about drills in progress."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sla.drill import Drill, DrillKind
from sla.drill_facts import drill_end
from sla.silence import Silence
from tests.support.alerting import AlertingHarness, ledger_with_receivers, run_alerting
from tests.support.clocks import ManualClock
from tests.support.ledgers import product
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from typing import Any

    from monitor.ledger.ledger import Ledger

OPS = {"id": "ops", "webhook": "https://ops.example.org/hook"}
NOTES = [{"to": "ops", "severities": ["page", "ticket", "note"]}]


def forms(routes: list[dict[str, Any]] = NOTES, **fields: Any) -> Ledger:
    return ledger_with_receivers(product("forms", **fields), receivers=[OPS], **({"routes": routes} if routes else {}))


def start_drill(harness: AlertingHarness, kind: DrillKind = DrillKind.FAILOVER) -> Drill:
    drill = Drill(harness.clock.now(), "Ada", "forms", kind)
    harness.state(drill.fact())
    return drill


async def test_start_of_a_drill_is_a_note_that_its_end_resolves() -> None:
    async with run_alerting(forms(), deliver=False) as harness:
        drill = start_drill(harness)
        for _ in range(2):
            harness.clock.jump(60)
            await harness.update()
        (opened,) = harness.rows()
        assert (opened.event, opened.severity, opened.product) == ("opened", "note", "forms")
        assert opened.key == f"drill:forms:failover:{drill.made // 1_000_000}"
        extra = json.loads(opened.body)["extra"]
        assert extra["summary"] == "A drill of forms (failover) is in progress"
        assert extra["notes"][0].startswith("Started by Ada at ")
        harness.state(drill_end(drill.fact().id, "forms", harness.clock.now(), "Ada"))
        await harness.update()
        assert harness.events() == ["opened", "resolved"]
        await harness.update()
        assert harness.events() == ["opened", "resolved"]


async def test_note_continues_after_a_restart_and_is_resolved_once() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with run_alerting(forms(), store, clock, deliver=False) as harness:
        drill = start_drill(harness)
        await harness.update()
    async with run_alerting(forms(), store, clock, deliver=False) as harness:
        harness.state(drill.fact())
        await harness.update()
        assert harness.events() == ["opened"]
        harness.state(drill_end(drill.fact().id, "forms", clock.now(), "Ada"))
        await harness.update()
        assert harness.events() == ["opened", "resolved"]


async def test_note_is_not_sent_without_a_route_for_notes() -> None:
    async with run_alerting(forms(routes=[]), deliver=False) as harness:
        start_drill(harness)
        await harness.update()
        assert harness.rows() == []


@pytest.mark.parametrize("kind", [kind for kind in DrillKind if not kind.measured])
async def test_drill_that_is_not_measured_has_no_note(kind: DrillKind) -> None:
    async with run_alerting(forms(), deliver=False) as harness:
        start_drill(harness, kind)
        await harness.update()
        assert harness.rows() == []


async def test_maintenance_does_not_mute_a_note_and_a_silence_does() -> None:
    """Drills are often made in planned maintenance. The clock starts at 14:13:20 UTC."""
    block = {"start": "2026-09-21T14:00", "end": "2026-09-21T14:30", "zone": "UTC", "reason": "drill"}
    async with run_alerting(forms(maintenance=[block]), deliver=False) as harness:
        start_drill(harness)
        await harness.update()
        assert harness.events() == ["opened"]
    async with run_alerting(forms(), deliver=False) as harness:
        now = harness.clock.now()
        harness.state(Silence(now, "Ada", "known", now + 60_000_000, "forms").fact())
        start_drill(harness)
        await harness.update()
        assert harness.rows() == []
