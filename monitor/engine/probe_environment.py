"""Set up and close the parts that probe attempts need: socket poller, name resolver and loop monitor."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from monitor.engine.loop_monitor import LoopMonitor
from monitor.engine.runner import Runner
from monitor.network.poller import Poller
from monitor.network.resolver import Resolver

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.health import Health
    from monitor.network.outbound_policy import OutboundPolicy


@contextlib.asynccontextmanager
async def probe_environment(
    clock: Clock, health: Health, resolver: Resolver | None = None, outbound: OutboundPolicy | None = None
) -> AsyncIterator[tuple[Runner, LoopMonitor]]:
    """Yield a runner of attempts and its monitor of the event loop; close both afterwards."""
    poller = Poller(asyncio.get_running_loop())
    resolver = resolver or Resolver()
    loop_monitor = LoopMonitor(clock, health)
    task = asyncio.create_task(loop_monitor.run(), name="loop-monitor")
    try:
        yield Runner(clock, loop_monitor, poller, resolver, outbound), loop_monitor
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await resolver.close()
        poller.close()
