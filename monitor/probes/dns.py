"""The `dns` kind: one query to one resolver, and expectations of the response."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import dns.flags
import dns.message
import dns.rdatatype
from pydantic import Field, ValidationInfo, field_validator

from monitor.config.addresses import DefaultPort, HostPort
from monitor.config.model import Flag, HostPortField
from monitor.network.tls_connection import TlsCapableCheck, tls_upgrader
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from monitor.protocols.dns_expectation import DnsExpect, Expected
from monitor.protocols.dns_query import (
    PORTS,
    Question,
    RecordType,
    Transport,
    query_own_resolver,
    query_resolver,
    system_resolvers,
)
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt, Probe


class DnsCheck(TlsCapableCheck):
    """Good if the response has at least one record of the type, and all expected records."""

    kind: ClassVar[str] = "dns"

    dns: Question
    """The name to query."""

    record: RecordType = "A"
    """The record type: A, AAAA, CNAME, MX, NS, SRV, TXT, ..."""

    record_class: Literal["IN", "CH", "HS"] = Field("IN", alias="class")
    """The class of the records; `CH` for names such as `version.bind`."""

    recursion_desired: Flag = True
    """`false`: query a server for its own data only."""

    transport: Transport = "udp"
    """`udp` (with TCP if the response does not fit a datagram), `tcp`, or `tls`."""

    resolver: HostPortField | None = None
    """`host:port` of the resolver, with default port 53, or 853 for `tls`. Default: the resolvers of /etc/resolv.conf;
    after 250 ms without a response, the next one is queried."""

    expect: Expected = DnsExpect()
    """Expectations of the response."""

    @field_validator("resolver", mode="before")
    @classmethod
    def _with_port(cls, value: Any, info: ValidationInfo) -> HostPort | None:
        return None if value is None else DefaultPort(PORTS[info.data.get("transport", "udp")]).parse(value)

    @property
    def target(self) -> str:
        """The query."""
        return f"{self.dns} {self.record}"

    @property
    def tls_hint(self) -> str:
        """The configuration change that enables TLS. Empty if TLS is enabled."""
        return "" if self.transport == "tls" else "add transport: tls"


def prepare(check: DnsCheck) -> Probe:
    """Return the probe that sends the query once."""
    record_type = dns.rdatatype.from_text(check.record)
    uses_own_resolver = check.resolver is None

    async def probe(attempt: Attempt) -> ProbeResult:
        attempt.relayed = uses_own_resolver
        servers = [check.resolver] if check.resolver is not None else system_resolvers(PORTS[check.transport])
        start_tls = tls_upgrader(check.tls, servers[0].host) if check.transport == "tls" else None
        addresses = [
            address for server in servers for address in await attempt.addresses(server.host, server.port, check.family)
        ]
        ask = partial(
            query_resolver,
            attempt,
            addresses,
            transport=check.transport,
            start_tls=start_tls,
            check_policy=not uses_own_resolver,
        )
        answer = await (
            query_own_resolver(check, attempt, ask, _query(check)) if uses_own_resolver else ask(_query(check))
        )
        attempt.close()
        check.expect.check_response(answer, record_type, check.target)
        return ProbeResult(Outcome.GOOD, phases=attempt.phases, certificate_expiry=attempt.certificate_expiry)

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
        "answer_too_long": "more than 500 records",
        "dns_additional": "unexpected additional section",
        "dns_answer": "unexpected records",
        "dns_authoritative": "unexpected AA bit (authoritative answer)",
        "dns_authority": "unexpected authority section",
        "dns_no_records": "no record of the type",
        "dns_rcode": "NOERROR, but another response code is expected",
        "dns_truncated": "truncated response over UDP, and no TCP connection to the resolver",
        "no_resolver": "unknown: no resolver in /etc/resolv.conf",
    },
    schemes={"dns": {}},
)
