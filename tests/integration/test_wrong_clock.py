"""A daemon that starts on a record with future instants continues to record and reports them; the wrong time span is
unknown.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from monitor.clock import SystemClock
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import DAY, HOUR, SECOND
from sla.observation import Observation, Outcome, Run
from sla.window import format_instant
from tests.support.daemon_process import running_daemon, stored_observations
from tests.support.http_target import HttpTarget
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

KEY = "demo/health"
HOLD = 300_000


@pytest.mark.parametrize("ahead", [2 * HOUR, 365 * DAY])
@pytest.mark.fault(14)
def test_daemon_records_with_future_observations_in_its_record(tmp_path: Path, ahead: int) -> None:
    record, now = tmp_path / "record.db", SystemClock().now()
    future_observations = [Observation(KEY, now + ahead + n * SECOND // 10, Outcome.BAD, "deadline") for n in range(50)]
    store = SqliteStore(record, now)
    run = Run(
        KEY,
        Outcome.BAD,
        "deadline",
        future_observations[0].at,
        future_observations[-1].at,
        len(future_observations),
        HOLD,
    )
    store.write(Batch(future_observations, [run]))
    store.close()
    config = tmp_path / "ninewatch.yaml"
    with HttpTarget().serving() as target:
        check = f"{{id: health, http: '{target.url('/')}', interval: 100ms, timeout: 100ms}}"
        head = f"listen: 127.0.0.1:0\nstore: {record}\n"
        config.write_text(f"{head}products:\n- {{id: demo, objective: 99.9%, checks: [{check}]}}\n")
        for set_aside_count in (50, 0):
            with running_daemon(config) as daemon:
                wait_for("probes", lambda: daemon.probes("health") > 5)
                assert daemon.api("/products")[0]["state"] == "up"
                assert daemon.metric("ninewatch_late_observations_total") == 0
                ready = json.loads(daemon.body("/readyz"))
                assert daemon.metric("ninewatch_observations_set_aside") == set_aside_count
                assert ready["status"] == ("degraded" if set_aside_count else "ready")
                assert set_aside_count == 0 or ready["reasons"][0].startswith(
                    "50 observations from a wrong clock were set aside"
                )
                assert daemon.metric("ninewatch_clock_steps_total", direction="backward") == 0
                window = f"{format_instant(now)}/{format_instant(SystemClock().now())}"
                measured = daemon.api("/products/demo/availability", window=window)
                assert measured["observations"]["bad"] == 0
    instants = [at for at, _ in stored_observations(record, KEY)]
    assert len(instants) > 10
    assert max(instants) < now + HOUR
