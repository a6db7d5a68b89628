"""The daemon as people run it, a failing product, and what arrives at a webhook."""

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
    with HttpTarget().serving() as served:
        yield served


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as served:
        yield served


def written(
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
def test_the_smallest_form_notifies_once_of_an_outage_and_once_of_its_end(
    target: HttpTarget, sink: Sink, tmp_path: Path, routes: str
) -> None:
    with running_daemon(written(tmp_path, target, sink, routes)) as daemon:
        target.status["/health"] = 503
        (opened,) = sink.wait_for_event("opened")
        target.status.clear()
        (resolved,) = sink.wait_for_event("resolved")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0
        assert "Traceback" not in daemon.output()
    assert [each["event"] for each in sink.bodies()] == ["opened", "resolved"]
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
    assert [each.headers["idempotency-key"] for each in sink.received] == [
        opened["key"] + "opened",
        opened["key"] + "resolved",
    ]
    assert {each.headers["content-type"] for each in sink.received} == {"application/json"}


def test_a_page_that_was_not_confirmed_is_sent_again_by_the_next_process(
    target: HttpTarget, sink: Sink, tmp_path: Path
) -> None:
    """Killed while the receiver refuses: the next process delivers the same event under the same key, once."""
    sink.reply = Reply(503)
    config = written(tmp_path, target, sink)
    with running_daemon(config) as daemon:
        target.status["/health"] = 503
        (opened, *_) = sink.wait_for_event("opened")
        daemon.signal(signal.SIGKILL)
        daemon.wait_for_exit()
    refused = len(sink.received)
    sink.reply = Reply()
    with running_daemon(config):
        sink.wait_for_event("opened", refused + 1)
        target.status.clear()
        sink.wait_for_event("resolved")
    later = sink.bodies()[refused:]
    assert [(each["event"], each["key"]) for each in later] == [("opened", opened["key"]), ("resolved", opened["key"])]
    assert len({each.headers["idempotency-key"] for each in sink.received[: refused + 1]}) == 1


def test_two_failing_checks_are_one_incident_of_the_product(target: HttpTarget, sink: Sink, tmp_path: Path) -> None:
    with running_daemon(written(tmp_path, target, sink, checks=("health", "login"))) as daemon:
        target.status |= {"/health": 503, "/login": 500}
        sink.wait_for_event("opened")
        while len(daemon.incidents("open")) < 2:
            pass
        target.status.clear()
        (resolved,) = sink.wait_for_event("resolved")
        daemon.signal(signal.SIGTERM)
        daemon.wait_for_exit()
    assert [each["event"] for each in sink.bodies()] == ["opened", "resolved"]
    assert sorted(resolved["checks"]) == ["health", "login"]


def test_removing_the_check_resolves_what_was_announced(target: HttpTarget, sink: Sink, tmp_path: Path) -> None:
    config = written(tmp_path, target, sink, checks=("health", "login"))
    with running_daemon(config) as daemon:
        target.status["/login"] = 503
        (opened,) = sink.wait_for_event("opened")
        written(tmp_path, target, sink, checks=("health",))
        daemon.signal(signal.SIGHUP)
        (resolved,) = sink.wait_for_event("resolved")
    assert resolved["key"] == opened["key"]
