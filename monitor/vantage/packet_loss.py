"""Measure whether the connection of this vantage loses packets.

TCP repeats a lost packet after a second. So a probe with a shorter timeout fails if a single packet is lost, and its
failure shows nothing about the target while every reference loses packets too.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from monitor.network.failure import TIMEOUT_REASONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.clock import Clock
    from monitor.probe_result import ProbeResult
    from monitor.vantage.reference import Reference
    from monitor.vantage.watch import MakeAttempt

_RETRANSMISSION: Final = 1.0  # seconds until TCP repeats a packet (RFC 6298)
# If 30 % of all packets are lost, fewer than 2 of 12 probes fail in 1 of 400 measurements.
_PROBES: Final = 12  # of each reference in one measurement
_MIN_LOST: Final = 2  # probes of a reference that loses packets
_LIMIT: Final = 0.9  # seconds for each of them, so that no packet is repeated in it
_VALIDITY: Final = 2.0  # seconds in which outcomes share a measurement
_TIMEOUTS: Final = frozenset({*TIMEOUT_REASONS.values(), "deadline"})


def may_be_a_lost_packet(result: ProbeResult, timeout: float) -> bool:
    """Return whether one lost packet explains a bad result of a probe with this timeout in seconds."""
    return timeout < _RETRANSMISSION and result.reason.rpartition(": ")[2] in _TIMEOUTS


class Measurement(NamedTuple):
    """The moment (monotonic) at which a measurement started, and its number of probes without an answer."""

    started: float
    lost: asyncio.Task[int]


class PacketLoss:
    """The last measurement of each reference. Use it on the event loop's thread only."""

    def __init__(self, clock: Clock, make_attempt: MakeAttempt) -> None:
        self._clock, self._make_attempt = clock, make_attempt
        self._measurements: dict[str, Measurement] = {}

    def measure(self, references: Iterable[Reference], tasks: asyncio.TaskGroup) -> list[Measurement]:
        """Return the measurements of the references; start those that have none of the last seconds."""
        return [self._measurement(reference, tasks) for reference in references]

    def _measurement(self, reference: Reference, tasks: asyncio.TaskGroup) -> Measurement:
        now, known = self._clock.monotonic(), self._measurements.get(reference.id)
        if known is None or now - known.started > _VALIDITY:
            known = Measurement(now, tasks.create_task(self._measure(reference)))
            self._measurements[reference.id] = known
        return known

    async def _measure(self, reference: Reference) -> int:
        attempts = (self._make_attempt(reference.probe, _LIMIT) for _ in range(_PROBES))
        return sum(result.reason in _TIMEOUTS for _, result, _ in await asyncio.gather(*attempts))


async def all_lose_packets(measurements: Iterable[Measurement]) -> bool:
    """Return whether each of the measured references loses packets; False without any. Waits at most 0.9 s."""
    losses = await asyncio.gather(*(asyncio.shield(measurement.lost) for measurement in measurements))
    return bool(losses) and min(losses) >= _MIN_LOST
