"""What a probe kind is handed and what it may raise. A kind makes one attempt; the runner owns everything around it."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from monitor.config.model import CheckBase
from monitor.log import concealed
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.probes.wire import Poller, Resolver

DETAIL_LIMIT = 300  # characters of a detail; a target must not fill our log, page or store


class ProbeFailure(Exception):  # noqa: N818 - it is the target's failure, told apart from our own errors
    """The attempt ended without success. `outcome` says whose fault it is: bad is the target's, unknown is ours."""

    def __init__(
        self, reason: str, detail: str = "", *, outcome: Outcome = Outcome.BAD, status: int | None = None
    ) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail, self.outcome, self.status = reason, detail, outcome, status


class Frame:
    """One attempt's surroundings: the stopwatch, the poller, the resolver. Made by the runner, never shared.

    `phase` is the phase under way, `cut_in` the one in which the deadline fell. `answer_waiting` is set when the
    deadline cut the attempt short although the socket had become ready: the target was in time and *we* were not.
    """

    __slots__ = (
        "_clock",
        "_since",
        "answer_waiting",
        "certificate_expiry",
        "cut_in",
        "phase",
        "phases",
        "poller",
        "resolver",
    )

    def __init__(self, clock: Clock, poller: Poller, resolver: Resolver) -> None:
        self._clock = clock
        self.poller = poller
        self.resolver = resolver
        self.phases: dict[str, float] = {}
        self.phase = self.cut_in = ""
        self.certificate_expiry: float | None = None
        self.answer_waiting = False
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


# errno -> reason of a failure that the target or the network before it caused.
_TARGETS_FAULT = {
    errno.ECONNREFUSED: "connect_refused",
    errno.ECONNRESET: "connection_reset",
    errno.ECONNABORTED: "connection_reset",
    errno.EPIPE: "connection_reset",
    errno.EHOSTUNREACH: "host_unreachable",
    errno.EHOSTDOWN: "host_unreachable",
    errno.ETIMEDOUT: "connect_timeout",
    errno.ENOTCONN: "connection_reset",
}
# errno -> reason of a failure of our own machine or its uplink: no probe can be made, so nothing is known.
_OUR_FAULT = {
    errno.EMFILE: "out_of_descriptors",
    errno.ENFILE: "out_of_descriptors",
    errno.ENOBUFS: "out_of_memory",
    errno.ENOMEM: "out_of_memory",
    errno.EADDRNOTAVAIL: "out_of_ports",
    errno.ENETUNREACH: "no_route",
    errno.ENETDOWN: "no_route",
    errno.EACCES: "forbidden_locally",
    errno.EPERM: "forbidden_locally",
    errno.EAFNOSUPPORT: "no_route",
    errno.EINVAL: "no_route",  # what a `blackhole` route answers
}


def failure_of(error: OSError) -> ProbeFailure:
    """Return what an error of the operating system says of the attempt: whose fault it is, and a stable reason."""
    code = error.errno or 0
    text = error.strerror or str(error)
    if code in _OUR_FAULT:
        return ProbeFailure(_OUR_FAULT[code], text, outcome=Outcome.UNKNOWN)
    return ProbeFailure(_TARGETS_FAULT.get(code, "network_error"), text)


def quoted(text: str, limit: int = 80) -> str:
    """Return what a target said as one bounded line for a detail: no control characters, and none of our secrets.

    Concealed before it is cut, because the half of a secret is not recognised any more.
    """
    text = concealed(text)
    shown = "".join(c if c.isprintable() else "·" for c in text[:limit])
    return f'"{shown}…"' if len(text) > limit else f'"{shown}"'
