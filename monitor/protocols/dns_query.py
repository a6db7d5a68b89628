"""One question to one resolver, over UDP, TCP (RFC 7766) or TLS (RFC 7858), and the message that comes back."""

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
from monitor.network.buffered_stream import offer
from monitor.network.connection import Wire
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.repeated_lookup import pauses
from monitor.network.resolver import silent
from sla.interval import SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.config.model import CheckBase
    from monitor.network.attempt import Frame
    from monitor.network.resolver import Address
    from monitor.network.tls_connection import Secure

Transport = Literal["udp", "tcp", "tls"]
PORTS: dict[Transport, int] = {"udp": 53, "tcp": 53, "tls": 853}
_TRUNCATED = 0x02  # the TC bit, in the third byte of a message
_MOST_RECORDS = 500  # of a message: to read more would hold the loop. TCP limits its length to 65,535 bytes
_SHORTEST_RECORD = 11  # bytes: the root's name, and no data
_UNREACHABLE = {"connect_refused", "connect_timeout", "host_unreachable"}  # of our own resolver: our fault
_SHARE = 0.9  # of the time-out, for our own resolver's answer; in the rest it may show that it answers at all


def _record_type(value: str) -> str:
    try:
        dns.rdatatype.from_text(value)
    except (dns.exception.DNSException, ValueError):
        raise ValueError(
            f"{quoted(value)} is not a DNS record type; write A, AAAA, CNAME, MX, NS, SRV, TXT, ..."
        ) from None
    return value.upper()


RecordType = Annotated[str, AfterValidator(_record_type)]
Question = Annotated[str, AfterValidator(lambda value: value if value == "." else host(value))]
"""A host's name, or the root's."""


async def asked(
    frame: Frame,
    addresses: Sequence[Address],
    query: dns.message.Message,
    transport: Transport = "udp",
    *,
    secure: Secure | None = None,
    policed: bool = True,
    once: bool = False,
) -> dns.message.Message:
    """Ask the first of the resolver's addresses that answers, and return its answer.

    Over UDP the query is sent again until there is an answer, but for `once`; an answer that does not fit a datagram is
    asked for again over TCP. `secure` encrypts for `tls`, as `securing` makes it; `policed` is that of `Wire.open`.

    Raises:
        ProbeFailure: `dns_malformed`, `dns_truncated`, `answer_too_long`, or as `Wire.open` and `secure` fail.
    """
    question = query.to_wire()
    if transport != "udp":
        secured = secure if transport == "tls" else None
        data = await _in_a_stream(frame, addresses, question, secured, policed=policed)
    else:
        data = await _in_a_datagram(frame, addresses, question, policed=policed, once=once)
        if data[2] & _TRUNCATED:
            data = await _whole(frame, addresses, question, policed=policed)
    answer = _read(data)
    if not query.is_response(answer):
        raise ProbeFailure("dns_malformed", "the answer is to another question")
    return answer


async def _blameless(answer: Awaitable[dns.message.Message]) -> dns.message.Message:
    try:
        return await answer
    except ProbeFailure as failure:
        if failure.reason in _UNREACHABLE:
            raise silent(failure.detail) from None
        raise


async def asked_of_ours(
    check: CheckBase,
    frame: Frame,
    ask: Callable[[dns.message.Message], Awaitable[dns.message.Message]],
    query: dns.message.Message,
) -> dns.message.Message:
    """Return what our own resolver answers.

    When it is silent or at a loss (SERVFAIL), it is asked for the root's servers, which all know: an uplink that is
    down is ours.

    Raises:
        ProbeFailure: `resolver_unreachable`, unknown, also where the deadline falls on one that answers nothing;
            `dns_timeout`, it answers that, and not the question; or as `ask` fails.
    """
    patience = _SHARE * check.timeout / SECOND
    answer, lost = None, "no answer before the deadline"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            answer = await _blameless(ask(query))
    if answer is not None:
        if answer.rcode() != dns.rcode.SERVFAIL:
            return answer
        lost = "SERVFAIL"
    elif frame.excuse is not None:
        raise frame.excuse
    frame.enter("resolve")
    frame.excuse = silent(f"{lost}, nor an answer to any other question")
    control = await _blameless(ask(dns.message.make_query(".", "NS")))
    if control.rcode() == dns.rcode.SERVFAIL:
        raise frame.excuse
    frame.excuse = None
    if answer is None:
        raise ProbeFailure("dns_timeout", f"no answer within {patience:g} s, but to other questions")
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
    frame: Frame, addresses: Sequence[Address], question: bytes, *, policed: bool, once: bool
) -> bytes:
    """Return the datagram that carries the question's id."""

    async def answer(wire: Wire) -> bytes:
        while True:
            data = await wire.receive()
            if len(data) > 2 and data[:2] == question[:2]:
                return data

    async def ask(wire: Wire) -> bytes:
        frame.enter("resolve")
        for pause in pauses():
            await wire.send(question)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if once else pause):
                    return await answer(wire)
            frame.answer_waiting = False  # for this pause alone
        raise AssertionError("the pauses do not end")

    return await Wire.in_datagrams(frame, addresses, ask, policed=policed)


async def _whole(frame: Frame, addresses: Sequence[Address], question: bytes, *, policed: bool) -> bytes:
    """Return over TCP, from the address that answered, what was truncated over UDP.

    Raises:
        ProbeFailure: `dns_truncated`: there is no connection, also where the deadline falls before there is one.
    """
    outcome = (
        Outcome.BAD if policed else Outcome.UNKNOWN
    )  # that our own resolver does not serve TCP is not the target's
    truncated = ProbeFailure(
        "dns_truncated", "the answer over UDP is truncated, and TCP does not connect", outcome=outcome
    )
    where = [frame.peer] if frame.peer is not None else addresses
    before, frame.excuse = frame.excuse, truncated
    try:
        data = await _in_a_stream(frame, where, question, None, policed=policed)
    except ProbeFailure as failure:
        if failure.reason not in (*_UNREACHABLE, "connection_reset"):
            raise
        raise ProbeFailure(truncated.reason, f"{truncated.detail}: {failure.detail}", outcome=outcome) from None
    frame.excuse = before
    return data


async def _in_a_stream(
    frame: Frame, addresses: Sequence[Address], question: bytes, secure: Secure | None, *, policed: bool
) -> bytes:
    """Return the message that comes back, which has its length before it."""
    with await Wire.open(frame, addresses, policed=policed) as wire:
        if secure is not None:
            await secure(frame, wire)
        frame.enter("resolve")
        broken = await offer(wire, len(question).to_bytes(2, "big") + question)
        data = b""
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            more = await wire.receive()
            if not more:
                raise broken or ProbeFailure("dns_malformed", "the resolver hung up before the answer was whole")
            data += more
        return data[2:]


def system_resolvers(port: int) -> list[HostPort]:
    """Return the resolvers of /etc/resolv.conf, read anew each time because a network change rewrites it."""
    try:
        servers = dns.resolver.Resolver().nameservers
    except dns.resolver.NoResolverConfiguration:
        servers = []
    if not servers:
        raise ProbeFailure("no_resolver", "/etc/resolv.conf names no resolver", outcome=Outcome.UNKNOWN)
    return [HostPort(str(each), port) for each in servers]
