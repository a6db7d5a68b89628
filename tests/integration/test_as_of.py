"""The API and a report return the same figures for the same product, window and instant, without later observations."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.daemon_process import run_to_exit, running_daemon, stored_observations
from tests.support.http_target import HttpTarget
from tests.support.oracle import expected_figures
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOLD = 550_000
NAMES = ("up", "down", "doubt", "unknown")


def instant(at: int) -> str:
    return (EPOCH + timedelta(microseconds=at)).isoformat()


def report_of(config: Path, window: str, at: str) -> Any:
    arguments = ("report", "-c", config, "--product", "demo", "--window", window, "--at", at, "--format", "json")
    status, output, errors = run_to_exit(*arguments)
    assert status == 0, errors
    return json.loads(output)["products"][0]


@pytest.mark.timeout(400)  # twelve processes write a report each
def test_api_figures_at_an_instant_equal_the_report_and_the_oracle(tmp_path: Path) -> None:
    """Tests instants at a good and at a bad probe, directly after each, and half-way to the next probe."""
    record, config = tmp_path / "record.db", tmp_path / "ninewatch.yaml"
    with HttpTarget().serving() as target:
        check = f"{{id: health, http: '{target.url('/')}', interval: 200ms, timeout: 150ms}}"
        product_fields = "objective: 99.9%, agreement: {excludes: [corrections]}"
        config.write_text(
            f"listen: 127.0.0.1:0\nstore: {record}\nproducts:\n- {{id: demo, {product_fields}, checks: [{check}]}}\n"
        )
        with running_daemon(config) as daemon:
            wait_for("probes", lambda: daemon.probes("health") > 6)
            target.status["/"] = 503
            wait_for("an incident", lambda: daemon.incidents("open"))
            target.status.clear()
            wait_for("the resolved incident", lambda: daemon.incidents("resolved"))
            observations = wait_for("the stored observations", lambda: stored_observations(record, "demo/health"))
            bad = next(n for n, (_, outcome) in enumerate(observations) if outcome == "bad")
            start, end = observations[0][0] - 1_000_000, observations[-1][0]
            for number in (3, bad - 1, bad, bad + 1):
                for later in (0, 1, (observations[number + 1][0] - observations[number][0]) // 2):
                    at = observations[number][0] + later
                    window = f"{instant(start)}/{instant(at)}"
                    measured = daemon.api("/products/demo/availability", window=window, at=instant(at))
                    report = report_of(config, window, instant(at))
                    assert report["raw"] | measured == report["raw"]
                    contractual = daemon.api(
                        "/products/demo/availability", window=window, at=instant(at), figure="contractual"
                    )
                    assert contractual["down_seconds"] == report["contractual"]["down_seconds"]
                    earlier_observations = [observation for observation in observations if observation[0] <= at]
                    api_figures = {name: measured[f"{name}_seconds"] for name in NAMES}
                    api_figures["point"] = measured["downtime_seconds"]["point"]
                    assert api_figures == expected_figures(earlier_observations, HOLD, start, at)
                    assert sum(measured["observations"].values()) == sum(
                        instant < at for instant, _ in earlier_observations
                    )
            assert end > start
