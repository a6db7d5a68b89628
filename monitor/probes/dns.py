"""The `dns` kind: one question to one resolver, and what the answer must hold."""

from __future__ import annotations

from typing import ClassVar

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
from pydantic import field_validator

from monitor.config.model import CheckBase, HostName, HostPort, HostPortField, Model, Text
from monitor.probes.base import Frame, Kind, Probe, ProbeFailure, quoted
from monitor.probes.wire import literal
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

# The answer's code -> reason; anything else than these and NOERROR is `dns_failure`.
_RCODES = {
    dns.rcode.NXDOMAIN: "dns_nxdomain",
    dns.rcode.SERVFAIL: "dns_servfail",
    dns.rcode.REFUSED: "dns_refused",
}


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
        server = check.resolver or _system_resolver()
        frame.enter("resolve")
        address = await _address(frame, server)
        query = dns.message.make_query(check.dns, wanted)
        try:
            answer, _ = await dns.asyncquery.udp_with_fallback(query, address, port=server.port)
        except dns.exception.Timeout:
            raise TimeoutError from None
        except (dns.exception.DNSException, EOFError) as error:
            raise ProbeFailure("dns_malformed", f"{type(error).__name__}: {error}") from None
        frame.close()
        _check(check, answer, wanted)
        return ProbeResult(Outcome.GOOD, phases=frame.phases)

    return probe


def _system_resolver() -> HostPort:
    """Return the first resolver of /etc/resolv.conf, read anew each time because a network change rewrites it."""
    try:
        servers = dns.resolver.Resolver().nameservers
    except dns.resolver.NoResolverConfiguration:
        servers = []
    if not servers:
        raise ProbeFailure("no_resolver", "/etc/resolv.conf names no resolver", outcome=Outcome.UNKNOWN)
    return HostPort(str(servers[0]), 53)


async def _address(frame: Frame, server: HostPort) -> str:
    if literal(server.host, server.port) is not None:
        return server.host
    return (await frame.resolver.addresses(server.host, server.port))[0][1][0]


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


KIND = Kind("dns", DnsCheck, prepare)
