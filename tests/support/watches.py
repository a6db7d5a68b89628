"""A running watch of references, whose targets answer as a test decides."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, cast

from monitor.health import Health
from monitor.network.failure import ProbeFailure
from monitor.probe_result import ProbeResult
from monitor.vantage.reference import Reference
from monitor.vantage.watch import VantageWatch
from sla.observation import Outcome
from sla.vantage import IP4, IP6
from tests.support.clocks import ManualClock, settle

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.network.resolver import Address

FOUR: Address = (socket.AF_INET, ("192.0.2.7", 443))
SIX: Address = (socket.AF_INET6, ("2001:db8::7", 443))
BAD = ProbeResult(Outcome.BAD, "connect_timeout", detail="not complete within 5 s")
GOOD = ProbeResult(Outcome.GOOD)


class FakeAttempt:
    """An attempt as the watch reads it: the addresses that it tried."""

    def __init__(self, *tried: Address, relayed: bool = False) -> None:
        self.tried, self.relayed, self.deadline = tried, relayed, math.inf


class Target:
    """A target of a reference. Its probes wait for `result`; `answered` is set when it has one."""

    def __init__(self, name: str, family: Address = FOUR, **keys: object) -> None:
        self.address, self.answered, self.probes = family, asyncio.Event(), 0
        self.result: ProbeResult | None = None
        self.relayed = bool(keys.get("relayed"))
        families = frozenset({IP4 if family[0] == socket.AF_INET else IP6})
        options = {"kind": "tcp", "near": False, "via": None, "system": False, **keys}
        self.reference = Reference(
            name, str(options["kind"]), name, cast("bool", options["near"]), cast("str | None", options["via"]),
            families, 5_000_000, 1_800_000, self.probe, bool(options["system"]), bool(options.get("loopback")),
            bool(options.get("forbidden")),
        )  # fmt: skip

    async def probe(self, attempt: Attempt) -> ProbeResult:
        self.probes += 1
        tried = cast("FakeAttempt", attempt)
        tried.tried, tried.relayed = (self.address,), self.relayed
        while self.result is None:
            await self.answered.wait()
        return self.result

    def answer(self, result: ProbeResult | None) -> None:
        self.result = result
        self.answered.set()
        self.answered = asyncio.Event()


class RunningWatch:
    """A running watch with its clock."""

    def __init__(self, watch: VantageWatch, health: Health, clock: ManualClock) -> None:
        self.watch, self.health, self.clock = watch, health, clock

    async def judge(
        self,
        *tried: Address,
        via: str | None = None,
        started: float | None = None,
        relayed: bool = False,
        timeout: float = math.inf,
        result: ProbeResult = BAD,
    ) -> ProbeResult:
        judge = self.watch.judge(via)
        assert judge is not None
        attempt = cast("Attempt", FakeAttempt(*tried, relayed=relayed))
        start = self.clock.monotonic() if started is None else started
        attempt.deadline = start + timeout
        return await judge(attempt, start, result)

    def sees(self, name: str = "local") -> dict[str, bool | None]:
        return dict(next(status for status in self.health.vantages if status.id == name).sees)


@contextlib.asynccontextmanager
async def run_watch(*targets: Target, longest_wait: float = 60.0) -> AsyncIterator[RunningWatch]:
    clock, health = ManualClock(), Health()

    async def attempt(probe: object, seconds: float) -> tuple[int, ProbeResult, float]:
        try:
            return clock.now(), await probe(FakeAttempt()), 0.01  # type: ignore[operator]
        except ProbeFailure as failure:
            return clock.now(), ProbeResult(failure.outcome, failure.reason), 0.01

    watch = VantageWatch(clock, health, attempt, longest_wait)
    watch.prepared = [target.reference for target in targets]
    watch.load()
    running = asyncio.create_task(watch.run())
    await settle()
    try:
        yield RunningWatch(watch, health, clock)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
