"""Alerts that the daemon sends to a real Alertmanager: one firing and one resolved alert, also after a restart of
Alertmanager.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.daemon_process import running_daemon
from tests.support.http_target import HttpTarget
from tests.support.monitoring import alertmanager
from tests.support.processes import fetch, free_port, needs, wait_for
from tests.support.sinks import Sink

pytestmark = [pytest.mark.slow, pytest.mark.needs_prometheus, needs("prometheus-alertmanager")]

ROUTED = """
route: {{receiver: pager, group_by: [key], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: pager, webhook_configs: [{{url: "{url}", send_resolved: true}}]}}]
"""
CONFIG = """
listen: 127.0.0.1:0
store: {store}
receivers: [{{id: am, alertmanager: ["{manager}"]}}]
products:
  - id: poc
    objective: 99%
    checks: [{{id: front, http: "{target}", interval: 200ms, timeout: 150ms}}]
"""


def sent_alert_keys(sink: Sink, status: str) -> list[str]:
    """Return the keys of the alerts with this status that Alertmanager sent to the pager."""
    bodies = [request.json() for request in list(sink.received)]
    return [alert["labels"]["key"] for body in bodies for alert in body["alerts"] if alert["status"] == status]


def test_outage_sends_one_firing_and_one_resolved_alert(tmp_path: Path) -> None:
    with ExitStack() as stack:
        target, sink = stack.enter_context(HttpTarget().serving()), stack.enter_context(Sink().serving())
        manager = stack.enter_context(alertmanager(tmp_path, ROUTED.format(url=sink.url())))
        config = tmp_path / "ninewatch.yaml"
        config.write_text(CONFIG.format(store=tmp_path / "nw.db", manager=manager, target=target.url("/")))
        daemon = stack.enter_context(running_daemon(config))
        target.status["/"] = 503
        (key,) = wait_for("the page", lambda: sent_alert_keys(sink, "firing"))
        (incident,) = daemon.api("/incidents")
        assert incident["resolved"] is None
        alerts_json = fetch(f"{manager}/api/v2/alerts")[1].decode()
        assert key in alerts_json
        assert '"product":"poc"' in alerts_json
        target.status.clear()
        wait_for("the resolved alert", lambda: sent_alert_keys(sink, "resolved"))
        assert sent_alert_keys(sink, "firing") == sent_alert_keys(sink, "resolved") == [key]
        wait_for("the confirmation", lambda: daemon.metric("ninewatch_notifications_sent_total") == 2)
        assert daemon.metric("ninewatch_notifications_waiting") == 0


@pytest.mark.fault(53)
def test_page_that_is_due_while_alertmanager_is_stopped_is_delivered_once_it_is_back(tmp_path: Path) -> None:
    with ExitStack() as stack:
        target, sink = stack.enter_context(HttpTarget().serving()), stack.enter_context(Sink().serving())
        port, routed_config, config = free_port(), ROUTED.format(url=sink.url()), tmp_path / "ninewatch.yaml"
        manager = f"http://127.0.0.1:{port}"
        config.write_text(CONFIG.format(store=tmp_path / "nw.db", manager=manager, target=target.url("/")))
        with alertmanager(tmp_path, routed_config, port):
            daemon = stack.enter_context(running_daemon(config))
            wait_for("a first probe", lambda: daemon.probes("front"))
        target.status["/"] = 503
        wait_for("a failed attempt", lambda: daemon.metric("ninewatch_notification_failures_total"))
        wait_for("the page to wait", lambda: daemon.metric("ninewatch_notifications_waiting") == 1)
        assert sink.received == []
        with alertmanager(tmp_path, routed_config, port):
            (key,) = wait_for("the page", lambda: sent_alert_keys(sink, "firing"))
            wait_for("the confirmation", lambda: daemon.metric("ninewatch_notifications_waiting") == 0)
        target.status.clear()
        wait_for("the end of the incident", lambda: not daemon.incidents("open"))
        wait_for("the end to wait", lambda: daemon.metric("ninewatch_notifications_waiting") == 1)
        assert sent_alert_keys(sink, "resolved") == []
        with alertmanager(tmp_path, routed_config, port):
            assert wait_for("the resolved alert", lambda: sent_alert_keys(sink, "resolved")) == [key]
            wait_for("the confirmation", lambda: daemon.metric("ninewatch_notifications_waiting") == 0)
        assert set(sent_alert_keys(sink, "firing")) == {key}
        assert daemon.metric("ninewatch_notifications_sent_total") == 2
