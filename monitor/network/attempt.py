"""State of one probe attempt: phases, deadline, resolver and outbound policy."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from monitor.config.model import Family
from monitor.network.resolver import resolver_silent
from monitor.probe_result import ProbeResult

if TYPE_CHECKING:
    import ssl

    from monitor.clock import Clock
    from monitor.network.failure import ProbeFailure
    from monitor.network.outbound_policy import OutboundPolicy
    from monitor.network.poller import Poller
    from monitor.network.resolver import Address, Resolver


class Attempt:
    """State of one probe attempt. The runner creates one per attempt; it is never shared.

    - `phase` is the current phase, `deadline_phase` the one in which the deadline fired.
    - `response_unread`: the socket was ready when the deadline fired, so the target was in time and this process late.
    - `deadline` is on the monotonic clock; `attempts` lists the addresses that were being tried when it fired.
    - `own_failure` replaces `deadline` as the failure if the deadline fires while a local part, such as the resolver,
      does not respond.
    - `outbound` is the address policy, `peer` the address connected to, `source` the local address to connect from
      (empty: the system's choice).
    - `failed_addresses` are those that were tried together without a connection; empty if there was one.
    - `relayed`: the connection leads to a relay, such as a proxy or the system's resolver, which connects further.
    - `on_tls` is called with each connection after its TLS handshake.
    - `make_response` creates the object that receives an HTTP response, in place of `Response`.
    """

    __slots__ = (
        "_clock",
        "_phase_start",
        "attempts",
        "certificate_expiry",
        "deadline",
        "deadline_phase",
        "failed_addresses",
        "make_response",
        "on_tls",
        "outbound",
        "own_failure",
        "peer",
        "phase",
        "phases",
        "poller",
        "relayed",
        "resolver",
        "response_unread",
        "source",
    )

    def __init__(self, clock: Clock, poller: Poller, resolver: Resolver, outbound: OutboundPolicy) -> None:
        self._clock = clock
        self.outbound = outbound
        self.poller = poller
        self.resolver = resolver
        self.phases: dict[str, float] = {}
        self.phase = self.deadline_phase = self.attempts = ""
        self.deadline = math.inf
        self.certificate_expiry: float | None = None
        self.response_unread = False
        self.own_failure: ProbeFailure | None = None
        self.peer: Address | None = None
        self.failed_addresses: Sequence[Address] = ()
        self.relayed = False
        self.source = ""
        self.make_response: Callable[..., Any] | None = None
        self.on_tls: Callable[[ssl.SSLSocket], None] | None = None
        self._phase_start = clock.monotonic()

    def enter(self, phase: str) -> None:
        """End the current phase and start another; the durations of a phase entered twice (a redirect) are added."""
        now = self._clock.monotonic()
        if self.phase:
            self.phases[self.phase] = self.phases.get(self.phase, 0.0) + now - self._phase_start
        self.phase, self._phase_start = phase, now

    async def addresses(self, host: str, port: int, family: Family = Family.ANY) -> list[Address]:
        """Look up the host in the phase `resolve`. Raises the errors of `Resolver.addresses`."""
        self.enter("resolve")
        control_answers = self.resolver.control_answers
        try:
            return await self.resolver.addresses(host, port, family)
        except asyncio.CancelledError:
            if self.resolver.control_answers == control_answers:
                self.own_failure = resolver_silent(
                    f"{host}: no response before the deadline, also not to other queries"
                )
            raise

    @contextlib.contextmanager
    def using_operator_policy(self) -> Iterator[None]:
        """Apply the operator's address policy within the block, regardless of the client that requested the probe."""
        policy = self.outbound
        self.outbound = policy.operator_policy
        try:
            yield
        finally:
            self.outbound = policy

    def sibling(self) -> Attempt:
        """Return another attempt that runs at the same time, with the same deadline."""
        other = Attempt(self._clock, self.poller, self.resolver, self.outbound)
        other.deadline = self.deadline
        return other

    @property
    def tried(self) -> Sequence[Address]:
        """The addresses that the attempt connected to last, or tried to. Empty if there was none."""
        return self.failed_addresses or (() if self.peer is None else (self.peer,))

    def limit(self, seconds: float) -> None:
        """Set the deadline to this number of seconds from now."""
        self.deadline = self._clock.monotonic() + seconds

    def seconds_left(self) -> float:
        """Return the seconds left until the deadline."""
        return self.deadline - self._clock.monotonic()

    def close(self) -> None:
        """End the current phase."""
        self.enter("")

    def now(self) -> int:
        """Return microseconds since the Unix epoch, UTC."""
        return self._clock.now()


Probe = Callable[[Attempt], Awaitable[ProbeResult]]
