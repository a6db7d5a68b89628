"""The `grpc` kind: what the standard health service says."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, PlainValidator, field_validator

from monitor.config.expect_values import or_several
from monitor.config.model import Headers, HostPortField, problem_at
from monitor.config.secret import revealed
from monitor.http import http2, rate_limit
from monitor.http.rate_limit import RateLimit
from monitor.http.response import Response
from monitor.network.connection import Wire
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.tls_connection import Encryptable, securing
from monitor.probes.base import Kind
from monitor.protocols.grpc_health import CODES, LIMIT, PATH, SERVING, Answer, answered, of_the_call, request
from monitor.vocabulary import ProbeResult
from sla.interval import MILLISECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Frame, Probe


_EXHAUSTED = "RESOURCE_EXHAUSTED"


def _codes(value: Any) -> tuple[str, ...]:
    given = value if isinstance(value, list | tuple) else [value]
    for each in given:
        if each not in CODES.values() or each == "OK":
            raise ValueError(f"{quoted(str(each))} is no status of a failed call; write e.g. UNAUTHENTICATED")
    return tuple(given)


Codes = Annotated[tuple[str, ...], PlainValidator(_codes), or_several({"enum": list(CODES.values())[1:]})]


class GrpcCheck(Encryptable):
    """Good when the health service answers SERVING."""

    kind: ClassVar[str] = "grpc"

    grpc: HostPortField
    """`host:port` to connect to."""

    service: str = ""
    """The service to ask for; the server as a whole if left out."""

    metadata: Headers = Field(default_factory=dict)
    """Sent with the call."""

    unknown: Codes = ()
    """Status codes of the call that say nothing about the target, by name: `[UNAUTHENTICATED]`; one or a list.
    RESOURCE_EXHAUSTED with `grpc-retry-pushback-ms`, and HTTP 429 with `Retry-After`, are `unknown` without being
    named, and no call is made before that time."""

    @field_validator("metadata")
    @classmethod
    def _leaves_the_call_alone(cls, metadata: Headers) -> Headers:
        for name in metadata:
            if of_the_call(name):
                raise problem_at(name, "belongs to the call itself; leave it out")
        return metadata


def caller(check: GrpcCheck, limit: RateLimit | None = None) -> Callable[[Frame], Awaitable[Answer]]:
    """Return what asks once for the health, and does not judge it, but for HTTP 429 where there is a `limit`."""
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
        if limit is not None:
            limit.judge(answer.status, answer.headers, frame.now())
        return answered(answer)

    return call


def prepare(check: GrpcCheck) -> Probe:
    """Return the probe that asks once for the health."""
    limit = RateLimit()
    call = caller(check, limit)

    async def probe(frame: Frame) -> ProbeResult:
        limit.respect(frame.now())
        answer = await call(frame)
        if answer.code:
            raise _failed(check, answer, limit, frame.now())
        if answer.health != SERVING:
            raise ProbeFailure("grpc_not_serving", f"the health is {answer.health}")
        return ProbeResult(Outcome.GOOD, "", None, frame.phases, "", frame.certificate_expiry)

    return probe


def _failed(check: GrpcCheck, answer: Answer, limit: RateLimit, now: int) -> ProbeFailure:
    """Return what the status of a call that failed means."""
    word = CODES.get(answer.code, str(answer.code))
    said = f"{word}{': ' + quoted(answer.message, 120) if answer.message else ''}"
    if word in check.unknown:
        return ProbeFailure("inconclusive", f"{said}: unknown, as configured", outcome=Outcome.UNKNOWN)
    if word == _EXHAUSTED and re.fullmatch("[0-9]{1,9}", answer.pushback):
        detail = f"{said}; {limit.wait(int(answer.pushback) * MILLISECOND, now)}"
        return ProbeFailure("rate_limited", detail, outcome=Outcome.UNKNOWN)
    return ProbeFailure("grpc_status", said)


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
    | rate_limit.REASONS
    | {
        "answer_too_long": "64 KiB came before the call had ended",
        "grpc_malformed": "what came is no answer of the health service",
        "grpc_no_http2": "the server did not agree to HTTP/2 in the TLS handshake",
        "grpc_not_serving": "the health is another than SERVING",
        "grpc_status": "the call failed, e.g. with UNIMPLEMENTED: there is no health service",
        "inconclusive": "unknown: the call's status is one that `unknown` names as saying nothing about the target",
        "http_status": "the call is answered by another HTTP status than 200",
    },
    schemes={"grpc": {}, "grpcs": {"encrypted": True}},
)
