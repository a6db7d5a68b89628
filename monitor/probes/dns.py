"""The `dns` kind: one question to one resolver, and what the answer must hold."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import dns.flags
import dns.message
import dns.rdatatype
from pydantic import Field, ValidationInfo, field_validator

from monitor.config.addresses import DefaultPort, HostPort
from monitor.config.model import Flag, HostPortField
from monitor.network.tls_connection import Securable, securing
from monitor.probes.base import Kind
from monitor.protocols.dns_expectation import DnsExpect, Expected
from monitor.protocols.dns_query import PORTS, Question, RecordType, Transport, asked, asked_of_ours, system_resolvers
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Frame, Probe


class DnsCheck(Securable):
    """Good when the resolver answers with at least one record of the type, and with those expected."""

    kind: ClassVar[str] = "dns"

    dns: Question
    """The name to ask for."""

    record: RecordType = "A"
    """The record type: A, AAAA, CNAME, MX, NS, SRV, TXT, ..."""

    record_class: Literal["IN", "CH", "HS"] = Field("IN", alias="class")
    """The class of the records; `CH` for `version.bind` and the like."""

    recursion_desired: Flag = True
    """`false` asks a server only for what it knows itself."""

    transport: Transport = "udp"
    """`udp` (over TCP when the answer does not fit a datagram), `tcp`, or `tls`."""

    resolver: HostPortField | None = None
    """`host:port` of the resolver to ask; port 53, or 853 for `tls`, unless written. Default: those of
    /etc/resolv.conf, the next one where none has answered within 250 ms."""

    expect: Expected = DnsExpect()
    """What the answer must hold."""

    @field_validator("resolver", mode="before")
    @classmethod
    def _with_port(cls, value: Any, info: ValidationInfo) -> HostPort | None:
        return None if value is None else DefaultPort(PORTS[info.data.get("transport", "udp")]).parse(value)

    @property
    def target(self) -> str:
        """The question."""
        return f"{self.dns} {self.record}"

    @property
    def unsecured(self) -> str:
        """What to write so that TLS is spoken, nothing when it is."""
        return "" if self.transport == "tls" else "add transport: tls"


def prepare(check: DnsCheck) -> Probe:
    """Return the probe that asks the question once."""
    wanted = dns.rdatatype.from_text(check.record)
    own = check.resolver is None

    async def probe(frame: Frame) -> ProbeResult:
        servers = [check.resolver] if check.resolver is not None else system_resolvers(PORTS[check.transport])
        secure = securing(check.tls, servers[0].host) if check.transport == "tls" else None
        addresses = [
            address for server in servers for address in await frame.addresses(server.host, server.port, check.family)
        ]
        ask = partial(asked, frame, addresses, transport=check.transport, secure=secure, policed=not own)
        answer = await (asked_of_ours(check, frame, ask, _query(check)) if own else ask(_query(check)))
        frame.close()
        check.expect.judge(answer, wanted, check.target)
        return ProbeResult(Outcome.GOOD, phases=frame.phases, certificate_expiry=frame.certificate_expiry)

    return probe


def _query(check: DnsCheck) -> dns.message.Message:
    query = dns.message.make_query(check.dns, check.record, check.record_class)
    if not check.recursion_desired:
        query.flags &= ~dns.flags.RD
    return query


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
        "answer_too_long": "the answer has more than 500 records",
        "dns_additional": "the additional section is not as expected",
        "dns_answer": "the records are not as expected",
        "dns_authoritative": "the answer is from a server of the zone itself, or is not, and should not or should be",
        "dns_authority": "the authority section is not as expected",
        "dns_no_records": "the answer holds no record of the type",
        "dns_rcode": "there is an answer where another response code is expected",
        "dns_truncated": "the answer over UDP is truncated, and the resolver takes no TCP connection",
        "no_resolver": "unknown: /etc/resolv.conf names no resolver",
    },
    schemes={"dns": {}},
)
