"""The `grpc` kind: the standard health protocol (grpc.health.v1). h2 does HTTP/2 without I/O; the wire is ours.

Not grpcio: it brings its own threads, resolver and deadlines, and the two messages have one field each.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from monitor.config.model import CheckBase, Flag, Headers, HostPortField, Secret, TlsOptions
from monitor.probes.base import Frame, Kind, Probe
from monitor.probes.failure import ProbeFailure, quoted
from monitor.probes.tls_context import certificate_expiry, context_for
from monitor.probes.wire import Wire
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from h2.connection import H2Connection

_METHOD = "/grpc.health.v1.Health/Check"
_LIMIT = 65_536  # bytes of an answer that takes seven
_SETTINGS = b"\x04"  # the type of a frame
_SERVING = 1
_STATUS = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_CODES = {4: "DEADLINE_EXCEEDED", 5: "NOT_FOUND", 7: "PERMISSION_DENIED", 12: "UNIMPLEMENTED", 14: "UNAVAILABLE"}


class GrpcCheck(CheckBase):
    """Good when the health service answers SERVING."""

    kind: ClassVar[str] = "grpc"

    grpc: HostPortField
    """`host:port` to connect to."""

    service: Annotated[str, Field(max_length=500)] = ""
    """The service to ask for; the server as a whole if left out."""

    metadata: Headers = Field(default_factory=dict)
    """Sent with the call."""

    encrypted: Flag = False
    """`true`: TLS."""

    tls: TlsOptions = TlsOptions()
    """How the certificate is judged."""


def prepare(check: GrpcCheck) -> Probe:
    """Return the probe that asks once for the health."""
    import h2.connection  # noqa: F401 - takes 0.1 s, which no attempt should

    host, port = check.grpc.host, check.grpc.port
    context = context_for(check.tls, ("h2",)) if check.encrypted else None
    question = _request(check.service)

    async def probe(frame: Frame) -> ProbeResult:
        with await Wire.reach(frame, host, port) as wire:
            if context is not None:
                frame.certificate_expiry = await _secure(wire, context, check.tls.server_name or host)
            frame.enter("first_byte")
            answer = await _Call(wire).made(_headers(check), question)
            frame.close()
        _judge(answer)
        return ProbeResult(Outcome.GOOD, "", None, frame.phases, "", frame.certificate_expiry)

    return probe


async def _secure(wire: Wire, context: ssl.SSLContext, name: str) -> float | None:
    connection = await wire.encrypt(context, name)
    if connection.selected_alpn_protocol() != "h2":
        raise ProbeFailure("grpc_no_http2", "the server did not agree to HTTP/2 in the TLS handshake (ALPN)")
    return certificate_expiry(connection)


def _request(service: str) -> bytes:
    """Return HealthCheckRequest{service} with gRPC's five bytes before it."""
    name = service.encode()
    length = bytes([len(name)]) if len(name) < 128 else bytes([len(name) & 127 | 128, len(name) >> 7])
    message = b"\x0a" + length + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _headers(check: GrpcCheck) -> list[tuple[str, str]]:
    own = [
        (":method", "POST"),
        (":scheme", "https" if check.encrypted else "http"),
        (":path", _METHOD),
        (":authority", check.tls.server_name or str(check.grpc)),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "ninewatch"),
    ]
    return own + [
        (name.lower(), value.reveal() if isinstance(value, Secret) else value) for name, value in check.metadata.items()
    ]


class _Call:
    def __init__(self, wire: Wire) -> None:
        from h2.config import H2Configuration
        from h2.connection import H2Connection

        self._wire = wire
        self._http: H2Connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.headers: dict[str, str] = {}
        self.data = b""
        self._heard = 0
        self._ended = False

    async def made(self, headers: list[tuple[str, str]], question: bytes) -> _Call:
        self._http.initiate_connection()
        self._http.send_headers(1, headers)
        self._http.send_data(1, question, end_stream=True)
        while True:
            await self._wire.send(self._http.data_to_send())
            data = await self._wire.receive()
            if data and not self._heard and data[3:4] != _SETTINGS:  # RFC 9113, 3.4: what a server says first
                raise ProbeFailure("grpc_malformed", f"no HTTP/2: {quoted(data.decode(errors='replace'))}")
            self._heard += len(data)
            self._take(data)
            if self._ended:
                break
            if not data or self._heard > _LIMIT:
                word = "answer_too_long" if data else "hung_up"
                raise ProbeFailure(word, f"after {self._heard} bytes, before the call had ended")
        return self

    def _take(self, data: bytes) -> None:
        from h2.exceptions import H2Error

        try:
            for event in self._http.receive_data(data):
                self._note(event)
        except (H2Error, UnicodeDecodeError) as error:
            raise ProbeFailure("grpc_malformed", f"no HTTP/2: {quoted(str(error), 120)}") from None

    def _note(self, event: Any) -> None:
        name = type(event).__name__
        if name in ("ResponseReceived", "TrailersReceived"):
            self.headers.update(event.headers)
        elif name == "DataReceived":
            self.data += event.data
        elif name in ("StreamReset", "ConnectionTerminated"):
            raise ProbeFailure("hung_up", f"the server ended the call: error code {event.error_code}")
        self._ended = self._ended or name == "StreamEnded"


def _judge(answer: _Call) -> None:
    http = answer.headers.get(":status", "")
    if http != "200":
        raise ProbeFailure(
            "http_status", f"status {http}, expected 200", status=int(http) if http.isdecimal() else None
        )
    code = answer.headers.get("grpc-status", "")
    if code != "0":
        word = _CODES.get(int(code), code) if code.isdecimal() else "no grpc-status"
        said = answer.headers.get("grpc-message", "")
        raise ProbeFailure("grpc_status", f"{word}{': ' + quoted(said, 120) if said else ''}")
    # HealthCheckResponse{status}: five bytes of gRPC's, then field 1 as a varint; UNKNOWN, the default, is left out.
    message = answer.data[5:]
    status = 0 if not message else message[1] if message[:1] == b"\x08" and len(message) == 2 else -1
    if status not in _STATUS:
        raise ProbeFailure("grpc_malformed", f"{quoted(message.hex(), 60)} is no HealthCheckResponse")
    if status != _SERVING:
        raise ProbeFailure("grpc_not_serving", f"the health is {_STATUS[status]}")


KIND = Kind(
    "grpc",
    GrpcCheck,
    prepare,
    example="""\
id: orders
grpc: orders.example.org:443
service: shop.Orders
encrypted: true
""",
    reasons={
        "answer_too_long": "64 KiB came before the call had ended",
        "grpc_malformed": "what came is no HTTP/2, or no answer of the health service",
        "grpc_no_http2": "the server did not agree to HTTP/2 in the TLS handshake",
        "grpc_not_serving": "the health is another than SERVING",
        "grpc_status": "the call failed, e.g. with UNIMPLEMENTED: there is no health service",
        "http_status": "the call is answered by another HTTP status than 200",
        "hung_up": "the connection, or the call, was ended by the server",
    },
    schemes={"grpc": {}, "grpcs": {"encrypted": True}},
)
