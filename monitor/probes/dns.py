"""The `dns` kind: one question to one resolver, and what the answer must hold."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import ClassVar

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
from pydantic import field_validator

from monitor.config.model import CheckBase, HostName, HostPort, HostPortField, Model, Text
from monitor.probes.base import Frame, Kind, Probe
from monitor.probes.failure import ProbeFailure, quoted
from monitor.probes.wire import Wire
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

# The answer's code -> reason; anything else than these and NOERROR is `dns_failure`.
_RCODES = {
    dns.rcode.NXDOMAIN: "dns_nxdomain",
    dns.rcode.SERVFAIL: "dns_servfail",
    dns.rcode.REFUSED: "dns_refused",
}

_UNREACHABLE = {"connect_refused", "host_unreachable"}  # of the machine's own resolver: our fault
_TRUNCATED = 0x02  # the TC bit, in the third byte of a message


Open = Callable[..., Awaitable[Wire]]


class DnsExpect(Model):
    """What the answer must hold."""

    answer: tuple[Text, ...] = ()
    """Each of these must be among the records, written as in a zone file (`142.34.229.4`)."""


class DnsCheck(CheckBase):
    """Good when the resolver answers with at least one record of the type, and with those expected."""

    kind: ClassVar[str] = "dns"

    dns: HostName
    """The name to ask for."""

    record: Text = "A"
    """The record type: A, AAAA, CNAME, MX, NS, SRV, TXT, ..."""

    resolver: HostPortField | None = None
    """`host:port` of the resolver to ask. Default: the first of /etc/resolv.conf."""

    expect: DnsExpect = DnsExpect()
    """What the answer must hold."""

    @field_validator("record")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            dns.rdatatype.from_text(value)
        except dns.exception.DNSException:
            raise ValueError(
                f"{value!r} is not a DNS record type; write A, AAAA, CNAME, MX, NS, SRV, TXT, ..."
            ) from None
        return value.upper()

    @property
    def target(self) -> str:
        """The question."""
        return f"{self.dns} {self.record}"


def prepare(check: DnsCheck) -> Probe:
    """Return the probe that asks the question once (over TCP when the answer does not fit a datagram)."""
    wanted = dns.rdatatype.from_text(check.record)

    async def probe(frame: Frame) -> ProbeResult:
        frame.enter("resolve")
        server = check.resolver or _system_resolver()
        addresses = await frame.resolver.addresses(server.host, server.port)
        open_ = partial(Wire.open, frame, addresses, policed=check.resolver is not None)
        try:
            answer = await _asked(frame, open_, dns.message.make_query(check.dns, wanted))
        except ProbeFailure as failure:
            if check.resolver is None and failure.reason in _UNREACHABLE:
                raise ProbeFailure("resolver_unreachable", failure.detail, outcome=Outcome.UNKNOWN) from None
            raise
        frame.close()
        _check(check, answer, wanted)
        return ProbeResult(Outcome.GOOD, phases=frame.phases)

    return probe


async def _asked(frame: Frame, open_: Open, query: dns.message.Message) -> dns.message.Message:
    data = await _over_udp(frame, open_, query.to_wire())
    if data[2] & _TRUNCATED:
        data = await _over_tcp(frame, open_, query.to_wire())
    try:
        answer = dns.message.from_wire(data)
    except dns.exception.DNSException as error:
        raise ProbeFailure("dns_malformed", f"{type(error).__name__}: {error}") from None
    if not query.is_response(answer):
        raise ProbeFailure("dns_malformed", "the answer is to another question")
    return answer


async def _over_udp(frame: Frame, open_: Open, question: bytes) -> bytes:
    """Return the datagram that carries the question's id. The socket is connected: the kernel drops other senders'."""
    with await open_(kind=socket.SOCK_DGRAM) as wire:
        frame.enter("resolve")
        await wire.send(question)
        while True:
            data = await wire.receive()
            if len(data) > 2 and data[:2] == question[:2]:
                return data


async def _over_tcp(frame: Frame, open_: Open, question: bytes) -> bytes:
    with await open_() as wire:
        frame.enter("resolve")
        await wire.send(len(question).to_bytes(2, "big") + question)
        data = b""
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            more = await wire.receive()
            if not more:
                raise ProbeFailure("dns_malformed", "the resolver hung up before the answer was whole")
            data += more
        return data[2:]


def _system_resolver() -> HostPort:
    """Return the first resolver of /etc/resolv.conf, read anew each time because a network change rewrites it."""
    try:
        servers = dns.resolver.Resolver().nameservers
    except dns.resolver.NoResolverConfiguration:
        servers = []
    if not servers:
        raise ProbeFailure("no_resolver", "/etc/resolv.conf names no resolver", outcome=Outcome.UNKNOWN)
    return HostPort(str(servers[0]), 53)


def _check(check: DnsCheck, answer: dns.message.Message, wanted: dns.rdatatype.RdataType) -> None:
    if (code := answer.rcode()) != dns.rcode.NOERROR:
        raise ProbeFailure(_RCODES.get(code, "dns_failure"), f"{check.target}: {dns.rcode.to_text(code)}")
    found = {record.to_text() for group in answer.answer if group.rdtype == wanted for record in group}
    if not found:
        raise ProbeFailure("dns_no_records", f"{check.target}: the answer holds no such record")
    missing = sorted(set(check.expect.answer) - found)
    if missing:
        shown = quoted(", ".join(sorted(found)), 120)
        raise ProbeFailure("dns_answer", f"{check.target} is {shown}, expected {', '.join(missing)}")


KIND = Kind(
    "dns",
    DnsCheck,
    prepare,
    example="""\
id: address
dns: sso.example.org
resolver: 192.0.2.53:53
expect: {answer: ["192.0.2.7"]}
""",
    reasons={
        "dns_answer": "a record that is expected is not in the answer",
        "dns_no_records": "the answer holds no record of the type",
        "no_resolver": "unknown: /etc/resolv.conf names no resolver",
    },
    schemes={"dns": {}},
)
