"""The daemon as people run it: steps of an escalation, acknowledgement by command, and a kill in between."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from monitor.cli import cli
from monitor.storage.reader import reading
from tests.support.daemon_process import running_daemon
from tests.support.http_target import HttpTarget
from tests.support.processes import wait_for
from tests.support.sinks import Reply, Sink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sla.page_response import Response


@pytest.fixture
def target() -> Iterator[HttpTarget]:
    with HttpTarget().serving() as served:
        yield served


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as served:
        yield served


def write_config(folder: Path, target: HttpTarget, sink: Sink, steps: str) -> Path:
    path = folder / "ninewatch.yaml"
    receivers = "".join(f'  - {{id: {name}, webhook: "{sink.url("/" + name)}"}}\n' for name in ("pager", "manager"))
    path.write_text(
        f"listen: 127.0.0.1:0\nstore: {folder / 'ninewatch.db'}\nreceivers:\n{receivers}"
        f"escalations:\n  - {{id: sso, steps: {steps}}}\nroutes: [{{escalation: sso}}]\npriorities: pathfinder-sso\n"
        f"products:\n  - id: forms\n    objective: 99%\n    stage: production\n    checks:\n"
        f'      - {{id: health, http: "{target.url("/health")}", interval: 200ms, timeout: 150ms}}\n'
    )
    return path


def acknowledge(config: Path, key: str) -> None:
    result = CliRunner().invoke(cli, ["alert", "acknowledge", key, "--by", "Grace", "-c", str(config)])
    assert result.exit_code == 0, result.output


def events(sink: Sink, receiver: str) -> list[str]:
    return [request.json()["event"] for request in list(sink.received) if request.path == f"/{receiver}"]


def responses(config: Path) -> list[Response]:
    with reading(config.parent / "ninewatch.db") as record:
        return record.load_responses()


def test_page_is_escalated_acknowledged_by_command_and_resolved(target: HttpTarget, sink: Sink, tmp_path: Path) -> None:
    config = write_config(tmp_path, target, sink, "[{to: pager}, {to: manager, after: 1s}, {to: pager, after: 1h}]")
    with running_daemon(config) as daemon:
        target.status["/health"] = 503
        first, second = sink.wait_for_event("opened", 2)
        assert (first["priority"], first["escalation"]["step"], second["escalation"]["step"]) == ("P1", 1, 2)
        wait_for("the metric", lambda: daemon.metric("ninewatch_open_pages", acknowledged="false") == 1)
        acknowledge(config, first["key"])
        for body in sink.wait_for_event("acknowledged", 2):
            assert (body["key"], body["acknowledged"]["by"]) == (first["key"], "Grace")
        wait_for("the metric", lambda: daemon.metric("ninewatch_open_pages", acknowledged="true") == 1)
        assert daemon.metric("ninewatch_acknowledgements_total", severity="page") == 1
        target.status.clear()
        sink.wait_for_event("resolved", 2)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0
        assert "Traceback" not in daemon.output()
    assert events(sink, "pager") == events(sink, "manager") == ["opened", "acknowledged", "resolved"]


def test_killed_daemon_keeps_due_times_and_later_acknowledgements(
    target: HttpTarget, sink: Sink, tmp_path: Path
) -> None:
    config = write_config(tmp_path, target, sink, "[{to: pager}, {to: manager, after: 1h}]")
    with running_daemon(config) as daemon:
        target.status["/health"] = 503
        (opened,) = sink.wait_for_event("opened")
        daemon.signal(signal.SIGKILL)
        daemon.wait_for_exit()
    (before,) = responses(config)
    with running_daemon(config) as daemon:
        wait_for("two probes", lambda: daemon.probes("health") > 2)
        assert responses(config) == [before]
        daemon.signal(signal.SIGKILL)
        daemon.wait_for_exit()
    acknowledge(config, opened["key"])
    with running_daemon(config):
        sink.wait_for_event("acknowledged")
        target.status.clear()
        sink.wait_for_event("resolved")
    assert list(dict.fromkeys(events(sink, "pager"))) == ["opened", "acknowledged", "resolved"]
    assert events(sink, "manager") == []


def test_escalation_skips_a_receiver_that_is_down(target: HttpTarget, sink: Sink, tmp_path: Path) -> None:
    sink.decide = lambda received: Reply(503) if received.path == "/pager" else None
    config = write_config(tmp_path, target, sink, "[{to: pager}, {to: manager, after: 1h}]")
    config.write_text(config.read_text().replace("after: 1h}]}", "after: 1h}], unreachable_after: 1s}"))
    with running_daemon(config):
        target.status["/health"] = 503
        wait_for("the second step", lambda: events(sink, "manager") == ["opened"])
