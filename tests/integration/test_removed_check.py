"""A check that is removed, absent over a restart and added again by a reload has its history at once."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.support.daemon_process import observed, refused, watching
from tests.support.processes import until
from tests.support.targets import Target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def configured(folder: Path, target: Target, checks: Sequence[str]) -> Path:
    path = folder / "ninewatch.yaml"
    lines = "".join(
        f"      - {{id: {each}, http: '{target.url('/' + each)}', interval: 200ms, timeout: 150ms}}\n"
        for each in checks
    )
    head = f"listen: 127.0.0.1:0\nstore: {folder / 'record.db'}\nproducts:\n"
    path.write_text(f"{head}  - id: demo\n    objective: 99.9%\n    checks:\n{lines}")
    return path


def test_api_and_report_agree_once_a_check_is_back(tmp_path: Path) -> None:
    """The daemon that runs at the end never saw the check before the reload; the report reads the record."""
    with Target().serving() as target:
        with watching(configured(tmp_path, target, ["kept", "gone"])) as watch:
            until("probes of both", lambda: min(watch.probes("kept"), watch.probes("gone")) > 8)
            watch.signal(signal.SIGKILL)
            watch.ended()
        start, end = (EPOCH + timedelta(microseconds=at) for at in span(tmp_path / "record.db"))
        with watching(configured(tmp_path, target, ["kept"])) as watch:
            until("a probe without it", lambda: watch.probes("kept") > 2)
            configured(tmp_path, target, ["kept", "gone"])
            until("the check to be back", lambda: watch.probes("gone") > 2)
            window = f"{(start - timedelta(seconds=1)).isoformat()}/{(end + timedelta(milliseconds=1)).isoformat()}"
            by_api = watch.api("/products/demo/availability", window=window)
            by_report = reported(watch.config, window)
    known = [at for key in ("kept", "gone") for at, _ in observed(tmp_path / "record.db", f"demo/{key}")]
    assert by_api["observations"]["good"] == sum(EPOCH + timedelta(microseconds=at) <= end for at in known)
    assert by_api["up_seconds"] > 1
    assert by_report | by_api == by_report


def span(store: Path) -> tuple[int, int]:
    seen = [at for key in ("kept", "gone") for at, _ in observed(store, f"demo/{key}")]
    return min(seen), max(seen)


def reported(config: Path, window: str) -> Any:
    status, said, wrong = refused("report", "-c", config, "--product", "demo", "--window", window, "--format", "json")
    assert status == 0, wrong
    return json.loads(said)["products"][0]["raw"]
