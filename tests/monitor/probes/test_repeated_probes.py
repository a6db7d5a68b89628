"""Repeated probes leave no objects, descriptors or tasks behind."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from monitor.clock import SystemClock
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.probes.registry import prepare
from tests.support.probing import load_check
from tests.support.servers import Handler, http_response, repeat_piece, respond_with, serve_tcp

WARM_UP, REPETITIONS = 30, 200
ALLOWED_OBJECTS = REPETITIONS // 2  # one object per probe would be twice as many
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\n"


class Resources(NamedTuple):
    """The numbers of open descriptors, tasks, and objects that the garbage collector knows."""

    descriptors: int
    tasks: int
    objects: int

    @classmethod
    def now(cls) -> Resources:
        gc.collect()
        return cls(len(list(Path("/proc/self/fd").iterdir())), len(asyncio.all_tasks()), len(gc.get_objects()))

    def exceed(self, other: Resources) -> bool:
        return (
            self.descriptors > other.descriptors
            or self.tasks > other.tasks
            or self.objects > other.objects + ALLOWED_OBJECTS
        )


async def settled(condition: Callable[[], bool]) -> bool:
    """Run the loop until the condition is true, at most for 30 seconds, because servers close their side later."""
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0)
    return True


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    "handler",
    [respond_with(http_response(b"ok")), respond_with(b"garbage"), repeat_piece(b"a" * 60_000, ENDLESS)],
    ids=["good", "malformed", "endless"],
)
async def test_repeated_probes_leave_nothing_behind(handler: Handler) -> None:
    async with serve_tcp(handler) as port, probe_environment(SystemClock(), Health()) as (runner, _):
        probe = prepare(load_check({"http": f"http://127.0.0.1:{port}/", "body_limit": 100_000}))

        async def repeat(times: int) -> None:
            for _ in range(times):
                await runner.attempt(probe, 60)

        await repeat(WARM_UP)
        before = Resources.now()
        await repeat(REPETITIONS)
        assert await settled(lambda: not Resources.now().exceed(before)), (before, Resources.now())
