"""The `grpc` kind: a call of the standard health service."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, PlainValidator, field_validator

from monitor.config.expect_values import one_or_list_schema
from monitor.config.model import Headers, HostPortField, problem_at
from monitor.config.secret import reveal_all
from monitor.http import http2, rate_limit
from monitor.http.rate_limit import RateLimit
from monitor.http.response import Response
from monitor.network.connection import Connection
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.tls_connection import ImplicitTlsCheck, tls_upgrader
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from monitor.protocols.grpc_health import (
    CODES,
    MAX_RESPONSE,
    PATH,
    SERVING,
    HealthResponse,
    encode_request,
    is_reserved,
    parse_response,
)
from sla.interval import MILLISECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt, Probe


_EXHAUSTED = "RESOURCE_EXHAUSTED"


def _codes(value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list | tuple) else [value]
    for name in names:
        if name not in CODES.values() or name == "OK":
            raise ValueError(
                f"{quoted(str(name))} is not a status of a failed call; use a status such as UNAUTHENTICATED"
            )
    return tuple(names)


Codes = Annotated[tuple[str, ...], PlainValidator(_codes), one_or_list_schema({"enum": list(CODES.values())[1:]})]


class GrpcCheck(ImplicitTlsCheck):
    """Good if the health service returns SERVING."""

    kind: ClassVar[str] = "grpc"

    grpc: HostPortField
    """`host:port` to connect to."""

    service: str = ""
    """The service. Default: the entire server."""

    metadata: Headers = Field(default_factory=dict)
    """Metadata of the call."""

    unknown: Codes = ()
    """Status codes of the call with outcome unknown, by name: `[UNAUTHENTICATED]`; one or a list. RESOURCE_EXHAUSTED
    with `grpc-retry-pushback-ms`, and HTTP 429 with `Retry-After`, are always `unknown`, and no call is made before
    that time."""

    @field_validator("metadata")
    @classmethod
    def _has_no_reserved_metadata(cls, metadata: Headers) -> Headers:
        for name in metadata:
            if is_reserved(name):
                raise problem_at(name, "is reserved for the call itself; remove it")
        return metadata


def caller(check: GrpcCheck, limit: RateLimit | None = None) -> Callable[[Attempt], Awaitable[HealthResponse]]:
    """Return a function that calls the health service once; with a `limit`, it raises for HTTP 429."""
    http2.load()
    host, port = check.grpc.host, check.grpc.port
    start_tls = tls_upgrader(check.tls, host, ("h2",)) if check.encrypted else None
    question, headers = encode_request(check.service), _headers(check)

    async def call(attempt: Attempt) -> HealthResponse:
        with await Connection.connect(attempt, host, port, family=check.family) as connection:
            if start_tls is not None and (await start_tls(attempt, connection)).selected_alpn_protocol() != "h2":
                raise ProbeFailure("grpc_no_http2", "the server did not select HTTP/2 in the TLS handshake (ALPN)")
            attempt.enter("first_byte")
            answer = Response(limit=MAX_RESPONSE)
            await http2.exchange(connection, headers, question, answer)
            attempt.close()
        if limit is not None:
            limit.check_response(answer.status, answer.headers, attempt.now())
        return parse_response(answer)

    return call


def prepare(check: GrpcCheck) -> Probe:
    """Return the probe that calls the health service once."""
    limit = RateLimit()
    call = caller(check, limit)

    async def probe(attempt: Attempt) -> ProbeResult:
        limit.check_wait(attempt.now())
        answer = await call(attempt)
        if answer.code:
            raise _failure(check, answer, limit, attempt.now())
        if answer.health != SERVING:
            raise ProbeFailure("grpc_not_serving", f"the health is {answer.health}")
        return ProbeResult(Outcome.GOOD, "", None, attempt.phases, "", attempt.certificate_expiry)

    return probe


def _failure(check: GrpcCheck, answer: HealthResponse, limit: RateLimit, now: int) -> ProbeFailure:
    """Return the failure for the status of a failed call."""
    status = CODES.get(answer.code, str(answer.code))
    message = f"{status}{': ' + quoted(answer.message, 120) if answer.message else ''}"
    if status in check.unknown:
        return ProbeFailure("inconclusive", f"{message}: configured as unknown", outcome=Outcome.UNKNOWN)
    if status == _EXHAUSTED and re.fullmatch("[0-9]{1,9}", answer.pushback):
        detail = f"{message}; {limit.wait(int(answer.pushback) * MILLISECOND, now)}"
        return ProbeFailure("rate_limited", detail, outcome=Outcome.UNKNOWN)
    return ProbeFailure("grpc_status", message)


def _headers(check: GrpcCheck) -> list[tuple[str, str]]:
    own_headers = [
        (":method", "POST"),
        (":scheme", "https" if check.encrypted else "http"),
        (":path", PATH),
        (":authority", check.tls.server_name or str(check.grpc)),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "ninewatch"),
    ]
    metadata = {name.lower(): value for name, value in reveal_all(check.metadata).items()}
    return list((dict(own_headers) | metadata).items())


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
        "answer_too_long": "more than 64 KiB before the end of the call",
        "grpc_malformed": "not a response of the health service",
        "grpc_no_http2": "the server did not select HTTP/2 in the TLS handshake",
        "grpc_not_serving": "the health is not SERVING",
        "grpc_status": "the call failed, e.g. with UNIMPLEMENTED (no health service)",
        "inconclusive": "unknown: the call's status is listed in `unknown`",
        "http_status": "the HTTP status of the call is not 200",
    },
    schemes={"grpc": {}, "grpcs": {"encrypted": True}},
)
