"""Trace one probe: name resolution, connections, TLS handshakes and responses, with the time since its start."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from monitor.config.addresses import HostPort
from monitor.config.model import Family
from monitor.http.response import Response
from monitor.network.attempt import Attempt

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from monitor.clock import Clock
    from monitor.engine.runner import Runner
    from monitor.network.resolver import Address

MAX_BODY: Final = 300  # characters of a body
_MAX_VALUE: Final = 200  # characters of a header
_HIDDEN: Final = ("set-cookie", "authorization", "proxy-authorization")  # headers whose values are credentials
_PHASES: Final = {
    "connect": "connect",
    "tls": "TLS handshake",
    "first_byte": "wait for the first byte",
    "transfer": "receive",
}


class ProbeTrace:
    """The events of one probe, in chronological order."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._start = clock, clock.monotonic()
        self._events: list[tuple[float, str | Response]] = []

    def follow(self, runner: Runner) -> None:
        """Add the events of the runner's next attempts."""
        runner.attempt_type = partial(_TracedAttempt, self)

    def add(self, event: str | Response) -> None:
        """Add an event. A response's content arrives later, so it is read when the trace is printed."""
        self._events.append((self._clock.monotonic() - self._start, event))

    def lines(self) -> Iterator[str]:
        """Yield the lines of the trace. The caller must conceal secrets."""
        for seconds, event in self._events:
            texts = _response_lines(event) if isinstance(event, Response) else [event]
            for number, text in enumerate(texts):
                yield f"{1000 * seconds:9.2f} ms  {text}" if number == 0 else f"{'':14}{text}"


class _TracedAttempt(Attempt):
    """An attempt that adds its events to a trace."""

    __slots__ = ("_connected", "_trace")

    def __init__(self, trace: ProbeTrace, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._trace = trace
        self._connected: Address | None = None
        self.on_tls = self._add_handshake
        self.make_response = self._response

    def enter(self, phase: str) -> None:
        if self.peer is not None and self.peer is not self._connected:
            self._connected = self.peer
            self._trace.add(f"{'connected to' if phase else 'no connection to'} {_text(self.peer)}")
        super().enter(phase)
        if phase in _PHASES:
            self._trace.add(_PHASES[phase])

    async def addresses(self, host: str, port: int, family: Family = Family.ANY) -> list[Address]:
        self._trace.add(f"resolve {host}")
        addresses = await super().addresses(host, port, family)
        self._trace.add(f"addresses of {host}: {', '.join(map(_text, addresses))}")
        return addresses

    def sibling(self) -> Attempt:
        other = _TracedAttempt(self._trace, self._clock, self.poller, self.resolver, self.outbound)
        other.deadline = self.deadline
        return other

    def _add_handshake(self, connection: ssl.SSLSocket) -> None:
        cipher = (connection.cipher() or ("unknown",))[0]
        protocol = connection.selected_alpn_protocol() or "none"
        self._trace.add(f"{connection.version()}, cipher {cipher}, ALPN {protocol}")
        if certificate := connection.getpeercert():
            fields: dict[str, Any] = {**certificate}
            names = [str(name[1]) for name in fields.get("subjectAltName", ())]
            issuer = ", ".join(str(part[0][1]) for part in fields.get("issuer", ()))
            expiry = fields.get("notAfter")
            self._trace.add(f"certificate for {', '.join(names[:10])}; issuer {issuer}; expires {expiry}")

    def _response(self, **options: Any) -> Response:
        response = Response(**options)
        self._trace.add(response)
        return response


def _text(address: Address) -> str:
    """Return the address as `host:port`."""
    host, port = address[1][:2]
    return str(HostPort(str(host), int(port)))


def _response_lines(response: Response) -> list[str]:
    """Return status, headers and the beginning of the body. Values of headers with credentials are not shown."""
    if not response.started:
        return ["request sent; no complete header was received"]
    lines = [f"request sent; response: HTTP/{response.version} {response.status}"]
    for name, value in response.headers.items():
        shown = "[not shown]" if name.lower() in _HIDDEN else value[:_MAX_VALUE]
        lines.append(f"{name}: {shown}")
    body = bytes(response.body[: 4 * MAX_BODY]).decode(errors="replace")[:MAX_BODY]
    return [*lines, f"body, {len(response.body)} bytes: {body}"]
