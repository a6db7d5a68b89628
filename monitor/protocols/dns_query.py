"""Send one DNS query to one resolver, over UDP, TCP (RFC 7766) or TLS (RFC 7858), and parse the response."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
from pydantic import AfterValidator

from monitor.config.addresses import HostPort
from monitor.config.domain_names import host
from monitor.network.buffered_stream import try_send
from monitor.network.connection import Connection
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.repeated_lookup import pauses
from monitor.network.resolver import resolver_silent
from sla.interval import SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.config.model import CheckBase
    from monitor.network.attempt import Attempt
    from monitor.network.resolver import Address
    from monitor.network.tls_connection import StartTls

Transport = Literal["udp", "tcp", "tls"]
PORTS: dict[Transport, int] = {"udp": 53, "tcp": 53, "tls": 853}
_TRUNCATED = 0x02  # the TC bit, in the third byte of a message
_MAX_RECORDS = 500  # of a message, because parsing blocks the event loop
_MIN_RECORD_BYTES = 11  # a record with the root's name and without data
_UNREACHABLE = {"connect_refused", "connect_timeout", "host_unreachable"}  # a local failure if the resolver is our own
_FIRST_QUERY_SHARE = 0.9  # of the timeout; the rest is for the control query


def _record_type(value: str) -> str:
    try:
        dns.rdatatype.from_text(value)
    except (dns.exception.DNSException, ValueError):
        raise ValueError(
            f"{quoted(value)} is not a DNS record type; use A, AAAA, CNAME, MX, NS, SRV, TXT, ..."
        ) from None
    return value.upper()


RecordType = Annotated[str, AfterValidator(_record_type)]
Question = Annotated[str, AfterValidator(lambda value: value if value == "." else host(value))]
"""A host name, or `.` for the root."""


async def query_resolver(
    attempt: Attempt,
    addresses: Sequence[Address],
    query: dns.message.Message,
    transport: Transport = "udp",
    *,
    start_tls: StartTls | None = None,
    check_policy: bool = True,
    once: bool = False,
) -> dns.message.Message:
    """Query a resolver, which has these addresses, and return its first response.

    Over UDP, the query is repeated until a response arrives, unless `once`; after a truncated response, it is repeated
    over TCP. Transport `tls` needs `start_tls` (see `tls_upgrader`). `check_policy` is as in
    `Connection.connect_to_addresses`.

    Raises:
        ProbeFailure: `dns_malformed`, `dns_truncated`, `answer_too_long`, or as `start_tls` and
            `Connection.connect_to_addresses`.
    """
    question = query.to_wire()
    if transport != "udp":
        data = await _query_over_stream(
            attempt, addresses, question, start_tls if transport == "tls" else None, check_policy=check_policy
        )
    else:
        data = await _query_over_udp(attempt, addresses, question, check_policy=check_policy, once=once)
        if data[2] & _TRUNCATED:
            data = await _retry_over_tcp(attempt, addresses, question, check_policy=check_policy)
    response = _parse(data)
    if not query.is_response(response):
        raise ProbeFailure("dns_malformed", "the response belongs to another query")
    return response


async def _as_resolver_failure(response: Awaitable[dns.message.Message]) -> dns.message.Message:
    try:
        return await response
    except ProbeFailure as failure:
        if failure.reason in _UNREACHABLE:
            raise resolver_silent(failure.detail) from None
        raise


async def query_own_resolver(
    check: CheckBase,
    attempt: Attempt,
    ask: Callable[[dns.message.Message], Awaitable[dns.message.Message]],
    query: dns.message.Message,
) -> dns.message.Message:
    """Return the response of our own resolver.

    If it does not respond or responds SERVFAIL, a control query for the root's name servers shows whether the
    resolver's uplink is down, which is a local failure.

    Raises:
        ProbeFailure: `resolver_unreachable`, unknown: no response, also at the deadline; `dns_timeout`: a response to
            the control query only; or as `ask`.
    """
    first_query_seconds = _FIRST_QUERY_SHARE * check.timeout / SECOND
    response, problem = None, "no response before the deadline"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(first_query_seconds):
            response = await _as_resolver_failure(ask(query))
    if response is not None:
        if response.rcode() != dns.rcode.SERVFAIL:
            return response
        problem = "SERVFAIL"
    elif attempt.own_failure is not None:
        raise attempt.own_failure
    attempt.enter("resolve")
    attempt.own_failure = resolver_silent(f"{problem}, and no response to a control query")
    control = await _as_resolver_failure(ask(dns.message.make_query(".", "NS")))
    if control.rcode() == dns.rcode.SERVFAIL:
        raise attempt.own_failure
    attempt.own_failure = None
    if response is None:
        raise ProbeFailure(
            "dns_timeout", f"no response within {first_query_seconds:g} s, but a response to a control query"
        )
    return response


def _parse(data: bytes) -> dns.message.Message:
    header_counts = (int.from_bytes(data[offset : offset + 2], "big") for offset in (4, 6, 8, 10))
    questions, *sections = header_counts
    records = sum(sections)
    if questions > 1 or records * _MIN_RECORD_BYTES > len(data):
        raise ProbeFailure("dns_malformed", f"{questions} questions and {records} records in {len(data)} bytes")
    if records > _MAX_RECORDS:
        raise ProbeFailure("answer_too_long", f"{len(data)} bytes with {records} records")
    try:
        return dns.message.from_wire(data)
    except dns.exception.DNSException as error:
        raise ProbeFailure("dns_malformed", f"{type(error).__name__}: {error}") from None


async def _query_over_udp(
    attempt: Attempt, addresses: Sequence[Address], question: bytes, *, check_policy: bool, once: bool
) -> bytes:
    """Return the first datagram with the query's ID."""

    async def receive_response(connection: Connection) -> bytes:
        while True:
            data = await connection.receive()
            if len(data) > 2 and data[:2] == question[:2]:
                return data

    async def ask(connection: Connection) -> bytes:
        attempt.enter("resolve")
        for pause in pauses():
            await connection.send(question)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if once else pause):
                    return await receive_response(connection)
            attempt.response_unread = False  # set by this pause, not by the deadline
        raise AssertionError("the pauses do not end")

    return await Connection.exchange_datagrams(attempt, addresses, ask, check_policy=check_policy)


async def _retry_over_tcp(
    attempt: Attempt, addresses: Sequence[Address], question: bytes, *, check_policy: bool
) -> bytes:
    """Repeat a query whose response was truncated, over TCP to the address that responded.

    Raises:
        ProbeFailure: `dns_truncated`: TCP does not connect, also at the deadline.
    """
    outcome = Outcome.BAD if check_policy else Outcome.UNKNOWN  # the policy is not checked for our own resolver
    truncated = ProbeFailure(
        "dns_truncated", "the response over UDP is truncated, and TCP does not connect", outcome=outcome
    )
    peers = [attempt.peer] if attempt.peer is not None else addresses
    previous, attempt.own_failure = attempt.own_failure, truncated
    try:
        data = await _query_over_stream(attempt, peers, question, None, check_policy=check_policy)
    except ProbeFailure as failure:
        if failure.reason not in (*_UNREACHABLE, "connection_reset"):
            raise
        raise ProbeFailure(truncated.reason, f"{truncated.detail}: {failure.detail}", outcome=outcome) from None
    attempt.own_failure = previous
    return data


async def _query_over_stream(
    attempt: Attempt,
    addresses: Sequence[Address],
    question: bytes,
    start_tls: StartTls | None,
    *,
    check_policy: bool,
) -> bytes:
    """Send query and receive response over TCP or TLS, where every message has its length as a prefix."""
    with await Connection.connect_to_addresses(attempt, addresses, check_policy=check_policy) as connection:
        if start_tls is not None:
            await start_tls(attempt, connection)
        attempt.enter("resolve")
        send_failure = await try_send(connection, len(question).to_bytes(2, "big") + question)
        data = b""
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            piece = await connection.receive()
            if not piece:
                raise send_failure or ProbeFailure(
                    "dns_malformed", "the resolver closed the connection within the response"
                )
            data += piece
        return data[2:]


def system_resolvers(port: int) -> list[HostPort]:
    """Return the resolvers of /etc/resolv.conf, which is read for each probe, because a network change rewrites it."""
    try:
        servers = dns.resolver.Resolver().nameservers
    except dns.resolver.NoResolverConfiguration:
        servers = []
    if not servers:
        raise ProbeFailure("no_resolver", "no resolver in /etc/resolv.conf", outcome=Outcome.UNKNOWN)
    return [HostPort(str(server), port) for server in servers]
