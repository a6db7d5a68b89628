"""One attempt's surroundings, handed to everything that takes part in it."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

from monitor.config.model import Family
from monitor.network.resolver import silent
from monitor.vocabulary import ProbeResult

if TYPE_CHECKING:
    import ssl

    from monitor.clock import Clock
    from monitor.network.failure import ProbeFailure
    from monitor.network.outbound_policy import Outbound
    from monitor.network.poller import Poller
    from monitor.network.resolver import Address, Resolver


class Frame:
    """One attempt's surroundings: the stopwatch, the poller, the resolver. Made by the runner, never shared.

    `phase` is the phase under way, `cut_in` the one in which the deadline fell. `answer_waiting` is set when the
    deadline cut the attempt short although the socket had become ready: the target was in time and *we* were not.
    `deadline` is when that is, on the monotonic clock; `attempts` shows the addresses that were being tried then.
    `excuse` is the failure when the deadline falls during what is ours, such as a resolver that answers nobody.
    `outbound` says where may be connected to, `peer` where was; `source` is the address of ours to connect from, the
    system's choice when empty. `on_secured` is handed each connection after its TLS handshake, for those who want to
    know more of it than a probe does; `on_answer` makes what takes an HTTP answer, for those who want more of it, or
    less, than `Response` keeps.
    """

    __slots__ = (
        "_clock",
        "_since",
        "answer_waiting",
        "attempts",
        "certificate_expiry",
        "cut_in",
        "deadline",
        "excuse",
        "on_answer",
        "on_secured",
        "outbound",
        "peer",
        "phase",
        "phases",
        "poller",
        "resolver",
        "source",
    )

    def __init__(self, clock: Clock, poller: Poller, resolver: Resolver, outbound: Outbound) -> None:
        self._clock = clock
        self.outbound = outbound
        self.poller = poller
        self.resolver = resolver
        self.phases: dict[str, float] = {}
        self.phase = self.cut_in = self.attempts = ""
        self.deadline = math.inf
        self.certificate_expiry: float | None = None
        self.answer_waiting = False
        self.excuse: ProbeFailure | None = None
        self.peer: Address | None = None
        self.source = ""
        self.on_answer: Callable[..., Any] | None = None
        self.on_secured: Callable[[ssl.SSLSocket], None] | None = None
        self._since = clock.monotonic()

    def enter(self, phase: str) -> None:
        """Close the phase under way and start another; a phase entered twice (a redirect) adds up."""
        now = self._clock.monotonic()
        if self.phase:
            self.phases[self.phase] = self.phases.get(self.phase, 0.0) + now - self._since
        self.phase, self._since = phase, now

    async def addresses(self, host: str, port: int, family: Family = Family.ANY) -> list[Address]:
        """Look the host up, in the phase `resolve`; fails as `Resolver.addresses` does."""
        self.enter("resolve")
        heard = self.resolver.heard
        try:
            return await self.resolver.addresses(host, port, family)
        except asyncio.CancelledError:
            if self.resolver.heard == heard:
                self.excuse = silent(f"{host}: no answer before the deadline, nor to any other question")
            raise

    @contextlib.contextmanager
    def among_insiders(self) -> Iterator[None]:
        """Connect by the operator's policy while the block lasts: to what he named, whoever asks for the probe."""
        policy = self.outbound
        self.outbound = policy.operators
        try:
            yield
        finally:
            self.outbound = policy

    def sibling(self) -> Frame:
        """Return the surroundings of another attempt at the same time, with the same deadline."""
        other = Frame(self._clock, self.poller, self.resolver, self.outbound)
        other.deadline = self.deadline
        return other

    def limit(self, seconds: float) -> None:
        """Set the deadline, so many seconds from now."""
        self.deadline = self._clock.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left until the deadline."""
        return self.deadline - self._clock.monotonic()

    def close(self) -> None:
        """Close the phase under way."""
        self.enter("")

    def now(self) -> int:
        """Return microseconds since the Unix epoch, UTC."""
        return self._clock.now()


Probe = Callable[[Frame], Awaitable[ProbeResult]]
