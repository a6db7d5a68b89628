"""Notifications of the real daemon about a failing product, received by a webhook."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon_process import running_daemon
from tests.support.http_target import HttpTarget
from tests.support.sinks import Reply, Sink


@pytest.fixture
def target() -> Iterator[HttpTarget]:
    with HttpTarget().serving() as http_target:
        yield http_target


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as webhook_sink:
        yield webhook_sink


def write_config(
    folder: Path, target: HttpTarget, sink: Sink, routes: str = "", checks: tuple[str, ...] = ("health",)
) -> Path:
    path = folder / "ninewatch.yaml"
    lines = "".join(
        f'      - {{id: {name}, http: "{target.url("/" + name)}", interval: 200ms, timeout: 150ms}}\n'
        for name in checks
    )
    path.write_text(
        f"listen: 127.0.0.1:0\nstore: {folder / 'ninewatch.db'}\n"
        f'receivers:\n  - {{id: ops, webhook: "{sink.url()}"}}\n{routes}'
        f"products:\n  - id: forms\n    name: Common Forms\n    objective: 99%\n    checks:\n{lines}"
    )
    return path


@pytest.mark.parametrize("routes", ["", "routes: [{to: ops}]\n"])
def test_minimal_config_sends_one_opened_and_one_resolved_notification(
    target: HttpTarget, sink: Sink, tmp_path: Path, routes: str
) -> None:
    with running_daemon(write_config(tmp_path, target, sink, routes)) as daemon:
        target.status["/health"] = 503
        (opened,) = sink.wait_for_event("opened")
        target.status.clear()
        (resolved,) = sink.wait_for_event("resolved")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0
        assert "Traceback" not in daemon.output()
    assert [body["event"] for body in sink.bodies()] == ["opened", "resolved"]
    assert set(opened) == {
        *("version", "event", "key", "severity", "product", "checks", "incident"),
        *("downtime_seconds", "budget", "links"),
    }
    assert (opened["version"], opened["severity"], opened["checks"]) == (1, "page", ["health"])
    assert opened["product"] == {"id": "forms", "name": "Common Forms"}
    assert opened["incident"]["id"] == opened["key"] == resolved["key"]
    assert (opened["incident"]["reason"], opened["incident"]["resolved"]) == ("http_status", None)
    assert resolved["incident"]["resolved"] > resolved["incident"]["opened"] == opened["incident"]["opened"]
    downtime = resolved["downtime_seconds"]
    assert 0 < downtime["low"] <= downtime["point"] <= downtime["high"] < 60
    assert resolved["budget"]["remaining_seconds"] < resolved["budget"]["allowed_seconds"] == 25_920
    assert [request.headers["idempotency-key"] for request in sink.received] == [
        opened["key"] + "opened",
        opened["key"] + "resolved",
    ]
    assert {request.headers["content-type"] for request in sink.received} == {"application/json"}


def test_unconfirmed_page_is_sent_again_after_a_restart(target: HttpTarget, sink: Sink, tmp_path: Path) -> None:
    """The daemon is killed while the receiver returns 503.

    The next process sends the same event with the same key, once.
    """
    sink.reply = Reply(503)
    config = write_config(tmp_path, target, sink)
    with running_daemon(config) as daemon:
        target.status["/health"] = 503
        (opened, *_) = sink.wait_for_event("opened")
        daemon.signal(signal.SIGKILL)
        daemon.wait_for_exit()
    rejected_count = len(sink.received)
    sink.reply = Reply()
    with running_daemon(config):
        sink.wait_for_event("opened", rejected_count + 1)
        target.status.clear()
        sink.wait_for_event("resolved")
    later_bodies = sink.bodies()[rejected_count:]
    assert [(body["event"], body["key"]) for body in later_bodies] == [
        ("opened", opened["key"]),
        ("resolved", opened["key"]),
    ]
    assert len({request.headers["idempotency-key"] for request in sink.received[: rejected_count + 1]}) == 1


@pytest.mark.fault(28)
def test_two_failing_checks_send_one_notification_of_the_product(
    target: HttpTarget, sink: Sink, tmp_path: Path
) -> None:
    with running_daemon(write_config(tmp_path, target, sink, checks=("health", "login"))) as daemon:
        target.status |= {"/health": 503, "/login": 500}
        sink.wait_for_event("opened")
        while len(daemon.incidents("open")) < 2:
            pass
        target.status.clear()
        (resolved,) = sink.wait_for_event("resolved")
        daemon.signal(signal.SIGTERM)
        daemon.wait_for_exit()
    assert [body["event"] for body in sink.bodies()] == ["opened", "resolved"]
    assert sorted(resolved["checks"]) == ["health", "login"]


def test_removed_check_resolves_its_announced_incident(target: HttpTarget, sink: Sink, tmp_path: Path) -> None:
    config = write_config(tmp_path, target, sink, checks=("health", "login"))
    with running_daemon(config) as daemon:
        target.status["/login"] = 503
        (opened,) = sink.wait_for_event("opened")
        write_config(tmp_path, target, sink, checks=("health",))
        daemon.signal(signal.SIGHUP)
        (resolved,) = sink.wait_for_event("resolved")
    assert resolved["key"] == opened["key"]
