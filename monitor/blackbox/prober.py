"""The interface of a prober, and the state of one probe of a target by a module."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from monitor.blackbox.metrics import Gauges
from monitor.network.failure import quoted

if TYPE_CHECKING:
    from monitor.blackbox.http_response import BodyMemory, ProbeResponse
    from monitor.blackbox.modules import Module
    from monitor.blackbox.tls_state import TlsState
    from monitor.clock import Clock
    from monitor.http.request import Request
    from monitor.network.attempt import Attempt

_MAX_LINES = 1_000  # of a probe's log
_MAX_VALUE = 300  # characters of a value in the log


@dataclass(slots=True)
class ProbeLog:
    """The log of a probe for `debug=true`: lines with the seconds since the start; empty unless `enabled`.

    `clean` removes secrets from a text.
    """

    clock: Clock
    enabled: bool
    clean: Callable[[str], str]
    lines: list[str] = field(default_factory=list)
    _start: float | None = None

    def note(self, text: str, **values: object) -> None:
        """Add a line. `values` come from the target or client, so they are quoted, truncated and cleaned."""
        if not self.enabled or len(self.lines) >= _MAX_LINES:
            return
        now = self.clock.monotonic()
        if self._start is None:
            self._start = now
        pairs = " ".join(f"{name}={quoted(self.clean(str(value)), _MAX_VALUE)}" for name, value in values.items())
        self.lines.append(f"{now - self._start:9.6f}s {self.clean(text)} {pairs}".rstrip())


@dataclass(slots=True)
class BlackboxProbe:
    """The state of one probe.

    `hostname` is the server name from the request, empty for the target's name. `seconds` is the timeout. `shared` is
    the state common to all probes of the module. `body_memory` is the memory budget for bodies.
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

    phases_before_request: Mapping[str, float] = field(default_factory=dict)
    """Durations of the phases when the last HTTP connection was established, or a redirect was received."""

    request: Request | None = None
    """The last HTTP request."""

    response: ProbeResponse | None = None
    """The response to `request`, possibly incomplete."""


class Prober(NamedTuple):
    """The functions of a prober.

    `begin` sets the gauges that every probe has. `run` probes the target; it returns on success and raises
    `ProbeFailure` otherwise. `end` is then called with the durations of the phases, even after a failure.
    """

    begin: Callable[[BlackboxProbe], None]
    run: Callable[[BlackboxProbe, Attempt], Awaitable[None]]
    end: Callable[[BlackboxProbe, Mapping[str, float]], None]
