"""Make one probe attempt with a deadline, measure its duration, and translate errors into outcomes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from monitor.engine.loop_monitor import GRACE
from monitor.log import conceal_secrets
from monitor.network.attempt import Attempt
from monitor.network.failure import DETAIL_LIMIT, TIMEOUT_REASONS, ProbeFailure, failure_of
from monitor.network.outbound_policy import OutboundPolicy
from monitor.probe_result import SLOW, ProbeResult
from sla.duration import format_duration, format_exact_duration
from sla.interval import SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.config.model import CheckBase
    from monitor.engine.loop_monitor import LoopMonitor
    from monitor.network.attempt import Probe
    from monitor.network.poller import Poller
    from monitor.network.resolver import Resolver
    from monitor.vantage.watch import Judge

log = structlog.get_logger()

# A bad result becomes unknown if the loop stalled for this share of the probe's timeout, or for STALL seconds: the
# monitor itself may be the cause.
STALL_SHARE, STALL = 0.25, 1.0

# A loop that handles the deadline late was probably as late at each wait of the probe: connect, TLS or first byte,
# transfer. An idle loop is 1 or 2 ms late.
WAITS, MAX_TIMER_DELAY = 4, 0.005


class AttemptResult(NamedTuple):
    """The result of one attempt: `at` is its start (microseconds since the epoch), `duration` is in seconds."""

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
        self.attempt_type: Callable[..., Attempt] = Attempt

    def run(self, check: CheckBase, probe: Probe, judge: Judge | None = None) -> Coroutine[Any, Any, AttemptResult]:
        """Return the coroutine of an attempt with the timeout and `slow_after` of the check."""
        slow_after = math.inf if check.slow_after is None else check.slow_after / SECOND
        return self.attempt(probe, check.timeout / SECOND, slow_after=slow_after, judge=judge)

    async def attempt(
        self,
        probe: Probe,
        seconds: float,
        *,
        slow_after: float = math.inf,
        outbound: OutboundPolicy | None = None,
        judge: Judge | None = None,
    ) -> AttemptResult:
        """Return the probe's result within `seconds`. Raises nothing but `CancelledError`.

        `outbound` limits the addresses that it may connect to; default: the runner's policy. `judge` then decides
        whether a bad result is about the target; its time does not count (see `monitor/vantage/watch.py`).
        """
        at = self._clock.now()
        started = self._clock.monotonic()
        stalled = self._loop_monitor.stalled()
        attempt = self.new_attempt(outbound)
        attempt.deadline = started + seconds
        result = await self._result_of(probe, attempt, seconds)
        duration = self._clock.monotonic() - started
        if result.outcome is Outcome.BAD:
            overdue = duration - seconds
            lost = max(self._loop_monitor.stalled() - stalled, WAITS * overdue if overdue > MAX_TIMER_DELAY else 0.0)
            if _has_unread_response(attempt, overdue) or lost > min(STALL, STALL_SHARE * seconds):
                result = self._starvation_result(attempt, result, lost)
            elif judge is not None:
                result = await judge(attempt, started, result)
        elif duration > slow_after and result.outcome is Outcome.GOOD:
            elapsed = format_duration(round(duration * SECOND))
            limit = format_exact_duration(round(slow_after * SECOND))
            result = replace(result, reason=SLOW, detail=f"took {elapsed}, slow after {limit}")
        return AttemptResult(at, result, duration)

    def new_attempt(self, outbound: OutboundPolicy | None = None) -> Attempt:
        """Return a new attempt without a deadline, for a caller that runs it itself."""
        return self.attempt_type(self._clock, self._poller, self._resolver, outbound or self.outbound)

    async def _result_of(self, probe: Probe, attempt: Attempt, seconds: float) -> ProbeResult:
        try:
            async with asyncio.timeout(seconds):
                return await probe(attempt)
        except TimeoutError:
            attempt.deadline_phase = attempt.phase
            reason = TIMEOUT_REASONS.get(attempt.phase, "deadline")
            failure = attempt.own_failure or ProbeFailure(reason, _timeout_detail(attempt, seconds))
        except ProbeFailure as error:
            failure = error
        except OSError as error:
            failure = failure_of(error)
        except Exception as error:  # a defect of a probe is not an outage
            log.error("probe_defect", error=repr(error), exc_info=True)
            failure = ProbeFailure("probe_defect", type(error).__name__, outcome=Outcome.UNKNOWN)
        attempt.close()
        return _failure_result(attempt, failure)

    def _starvation_result(self, attempt: Attempt, result: ProbeResult, lost: float) -> ProbeResult:
        cause = (
            "an answer was already received at the deadline"
            if attempt.response_unread
            else f"the event loop stalled for {lost:.2f} s"
        )
        return _failure_result(
            attempt, ProbeFailure("monitor_starved", f"{cause}; {result.reason}", outcome=Outcome.UNKNOWN)
        )


def _timeout_detail(attempt: Attempt, seconds: float) -> str:
    """Return the detail of a timeout: phase and address at the deadline."""
    peer = attempt.peer[1][0] if attempt.peer is not None and attempt.phase == "connect" else ""
    address = attempt.attempts or peer
    return f"not complete within {seconds:g} s, waiting for {attempt.phase or 'start'}{address and f': {address}'}"


def _has_unread_response(attempt: Attempt, overdue: float) -> bool:
    """Return whether the target responded in time, but the event loop did not read the response by the deadline.

    During a transfer the deadline must also have been handled late: unread data is normal for a slow target.
    """
    return attempt.response_unread and (attempt.deadline_phase != "transfer" or overdue > GRACE)


def _failure_result(attempt: Attempt, failure: ProbeFailure) -> ProbeResult:
    return ProbeResult(
        failure.outcome,
        failure.reason,
        failure.status,
        attempt.phases,
        conceal_secrets(failure.detail)[:DETAIL_LIMIT],
        attempt.certificate_expiry,
    )
