"""The interface of a prober, and the state of one probe of a target by a module."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from monitor.blackbox.metrics import Gauges
from monitor.network.failure import quoted

if TYPE_CHECKING:
    from monitor.blackbox.http_response import BodyMemory, KeptResponse
    from monitor.blackbox.modules import Module
    from monitor.blackbox.tls_state import TlsState
    from monitor.clock import Clock
    from monitor.http.request import Request
    from monitor.network.attempt import Attempt

_LINES = 1_000  # of a probe's log, whatever the target sends
_LONGEST = 300  # characters of a value in it


@dataclass(slots=True)
class ProbeLog:
    """The log of a probe for `debug=true`: lines with the seconds since the start; empty unless `wanted`.

    `clean` removes secrets from a text.
    """

    clock: Clock
    wanted: bool
    clean: Callable[[str], str]
    lines: list[str] = field(default_factory=list)
    _since: float | None = None

    def note(self, text: str, **facts: object) -> None:
        """Add a line. `facts` come from the target or caller, so they are quoted, truncated and cleaned."""
        if not self.wanted or len(self.lines) >= _LINES:
            return
        now = self.clock.monotonic()
        if self._since is None:
            self._since = now
        values = " ".join(f"{name}={quoted(self.clean(str(value)), _LONGEST)}" for name, value in facts.items())
        self.lines.append(f"{now - self._since:9.6f}s {self.clean(text)} {values}".rstrip())


@dataclass(slots=True)
class BlackboxProbe:
    """The state of one probe.

    `hostname` is the server name from the request, empty for the target's; `seconds` is the timeout; `shared` is shared
    by the probes of one module; `body_memory` is the memory budget for bodies.
    """

    target: str
    module: Module
    hostname: str
    seconds: float
    probe_log: ProbeLog
    shared: dict[str, Any]
    body_memory: BodyMemory
    gauges: Gauges = field(default_factory=Gauges)
    tls_state: TlsState | None = None
    """State of the last TLS handshake."""

    connected: Mapping[str, float] = field(default_factory=dict)
    """Durations of the phases when the last HTTP connection was established, or a redirect was received."""

    request: Request | None = None
    """The last HTTP request."""

    response: KeptResponse | None = None
    """Its response, as far as it was received."""


class Prober(NamedTuple):
    """A prober.

    `begin` sets gauges that always exist. `run` makes the probe and returns on success; it raises `ProbeFailure` like a
    probe kind. `end` receives the durations of the phases in any case.
    """

    begin: Callable[[BlackboxProbe], None]
    run: Callable[[BlackboxProbe, Attempt], Awaitable[None]]
    end: Callable[[BlackboxProbe, Mapping[str, float]], None]
