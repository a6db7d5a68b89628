"""Measure whether the connection of this vantage loses packets.

TCP repeats a lost packet after a second. So a probe with a shorter timeout fails if a single packet is lost, and its
failure shows nothing about the target while every reference loses packets too.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Final

from monitor.network.failure import TIMEOUT_REASONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.clock import Clock
    from monitor.probe_result import ProbeResult
    from monitor.vantage.reference import Reference
    from monitor.vantage.watch import MakeAttempt

RETRANSMISSION: Final = 1.0  # seconds until TCP repeats a packet (RFC 6298)
PROBES: Final = 12  # of each reference in one measurement ...
MIN_LOST: Final = (
    2  # ... of which so many must be lost: at 30 % of all packets, less than that is 1 of 400 measurements
)
_LIMIT: Final = 0.9  # seconds for each of them, so that no packet is repeated in it
_VALIDITY: Final = 2.0  # seconds in which outcomes share a measurement
_TIMEOUTS: Final = frozenset({*TIMEOUT_REASONS.values(), "deadline"})


def may_be_a_lost_packet(result: ProbeResult, timeout: float) -> bool:
    """Return whether one lost packet explains a bad result of a probe with this timeout in seconds."""
    return timeout < RETRANSMISSION and result.reason.rpartition(": ")[2] in _TIMEOUTS


class PacketLoss:
    """The measurements of references. Use it on the event loop's thread only."""

    def __init__(self, clock: Clock, make_attempt: MakeAttempt) -> None:
        self._clock, self._make_attempt = clock, make_attempt
        self._measurements: dict[str, asyncio.Task[int]] = {}
        self._started: dict[str, float] = {}

    async def is_everywhere(self, references: Sequence[Reference], tasks: asyncio.TaskGroup) -> bool:
        """Return whether each of the references loses packets. At most 0.9 s."""
        losses = await asyncio.gather(*(self._lost(reference, tasks) for reference in references))
        return bool(losses) and min(losses) >= MIN_LOST

    async def _lost(self, reference: Reference, tasks: asyncio.TaskGroup) -> int:
        """Return the number of probes without an answer in a measurement of the last seconds."""
        now = self._clock.monotonic()
        if now - self._started.get(reference.id, -math.inf) > _VALIDITY:
            self._started[reference.id] = now
            self._measurements[reference.id] = tasks.create_task(self._measure(reference))
        return await asyncio.shield(self._measurements[reference.id])

    async def _measure(self, reference: Reference) -> int:
        attempts = (self._make_attempt(reference.probe, _LIMIT) for _ in range(PROBES))
        return sum(result.reason in _TIMEOUTS for _, result, _ in await asyncio.gather(*attempts))
