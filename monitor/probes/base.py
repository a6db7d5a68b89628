"""What a probe kind is handed and what it may raise. A kind makes one attempt; the runner owns everything around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from monitor.config.model import CheckBase
from monitor.vocabulary import ProbeResult

if TYPE_CHECKING:
    import ssl

    from monitor.clock import Clock
    from monitor.probes.http_response import Response
    from monitor.probes.outbound import Outbound
    from monitor.probes.poller import Poller
    from monitor.probes.resolver import Address, Resolver


class Frame:
    """One attempt's surroundings: the stopwatch, the poller, the resolver. Made by the runner, never shared.

    `phase` is the phase under way, `cut_in` the one in which the deadline fell. `answer_waiting` is set when the
    deadline cut the attempt short although the socket had become ready: the target was in time and *we* were not.
    `outbound` says where may be connected to, `peer` where was; `source` is the address of ours to connect from, the
    system's choice when empty. `on_secured` is handed each connection after its TLS handshake, for those who want to
    know more of it than a probe does; `on_answer` each HTTP response, which begins to come.
    """

    __slots__ = (
        "_clock",
        "_since",
        "answer_waiting",
        "certificate_expiry",
        "cut_in",
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
        self.phase = self.cut_in = ""
        self.certificate_expiry: float | None = None
        self.answer_waiting = False
        self.peer: Address | None = None
        self.source = ""
        self.on_answer: Callable[[Response], None] | None = None
        self.on_secured: Callable[[ssl.SSLSocket], None] | None = None
        self._since = clock.monotonic()

    def enter(self, phase: str) -> None:
        """Close the phase under way and start another; a phase entered twice (a redirect) adds up."""
        now = self._clock.monotonic()
        if self.phase:
            self.phases[self.phase] = self.phases.get(self.phase, 0.0) + now - self._since
        self.phase, self._since = phase, now

    def close(self) -> None:
        """Close the phase under way."""
        self.enter("")

    def now(self) -> int:
        """Return microseconds since the Unix epoch, UTC."""
        return self._clock.now()


Probe = Callable[[Frame], Awaitable[ProbeResult]]
C = TypeVar("C", bound=CheckBase)


@dataclass(frozen=True, slots=True)
class Kind(Generic[C]):
    """One way to probe: its name, the configuration it takes, and how a check becomes a probe.

    `prepare` does once whatever can be done before the first attempt (request bytes, TLS context, compiled patterns).
    `example` is a check in YAML, `reasons` are the words of its own that a failure may bear (docs/probes.md shows both,
    and a test runs the one and looks for the other). `schemes` are the URLs that `ninewatch probe` takes for the kind,
    each with the keys that it adds; the rest of the URL, or with `whole_url` all of it, is the value of the kind's key.
    """

    name: str
    check: type[C]
    prepare: Callable[[C], Probe]
    example: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)
    schemes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    whole_url: bool = False
