"""A daemon that is killed within a journey cleans up after its next start, and shows the journey."""

from __future__ import annotations

import json
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from monitor.continuity.journeys import SUFFIX
from monitor.facts.intent_log import IntentLog
from tests.support.daemon_process import running_daemon
from tests.support.processes import wait_for
from tests.support.record_service import RecordService

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow]


def configuration(folder: Path, url: str) -> Path:
    find = {"http": f"{url}/records", "capture": {"id": "$[?@.note == '{{run_id}}'].id"}}
    create = {
        "method": "POST",
        "http": f"{url}/records",
        "json_body": {"note": "{{run_id}}"},
        "capture": {"id": "$.id"},
    }
    remove = {"always": True, "counts": False, "method": "DELETE", "http": f"{url}/records/{{{{id}}}}", "find": find}
    steps: list[dict[str, Any]] = [{"id": "create", **create}, {"id": "clean-up", **remove}]
    check = {"id": "journey", "interval": "1h", "timeout": "10s", "steps": steps}
    product = {"id": "forms", "objective": "99%", "checks": [check]}
    store = str(folder / "n.db")
    path = folder / "c.yaml"
    path.write_text(json.dumps({"listen": "127.0.0.1:0", "store": store, "products": [product]}))
    return path


def test_a_write_before_the_kill_is_removed_after_the_next_start(tmp_path: Path) -> None:
    with (service := RecordService()).serving():
        config = configuration(tmp_path, service.url)
        killed = threading.Event()
        with running_daemon(config) as daemon:

            def kill(method: str) -> None:
                if method == "POST" and not killed.is_set():
                    daemon.signal(signal.SIGKILL)
                    daemon.program.process.wait()
                    killed.set()

            service.committed = kill
            wait_for("the kill", killed.is_set)
        (left,) = IntentLog.of(tmp_path / "n.db", SUFFIX).read().values()
        assert [record["note"] for record in service.records.values()] == [left.id]
        service.committed = lambda _: None
        with running_daemon(config) as daemon:
            wait_for("the clean-up", lambda: service.created == 2 and not service.records)
            wait_for("the result", lambda: daemon.api("/products/forms")["checks"][0]["last"])
            last = daemon.api("/products/forms")["checks"][0]["last"]
            page = daemon.body("/products/forms")
    assert [(step["id"], step["outcome"]) for step in last["steps"]] == [("create", "good"), ("clean-up", "good")]
    assert "Steps of journey in the last run" in page
    assert page.count('class="waterfall"') == 2
