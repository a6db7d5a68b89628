"""The `grpc` kind: what the standard health service says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, field_validator

from monitor.config.model import Headers, HostPortField, problem_at
from monitor.config.secret import revealed
from monitor.http import http2
from monitor.http.response import Response
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.secure import Encryptable, securing
from monitor.network.wire import Wire
from monitor.probes.base import Kind
from monitor.protocols.grpc_health import CODES, LIMIT, PATH, SERVING, Answer, answered, of_the_call, request
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.frame import Frame, Probe


class GrpcCheck(Encryptable):
    """Good when the health service answers SERVING."""

    kind: ClassVar[str] = "grpc"

    grpc: HostPortField
    """`host:port` to connect to."""

    service: Annotated[str, Field(max_length=500)] = ""
    """The service to ask for; the server as a whole if left out."""

    metadata: Headers = Field(default_factory=dict)
    """Sent with the call."""

    @field_validator("metadata")
    @classmethod
    def _leaves_the_call_alone(cls, metadata: Headers) -> Headers:
        for name in metadata:
            if of_the_call(name):
                raise problem_at(name, "belongs to the call itself; leave it out")
        return metadata


def caller(check: GrpcCheck) -> Callable[[Frame], Awaitable[Answer]]:
    """Return what asks once for the health, and does not judge it."""
    http2.load()
    host, port = check.grpc.host, check.grpc.port
    secure = securing(check.tls, host, ("h2",)) if check.encrypted else None
    question, headers = request(check.service), _headers(check)

    async def call(frame: Frame) -> Answer:
        with await Wire.reach(frame, host, port, family=check.family) as wire:
            if secure is not None and (await secure(frame, wire)).selected_alpn_protocol() != "h2":
                raise ProbeFailure("grpc_no_http2", "the server did not agree to HTTP/2 in the TLS handshake (ALPN)")
            frame.enter("first_byte")
            answer = Response(limit=LIMIT)
            await http2.exchange(wire, headers, question, answer)
            frame.close()
        return answered(answer)

    return call


def prepare(check: GrpcCheck) -> Probe:
    """Return the probe that asks once for the health."""
    call = caller(check)

    async def probe(frame: Frame) -> ProbeResult:
        answer = await call(frame)
        if answer.code:
            word = CODES.get(answer.code, answer.code)
            raise ProbeFailure("grpc_status", f"{word}{': ' + quoted(answer.message, 120) if answer.message else ''}")
        if answer.health != SERVING:
            raise ProbeFailure("grpc_not_serving", f"the health is {answer.health}")
        return ProbeResult(Outcome.GOOD, "", None, frame.phases, "", frame.certificate_expiry)

    return probe


def _headers(check: GrpcCheck) -> list[tuple[str, str]]:
    own = [
        (":method", "POST"),
        (":scheme", "https" if check.encrypted else "http"),
        (":path", PATH),
        (":authority", check.tls.server_name or str(check.grpc)),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "ninewatch"),
    ]
    metadata = {name.lower(): value for name, value in revealed(check.metadata).items()}
    return list((dict(own) | metadata).items())


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
