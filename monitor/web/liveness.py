"""/livez and /readyz for supervisors, and a watchdog thread for a stalled event loop."""

from __future__ import annotations

import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from monitor.views.degradations import degradations
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.health import Health

routes = web.RouteTableDef()
log = structlog.get_logger(__name__)

TICK_LIMIT = 10.0  # seconds; the scheduler runs about every 100 ms
WATCH_SECONDS = 1.0


def tick_age(health: Health, clock: Clock) -> float | None:
    """Return the seconds since the scheduler's last round. None before its first round."""
    return None if health.last_tick is None else max(0.0, clock.monotonic() - health.last_tick)


@routes.get("/livez")
@role(Role.PUBLIC)
async def livez(request: web.Request) -> web.Response:
    """Report whether the scheduler runs. The status is 503 if its last round was more than TICK_LIMIT seconds ago.

    Before the first round the daemon is starting and alive. A blocked event loop does not respond at all; supervisors
    must treat a timeout like a 503.
    """
    context = request.app[CONTEXT]
    age = tick_age(context.health, context.clock)
    stuck = age is not None and age > TICK_LIMIT
    body: dict[str, Any] = {"status": "stuck" if stuck else "ok", "tick_age_seconds": age}
    return as_json(body, status=503 if stuck else 200)


@routes.get("/readyz")
@role(Role.PUBLIC)
async def readyz(request: web.Request) -> web.Response:
    """Report whether probing runs (200 or 503), and the degradations, with reasons in words.

    A failing store is a degradation and does not affect readiness: pages and metrics are still current, and removing
    them would hide the problem from those who can fix it.
    """
    context = request.app[CONTEXT]
    health, now = context.health, context.clock.now()
    age = tick_age(health, context.clock)
    scheduler_runs = age is not None and age <= TICK_LIMIT
    reasons = (
        []
        if scheduler_runs
        else ["the scheduler is not started" if age is None else f"no scheduler run for {age:.1f} s"]
    )
    degraded = degradations(health)
    status = "not ready" if reasons else "degraded" if degraded else "ready"
    body = {
        "status": status,
        "reasons": reasons + degraded,
        "products": len(context.ledger.portfolio.products),
        "checks": len(context.ledger.entries),
        "tick_age_seconds": age,
        "unrecorded_seconds": health.unrecorded(now) / 1_000_000,
    }
    return as_json(body, status=503 if reasons else 200)


class Watchdog:
    """A thread that detects a stalled event loop and logs its stack.

    It only logs, once per episode. Supervisors act on /livez (a 503 or a timeout). `stuck` is the result of the last of
    `rounds` rounds.
    """

    def __init__(
        self, health: Health, clock: Clock, limit: float = TICK_LIMIT, interval: float = WATCH_SECONDS
    ) -> None:
        self._health = health
        self._clock = clock
        self._limit = limit
        self._interval = interval
        self._loop_thread = threading.get_ident()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self.episodes = 0
        self.rounds = 0
        self.stuck = False

    def __enter__(self) -> Watchdog:
        """Start watching the loop of the calling thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            age = tick_age(self._health, self._clock)
            was_stuck, self.stuck = self.stuck, age is not None and age > self._limit
            if self.stuck and not was_stuck:
                self.episodes += 1
                log.error("event_loop_stuck", seconds=age, stack=self._stack())
            self.rounds += 1

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)
        return "".join(traceback.format_stack(frame)) if frame else "the event loop's thread has ended"
