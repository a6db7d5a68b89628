"""A check that is removed, missing during a restart and added again by a reload has its history immediately."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.support.daemon_process import run_to_exit, running_daemon, stored_observations
from tests.support.http_target import HttpTarget
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def write_config(folder: Path, target: HttpTarget, checks: Sequence[str]) -> Path:
    path = folder / "ninewatch.yaml"
    lines = "".join(
        f"      - {{id: {check}, http: '{target.url('/' + check)}', interval: 200ms, timeout: 150ms}}\n"
        for check in checks
    )
    head = f"listen: 127.0.0.1:0\nstore: {folder / 'record.db'}\nproducts:\n"
    path.write_text(f"{head}  - id: demo\n    objective: 99.9%\n    checks:\n{lines}")
    return path


def test_api_and_report_agree_after_a_check_is_added_again(tmp_path: Path) -> None:
    """The running daemon did not have the check before the reload; the report reads the record."""
    with HttpTarget().serving() as target:
        with running_daemon(write_config(tmp_path, target, ["kept", "gone"])) as daemon:
            wait_for("probes of both", lambda: min(daemon.probes("kept"), daemon.probes("gone")) > 8)
            daemon.signal(signal.SIGKILL)
            daemon.wait_for_exit()
        start, end = (EPOCH + timedelta(microseconds=at) for at in first_and_last(tmp_path / "record.db"))
        with running_daemon(write_config(tmp_path, target, ["kept"])) as daemon:
            wait_for("probes without the removed check", lambda: daemon.probes("kept") > 2)
            write_config(tmp_path, target, ["kept", "gone"])
            wait_for("probes of the restored check", lambda: daemon.probes("gone") > 2)
            window = f"{(start - timedelta(seconds=1)).isoformat()}/{(end + timedelta(milliseconds=1)).isoformat()}"
            by_api = daemon.api("/products/demo/availability", window=window)
            by_report = report_figures(daemon.config, window)
    instants = [at for key in ("kept", "gone") for at, _ in stored_observations(tmp_path / "record.db", f"demo/{key}")]
    assert by_api["observations"]["good"] == sum(EPOCH + timedelta(microseconds=at) <= end for at in instants)
    assert by_api["up_seconds"] > 1
    assert by_report | by_api == by_report


def first_and_last(store: Path) -> tuple[int, int]:
    instants = [at for key in ("kept", "gone") for at, _ in stored_observations(store, f"demo/{key}")]
    return min(instants), max(instants)


def report_figures(config: Path, window: str) -> Any:
    status, output, errors = run_to_exit(
        "report", "-c", config, "--product", "demo", "--window", window, "--format", "json"
    )
    assert status == 0, errors
    return json.loads(output)["products"][0]["raw"]
