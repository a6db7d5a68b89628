"""/livez, /readyz and the watchdog: their reports when the daemon is stuck or degraded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from monitor.clock import SystemClock
from monitor.health import Health
from monitor.web.liveness import TICK_LIMIT, Watchdog
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW

if TYPE_CHECKING:
    from tests.monitor.web.conftest import RunningServer


@pytest.mark.fault(19)
async def test_livez_fails_if_the_scheduler_was_idle_longer_than_the_limit(server: RunningServer) -> None:
    server.health.record_tick(server.clock.monotonic(), 0.0)
    assert (await server.get("/livez")).status == 200
    server.clock.jump(TICK_LIMIT)
    assert (await server.get("/livez")).status == 200
    server.clock.jump(1)
    response = await server.get("/livez")
    assert (response.status, await response.json()) == (503, {"status": "stuck", "tick_age_seconds": TICK_LIMIT + 1})


async def test_starting_daemon_is_alive_but_not_ready(server: RunningServer) -> None:
    server.health.last_tick = None
    assert (await server.get("/livez")).status == 200
    response = await server.get("/readyz")
    assert response.status == 503
    assert (await response.json())["reasons"] == ["the scheduler is not started"]


@pytest.mark.fault(4)
async def test_failing_store_is_reported_as_degraded_and_pages_stay_available(server: RunningServer) -> None:
    server.health.unrecorded_since, server.health.store_error = NOW - 5_000_000, "disk full"
    server.health.config_reload_success = False
    response = await server.get("/readyz")
    body = await response.json()
    assert (response.status, body["status"], body["unrecorded_seconds"]) == (200, "degraded", 5.0)
    assert body["reasons"][0] == "the record cannot be written: disk full"
    assert "disk full" in (await server.get("/")).text


async def test_readyz_reports_status_and_counts(server: RunningServer) -> None:
    body = await (await server.get("/readyz")).json()
    assert (body["status"], body["reasons"], body["products"], body["checks"]) == ("ready", [], 2, 3)


def test_watchdog_reports_once_per_episode() -> None:
    """The watchdog runs on its own thread, because a blocked loop cannot run it."""
    clock, health = ManualClock(), Health(last_tick=0.0)
    with Watchdog(health, clock, limit=5.0, interval=0.001) as watchdog:
        clock.jump(6)
        _wait_until(lambda: watchdog.episodes == 1)
        health.last_tick = clock.monotonic()
        _wait_until(lambda: not watchdog.stuck)
        clock.jump(6)
        _wait_until(lambda: watchdog.episodes == 2)


def test_watchdog_does_not_report_a_running_loop() -> None:
    clock = SystemClock()
    with Watchdog(Health(last_tick=clock.monotonic()), clock, interval=0.001) as watchdog:
        _wait_until(lambda: watchdog.rounds >= 3)
    assert watchdog.episodes == 0


def _wait_until(condition: object, seconds: float = 10.0) -> None:
    """Wait for another thread in steps of a millisecond; fail after the timeout."""
    tick, clock = threading.Event(), SystemClock()
    deadline = clock.monotonic() + seconds
    while not condition():
        if clock.monotonic() > deadline:
            pytest.fail("timed out waiting for the watchdog")
        tick.wait(0.001)
