"""/livez, /readyz and the watchdog: who is told what when the daemon does not do its work."""

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


async def test_livez_fails_once_the_scheduler_has_not_come_round_for_the_limit(site: RunningServer) -> None:
    site.health.woke(site.clock.monotonic(), 0.0)
    assert (await site.get("/livez")).status == 200
    site.clock.jump(TICK_LIMIT)
    assert (await site.get("/livez")).status == 200
    site.clock.jump(1)
    answer = await site.get("/livez")
    assert (answer.status, await answer.json()) == (503, {"status": "stuck", "tick_age_seconds": TICK_LIMIT + 1})


async def test_a_daemon_that_is_starting_is_alive_but_not_ready(site: RunningServer) -> None:
    site.health.last_tick = None
    assert (await site.get("/livez")).status == 200
    answer = await site.get("/readyz")
    assert answer.status == 503
    assert (await answer.json())["reasons"] == ["the scheduler is not started"]


async def test_a_store_that_cannot_be_written_degrades_and_is_named_but_the_pages_stay(site: RunningServer) -> None:
    site.health.unrecorded_since, site.health.store_error = NOW - 5_000_000, "disk full"
    site.health.config_reload_success = False
    answer = await site.get("/readyz")
    body = await answer.json()
    assert (answer.status, body["status"], body["unrecorded_seconds"]) == (200, "degraded", 5.0)
    assert body["reasons"][0] == "the record cannot be written: disk full"
    assert "disk full" in (await site.get("/")).text


async def test_ready_says_what_runs(site: RunningServer) -> None:
    body = await (await site.get("/readyz")).json()
    assert (body["status"], body["reasons"], body["products"], body["checks"]) == ("ready", [], 2, 3)


def test_the_watchdog_tells_once_an_episode_and_anew_after_a_recovery() -> None:
    """It runs on a thread of its own, since a wedged loop can run nothing."""
    clock, health = ManualClock(), Health(last_tick=0.0)
    with Watchdog(health, clock, limit=5.0, watch=0.001) as dog:
        clock.jump(6)
        _until(lambda: dog.episodes == 1)
        health.last_tick = clock.monotonic()
        _until(lambda: not dog.stuck)
        clock.jump(6)
        _until(lambda: dog.episodes == 2)


def test_the_watchdog_leaves_a_loop_alone_that_comes_round() -> None:
    clock = SystemClock()
    with Watchdog(Health(last_tick=clock.monotonic()), clock, watch=0.001) as dog:
        _until(lambda: dog.rounds >= 3)
    assert dog.episodes == 0


def _until(condition: object, seconds: float = 10.0) -> None:
    """Wait for another thread, in turns of a millisecond, up to a deadline that only a broken one reaches."""
    tick, clock = threading.Event(), SystemClock()
    deadline = clock.monotonic() + seconds
    while not condition():
        if clock.monotonic() > deadline:
            pytest.fail("the watchdog did not get there")
        tick.wait(0.001)
