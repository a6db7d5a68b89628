"""Make one attempt under a deadline, measure it, and translate errors into outcomes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from monitor.engine.loop_monitor import GRACE
from monitor.log import concealed
from monitor.network.attempt import Attempt
from monitor.network.failure import DETAIL_LIMIT, ProbeFailure, failure_of
from monitor.network.outbound_policy import OutboundPolicy
from monitor.probe_result import SLOW, ProbeResult
from sla.interval import SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.config.model import CheckBase
    from monitor.engine.loop_monitor import LoopMonitor
    from monitor.network.attempt import Probe
    from monitor.network.poller import Poller
    from monitor.network.resolver import Resolver

log = structlog.get_logger()

# The phase in which the deadline fell -> reason. One deadline spans all phases; the reason says where it was lost.
_DEADLINE_IN = {"resolve": "dns_timeout", "connect": "connect_timeout", "tls": "tls_timeout"}

# A bad result is unknown if the loop stalled for this share of the probe's timeout, or for STALL seconds: the monitor
# itself may be the cause.
STALL_SHARE, STALL = 0.25, 1.0

# The lateness of the deadline itself shows how late the loop was for each of a probe's waits: connect, TLS or first
# byte, transfer, and the deadline. An idle loop is punctual to 1 or 2 ms.
WAITS, PUNCTUAL = 4, 0.005


class AttemptResult(NamedTuple):
    """The result of one attempt: `at` is when it was sent (microseconds, UTC), `duration` is seconds."""

    at: int
    result: ProbeResult
    duration: float


class Runner:
    """Makes single attempts, without retries or damping."""

    def __init__(
        self,
        clock: Clock,
        loop_monitor: LoopMonitor,
        poller: Poller,
        resolver: Resolver,
        outbound: OutboundPolicy | None = None,
    ) -> None:
        self._clock, self._loop_monitor, self._poller, self._resolver = clock, loop_monitor, poller, resolver
        self.outbound = outbound or OutboundPolicy()

    def run(self, check: CheckBase, probe: Probe) -> Coroutine[Any, Any, AttemptResult]:
        """Return the coroutine of an attempt with the timeout and `slow_after` of the check."""
        slow_after = math.inf if check.slow_after is None else check.slow_after / SECOND
        return self.attempt(probe, check.timeout / SECOND, slow_after=slow_after)

    async def attempt(
        self, probe: Probe, seconds: float, *, slow_after: float = math.inf, outbound: OutboundPolicy | None = None
    ) -> AttemptResult:
        """Return the probe's result, after `seconds` at most. Raises only cancellation.

        `outbound` limits where it may connect to; default: the runner's own policy.
        """
        at = self._clock.now()
        started = self._clock.monotonic()
        stalled = self._loop_monitor.stalled()
        attempt = self.new_attempt(outbound)
        attempt.deadline = started + seconds
        result = await self._judged(probe, attempt, seconds)
        duration = self._clock.monotonic() - started
        if result.outcome is Outcome.BAD:
            overdue = duration - seconds
            lost = max(self._loop_monitor.stalled() - stalled, WAITS * overdue if overdue > PUNCTUAL else 0.0)
            if _was_waiting(attempt, overdue) or lost > min(STALL, STALL_SHARE * seconds):
                result = self._starved(attempt, result, lost)
        elif duration > slow_after and result.outcome is Outcome.GOOD:
            detail = f"took {duration:.3g} s, slow after {slow_after:g} s"
            result = replace(result, reason=SLOW, detail=detail)
        return AttemptResult(at, result, duration)

    def new_attempt(self, outbound: OutboundPolicy | None = None) -> Attempt:
        """Return an attempt without a deadline, for a caller that makes it by itself."""
        return Attempt(self._clock, self._poller, self._resolver, outbound or self.outbound)

    async def _judged(self, probe: Probe, attempt: Attempt, seconds: float) -> ProbeResult:
        try:
            async with asyncio.timeout(seconds):
                return await probe(attempt)
        except TimeoutError:
            attempt.deadline_phase = attempt.phase
            reason = _DEADLINE_IN.get(attempt.phase, "deadline")
            failure = attempt.own_failure or ProbeFailure(reason, _waiting(attempt, seconds))
        except ProbeFailure as error:
            failure = error
        except OSError as error:
            failure = failure_of(error)
        except Exception as error:  # a defect of a probe kind is no outage
            log.error("probe_defect", error=repr(error), exc_info=True)
            failure = ProbeFailure("probe_defect", type(error).__name__, outcome=Outcome.UNKNOWN)
        attempt.close()
        return _failed(attempt, failure)

    def _starved(self, attempt: Attempt, result: ProbeResult, lost: float) -> ProbeResult:
        why = (
            "an answer was already received at the deadline"
            if attempt.answer_waiting
            else f"the event loop stalled for {lost:.2f} s"
        )
        return _failed(attempt, ProbeFailure("monitor_starved", f"{why}; {result.reason}", outcome=Outcome.UNKNOWN))


def _waiting(attempt: Attempt, seconds: float) -> str:
    """Return the phase and the addresses that the attempt was waiting for at the deadline."""
    peer = attempt.peer[1][0] if attempt.peer is not None and attempt.phase == "connect" else ""
    where = attempt.attempts or peer
    return f"not complete within {seconds:g} s, waiting for {attempt.phase or 'start'}{where and f': {where}'}"


def _was_waiting(attempt: Attempt, overdue: float) -> bool:
    """Return whether the target had answered in time, and the event loop was too late to read it.

    A target that sends slowly has nearly always just sent something. Once its answer has begun, the result is ours only
    if the deadline was kept late.
    """
    return attempt.answer_waiting and (attempt.deadline_phase != "transfer" or overdue > GRACE)


def _failed(attempt: Attempt, failure: ProbeFailure) -> ProbeResult:
    return ProbeResult(
        failure.outcome,
        failure.reason,
        failure.status,
        attempt.phases,
        concealed(failure.detail)[:DETAIL_LIMIT],
        attempt.certificate_expiry,
    )
