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
_MOST_RECORDS = 500  # of a message, because parsing blocks the loop. TCP limits its length to 65,535 bytes
_SHORTEST_RECORD = 11  # bytes: the root's name, and no data
_UNREACHABLE = {"connect_refused", "connect_timeout", "host_unreachable"}  # of our own resolver: a local failure
_SHARE = 0.9  # of the timeout for our own resolver's response; the rest is for the control query


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
    """Query a resolver, at the first of its addresses that responds, and return the response.

    Over UDP the query is repeated until there is a response, unless `once`; a truncated response is requested again
    over TCP. `start_tls` (see `tls_upgrader`) is for transport `tls`; `check_policy` is as in `Connection.open`.

    Raises:
        ProbeFailure: `dns_malformed`, `dns_truncated`, `answer_too_long`, or as `Connection.open` and `start_tls`.
    """
    question = query.to_wire()
    if transport != "udp":
        secured = start_tls if transport == "tls" else None
        data = await _in_a_stream(attempt, addresses, question, secured, check_policy=check_policy)
    else:
        data = await _in_a_datagram(attempt, addresses, question, check_policy=check_policy, once=once)
        if data[2] & _TRUNCATED:
            data = await _retry_over_tcp(attempt, addresses, question, check_policy=check_policy)
    answer = _read(data)
    if not query.is_response(answer):
        raise ProbeFailure("dns_malformed", "the response is to another query")
    return answer


async def _as_resolver_failure(answer: Awaitable[dns.message.Message]) -> dns.message.Message:
    try:
        return await answer
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

    If it does not respond or responds SERVFAIL, a control query for the root's servers shows whether its uplink, a
    local part, is down.

    Raises:
        ProbeFailure: `resolver_unreachable`, unknown, also at the deadline without any response; `dns_timeout`: it
            answered only the control query; or as `ask`.
    """
    patience = _SHARE * check.timeout / SECOND
    answer, lost = None, "no answer before the deadline"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            answer = await _as_resolver_failure(ask(query))
    if answer is not None:
        if answer.rcode() != dns.rcode.SERVFAIL:
            return answer
        lost = "SERVFAIL"
    elif attempt.own_failure is not None:
        raise attempt.own_failure
    attempt.enter("resolve")
    attempt.own_failure = resolver_silent(f"{lost}, nor an answer to any other query")
    control = await _as_resolver_failure(ask(dns.message.make_query(".", "NS")))
    if control.rcode() == dns.rcode.SERVFAIL:
        raise attempt.own_failure
    attempt.own_failure = None
    if answer is None:
        raise ProbeFailure("dns_timeout", f"no answer within {patience:g} s, but answers to other queries")
    return answer


def _read(data: bytes) -> dns.message.Message:
    questions, *sections = (int.from_bytes(data[at : at + 2], "big") for at in (4, 6, 8, 10))  # as the header counts
    records = sum(sections)
    if questions > 1 or records * _SHORTEST_RECORD > len(data):
        raise ProbeFailure("dns_malformed", f"{questions} questions and {records} records in {len(data)} bytes")
    if records > _MOST_RECORDS:
        raise ProbeFailure("answer_too_long", f"{len(data)} bytes with {records} records")
    try:
        return dns.message.from_wire(data)
    except dns.exception.DNSException as error:
        raise ProbeFailure("dns_malformed", f"{type(error).__name__}: {error}") from None


async def _in_a_datagram(
    attempt: Attempt, addresses: Sequence[Address], question: bytes, *, check_policy: bool, once: bool
) -> bytes:
    """Return the datagram with the query's id."""

    async def answer(connection: Connection) -> bytes:
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
                    return await answer(connection)
            attempt.answer_waiting = False  # it was set by this pause, not by the deadline
        raise AssertionError("the pauses do not end")

    return await Connection.in_datagrams(attempt, addresses, ask, check_policy=check_policy)


async def _retry_over_tcp(
    attempt: Attempt, addresses: Sequence[Address], question: bytes, *, check_policy: bool
) -> bytes:
    """Return a truncated response in full, over TCP from the address that responded.

    Raises:
        ProbeFailure: `dns_truncated`: no connection, also at the deadline.
    """
    outcome = Outcome.BAD if check_policy else Outcome.UNKNOWN  # unknown for our own resolver
    truncated = ProbeFailure(
        "dns_truncated", "the response over UDP is truncated, and TCP does not connect", outcome=outcome
    )
    where = [attempt.peer] if attempt.peer is not None else addresses
    before, attempt.own_failure = attempt.own_failure, truncated
    try:
        data = await _in_a_stream(attempt, where, question, None, check_policy=check_policy)
    except ProbeFailure as failure:
        if failure.reason not in (*_UNREACHABLE, "connection_reset"):
            raise
        raise ProbeFailure(truncated.reason, f"{truncated.detail}: {failure.detail}", outcome=outcome) from None
    attempt.own_failure = before
    return data


async def _in_a_stream(
    attempt: Attempt,
    addresses: Sequence[Address],
    question: bytes,
    start_tls: StartTls | None,
    *,
    check_policy: bool,
) -> bytes:
    """Return the response, which is prefixed by its length."""
    with await Connection.open(attempt, addresses, check_policy=check_policy) as connection:
        if start_tls is not None:
            await start_tls(attempt, connection)
        attempt.enter("resolve")
        broken = await try_send(connection, len(question).to_bytes(2, "big") + question)
        data = b""
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            more = await connection.receive()
            if not more:
                raise broken or ProbeFailure("dns_malformed", "the resolver closed the connection within the response")
            data += more
        return data[2:]


def system_resolvers(port: int) -> list[HostPort]:
    """Return the resolvers of /etc/resolv.conf, read each time because a network change rewrites it."""
    try:
        servers = dns.resolver.Resolver().nameservers
    except dns.resolver.NoResolverConfiguration:
        servers = []
    if not servers:
        raise ProbeFailure("no_resolver", "no resolver in /etc/resolv.conf", outcome=Outcome.UNKNOWN)
    return [HostPort(str(each), port) for each in servers]
