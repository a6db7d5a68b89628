"""What attempts need around them: sockets' poller, name resolver, the loop's pulse. Set up and taken down as one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from monitor.engine.loop_monitor import Pulse
from monitor.engine.runner import Runner
from monitor.network.poller import Poller
from monitor.network.resolver import Resolver

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.health import Health
    from monitor.network.outbound_policy import OutboundPolicy


@contextlib.asynccontextmanager
async def rigged(
    clock: Clock, health: Health, resolver: Resolver | None = None, outbound: OutboundPolicy | None = None
) -> AsyncIterator[tuple[Runner, Pulse]]:
    """Give a runner of attempts, and the pulse that tells it of stalls, for as long as the block lasts."""
    poller = Poller(asyncio.get_running_loop())
    resolver = resolver or Resolver()
    pulse = Pulse(clock, health)
    beating = asyncio.create_task(pulse.run(), name="pulse")
    try:
        yield Runner(clock, pulse, poller, resolver, outbound), pulse
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        await resolver.close()
        poller.close()
