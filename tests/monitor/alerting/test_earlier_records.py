"""Records of earlier versions: open incidents are continued without a page, and their end announces nothing.

A record that has product incidents already continues them as they are.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.alerting.service import Alerting
from monitor.config.loader import load
from monitor.engine.recorder import Recorder, restore
from monitor.health import Health
from monitor.ledger.ledger import Ledger
from monitor.probe_result import ProbeResult
from monitor.probes.registry import check_types
from monitor.receivers.registry import RECEIVER_TYPES
from monitor.storage.backup import backup_path
from monitor.storage.sqlite import SqliteStore
from monitor.storage.writer import Writer
from sla.interval import SECOND
from sla.observation import Outcome
from tests.support.clocks import ManualClock
from tests.support.records import NAMES, unpack

HOOK = '\nreceivers: [{id: ops, webhook: "https://ops.example.org/hook"}]\n'


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.fault(59)
async def test_open_incidents_of_earlier_records_continue_without_a_page(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = unpack(name, tmp_path)
    config.write_text(config.read_text() + HOOK)
    portfolio = load(config, check_types(allow_exec=False), RECEIVER_TYPES)
    ledger, store = Ledger(portfolio), SqliteStore(portfolio.store, 0)
    assert list(tmp_path.glob(f"{backup_path(portfolio.store, 0).name[:-1]}*")), "the record was copied first"
    earlier = store.load_product_incidents()
    known = {incident.product: incident for incident in earlier if incident.resolved is None}
    restore(ledger, store)
    clock, health = ManualClock((ledger.last_observation_at or 0) + SECOND), Health()
    writer = Writer(store, health, clock)
    alerting = Alerting(ledger, writer, clock, health)
    alerting.restore(store)
    product_incidents = {incident.product: incident for incident in alerting.product_incidents.all_open()}
    products_down = {incident.product for incident in ledger.open_incidents()}
    assert product_incidents.keys() == products_down
    for product, incident in product_incidents.items():
        assert incident == known[product] if product in known else incident.suppressed_up_to == incident.severity
    async with Recorder(ledger, writer, health, decide=alerting.changed) as recorder:
        await alerting.update()
        for _ in range(12):
            clock.jump(10)
            for entry in ledger.entries.values():
                recorder.record(entry, ProbeResult(Outcome.GOOD), clock.now(), 0.01)
    assert health.alerting_defects == 0
    resolved = [incident for incident in store.load_product_incidents() if incident.resolved is not None]
    assert {incident.product for incident in resolved if incident not in earlier} == products_down
    announced = {notification.key for notification in store.load_notifications()}
    assert announced <= {incident.id for incident in known.values()}, "it had no receiver when it opened"
    store.close()
