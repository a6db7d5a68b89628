"""One probe of one target by one module: what it is about, what it found, and how a prober is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from monitor.blackbox.metrics import Gauges
from monitor.network.failure import quoted

if TYPE_CHECKING:
    from monitor.blackbox.http_response import Answer, Room
    from monitor.blackbox.modules import Module
    from monitor.blackbox.tls_state import Handshake
    from monitor.clock import Clock
    from monitor.http.request import Request
    from monitor.network.attempt import Frame

_LINES = 1_000  # of a diary; a target that talks without end does not fill our memory
_LONGEST = 300  # characters of a line of it


@dataclass(slots=True)
class Diary:
    """What happened during a probe, for `debug=true`: lines with the seconds since the start; none unless `wanted`.

    `clean` takes what is secret out of a text.
    """

    clock: Clock
    wanted: bool
    clean: Callable[[str], str]
    lines: list[str] = field(default_factory=list)
    _since: float | None = None

    def note(self, text: str, **facts: object) -> None:
        """Add a line. Facts are said by the target or the caller: they are shown on one line, bounded, no secrets."""
        if not self.wanted or len(self.lines) >= _LINES:
            return
        now = self.clock.monotonic()
        if self._since is None:
            self._since = now
        told = " ".join(f"{name}={quoted(self.clean(str(value)), _LONGEST)}" for name, value in facts.items())
        self.lines.append(f"{now - self._since:9.6f}s {self.clean(text)} {told}".rstrip())


@dataclass(slots=True)
class Trial:
    """One probe, and what is known of it by now.

    `hostname` is what the caller wants the server to be called, empty for the target's own name; `seconds` is how long
    it may take; `kept` is what the probes by one module hand on to each other; `room` is for the bodies of all.
    """

    target: str
    module: Module
    hostname: str
    seconds: float
    diary: Diary
    kept: dict[str, Any]
    room: Room
    gauges: Gauges = field(default_factory=Gauges)
    handshake: Handshake | None = None
    """What the last TLS handshake showed."""

    connected: Mapping[str, float] = field(default_factory=dict)
    """The phases' durations when the last HTTP connection had been made, or its answer had been a redirect."""

    request: Request | None = None
    """The last HTTP request that was made."""

    response: Answer | None = None
    """The answer to it, as far as it came."""


class Prober(NamedTuple):
    """A way to probe.

    `begin` sets the gauges that are there whatever happens. `run` makes the probe and returns if it succeeds; it raises
    `ProbeFailure` like a probe kind. `end` takes the phases' durations, whichever way it ended.
    """

    begin: Callable[[Trial], None]
    run: Callable[[Trial, Frame], Awaitable[None]]
    end: Callable[[Trial, Mapping[str, float]], None]
