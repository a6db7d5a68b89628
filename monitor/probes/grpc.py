"""The `grpc` kind: the standard health protocol (grpc.health.v1), over `http2`.

Not grpcio: it brings its own threads, resolver and deadlines, and the two messages have one field each.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field

from monitor.config.model import CheckBase, Flag, Headers, HostPortField, Secret, TlsOptions
from monitor.probes import http2
from monitor.probes.base import Frame, Kind, Probe
from monitor.probes.failure import ProbeFailure, quoted
from monitor.probes.tls_context import certificate_expiry, context_for
from monitor.probes.wire import Wire
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

_METHOD = "/grpc.health.v1.Health/Check"
_LIMIT = 65_536  # bytes of an answer that takes seven
SERVING = "SERVING"
HEALTH = {0: "UNKNOWN", 1: SERVING, 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
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


class Answer(NamedTuple):
    """What came back: the call's status, 0 if it was made, with its message, and what the health is."""

    code: int
    message: str
    health: str = ""


def caller(check: GrpcCheck) -> Callable[[Frame], Awaitable[Answer]]:
    """Return what asks once for the health, and does not judge it."""
    http2.load()
    host, port = check.grpc.host, check.grpc.port
    context = context_for(check.tls, ("h2",)) if check.encrypted else None
    question, headers = _request(check.service), _headers(check)

    async def call(frame: Frame) -> Answer:
        with await Wire.reach(frame, host, port) as wire:
            if context is not None:
                frame.certificate_expiry = await _secure(wire, context, check.tls.server_name or host)
            frame.enter("first_byte")
            answer = await http2.exchange(wire, headers, question, limit=_LIMIT)
            frame.close()
        return _read(answer)

    return call


def prepare(check: GrpcCheck) -> Probe:
    """Return the probe that asks once for the health."""
    call = caller(check)

    async def probe(frame: Frame) -> ProbeResult:
        answer = await call(frame)
        if answer.code:
            word = _CODES.get(answer.code, answer.code)
            raise ProbeFailure("grpc_status", f"{word}{': ' + quoted(answer.message, 120) if answer.message else ''}")
        if answer.health != SERVING:
            raise ProbeFailure("grpc_not_serving", f"the health is {answer.health}")
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


def _read(answer: http2.Http2Answer) -> Answer:
    if answer.cut:
        raise ProbeFailure("answer_too_long", f"more than {_LIMIT} bytes")
    if answer.status != 200:
        raise ProbeFailure("http_status", f"status {answer.status}, expected 200", status=answer.status)
    last = answer.trailers or answer.headers  # a call that fails at once has only headers
    code = last.get("grpc-status", "")
    if not (code.isascii() and code.isdecimal()):
        raise ProbeFailure("grpc_status", "no grpc-status")
    if int(code[:4]):
        return Answer(int(code[:4]), last.get("grpc-message", ""))
    # HealthCheckResponse{status}: five bytes of gRPC's, then field 1 as a varint; UNKNOWN, the default, is left out.
    message = answer.body[5:]
    status = 0 if not message else message[1] if message[:1] == b"\x08" and len(message) == 2 else -1
    if status not in HEALTH:
        raise ProbeFailure("grpc_malformed", f"{quoted(message.hex(), 60)} is no HealthCheckResponse")
    return Answer(0, "", HEALTH[status])


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
    reasons=http2.REASONS
    | {
        "answer_too_long": "64 KiB came before the call had ended",
        "grpc_malformed": "what came is no answer of the health service",
        "grpc_no_http2": "the server did not agree to HTTP/2 in the TLS handshake",
        "grpc_not_serving": "the health is another than SERVING",
        "grpc_status": "the call failed, e.g. with UNIMPLEMENTED: there is no health service",
        "http_status": "the call is answered by another HTTP status than 200",
    },
    schemes={"grpc": {}, "grpcs": {"encrypted": True}},
)
