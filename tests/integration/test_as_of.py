"""The API and a report give the same figures for the same product, window and instant, and neither looks ahead."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

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


def reported(config: Path, window: str, at: str) -> Any:
    words = ("report", "-c", config, "--product", "demo", "--window", window, "--at", at, "--format", "json")
    status, said, wrong = run_to_exit(*words)
    assert status == 0, wrong
    return json.loads(said)["products"][0]


def test_figures_as_of_an_instant_are_those_of_its_report_and_of_an_oracle(tmp_path: Path) -> None:
    """At a good probe and at a bad one, right after each, and half-way to the next."""
    record, config = tmp_path / "record.db", tmp_path / "ninewatch.yaml"
    with HttpTarget().serving() as target:
        check = f"{{id: health, http: '{target.url('/')}', interval: 200ms, timeout: 150ms}}"
        rest = "objective: 99.9%, agreement: {excludes: [corrections]}"
        config.write_text(
            f"listen: 127.0.0.1:0\nstore: {record}\nproducts:\n- {{id: demo, {rest}, checks: [{check}]}}\n"
        )
        with running_daemon(config) as daemon:
            wait_for("probes", lambda: daemon.probes("health") > 6)
            target.status["/"] = 503
            wait_for("an incident", lambda: daemon.incidents("open"))
            target.status.clear()
            wait_for("its end", lambda: daemon.incidents("resolved"))
            seen = wait_for("all of it on disk", lambda: stored_observations(record, "demo/health"))
            bad = next(n for n, (_, outcome) in enumerate(seen) if outcome == "bad")
            start, end = seen[0][0] - 1_000_000, seen[-1][0]
            for number in (3, bad - 1, bad, bad + 1):
                for later in (0, 1, (seen[number + 1][0] - seen[number][0]) // 2):
                    at = seen[number][0] + later
                    window = f"{instant(start)}/{instant(at)}"
                    measured = daemon.api("/products/demo/availability", window=window, at=instant(at))
                    report = reported(config, window, instant(at))
                    assert report["raw"] | measured == report["raw"]
                    contractual = daemon.api(
                        "/products/demo/availability", window=window, at=instant(at), figure="contractual"
                    )
                    assert contractual["down_seconds"] == report["contractual"]["down_seconds"]
                    known = [each for each in seen if each[0] <= at]
                    found = {name: measured[f"{name}_seconds"] for name in NAMES}
                    found["point"] = measured["downtime_seconds"]["point"]
                    assert found == expected_figures(known, HOLD, start, at)
                    assert sum(measured["observations"].values()) == sum(each < at for each, _ in known)
            assert end > start
