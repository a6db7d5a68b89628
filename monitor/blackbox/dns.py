"""The `dns` prober: one query to the target, and validation of the records of each section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from monitor.blackbox.prober import BlackboxProbe, Prober
from monitor.blackbox.target_address import lookup_time, resolve_target, split
from monitor.blackbox.tls import options
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.tls_connection import tls_upgrader
from monitor.protocols.dns_query import PORTS, Transport, query_resolver

if TYPE_CHECKING:
    from monitor.blackbox.dns_module import DnsModule, Records
    from monitor.network.attempt import Attempt

_PHASES = "probe_dns_duration_seconds"
_COUNTS = ("probe_dns_answer_rrs", "probe_dns_authority_rrs", "probe_dns_additional_rrs")


def _begin(probe: BlackboxProbe) -> None:
    for name in (*_COUNTS, "probe_dns_query_succeeded"):
        probe.gauges.set(name, 0)
    probe.gauges.phases(_PHASES, resolve=0, connect=0, request=0)


async def _run(probe: BlackboxProbe, attempt: Attempt) -> None:
    config = probe.module.dns
    assert config is not None, "validated by Module"  # noqa: S101 - for the type checker
    transport: Transport = "tls" if config.dns_over_tls else config.transport_protocol
    host, port = split(probe.target, PORTS[transport])
    addresses = [await resolve_target(probe, attempt, host, port, config)]
    attempt.source = config.source_ip_address
    query = dns.message.make_query(config.query_name, config.query_type, config.query_class)
    if not config.recursion_desired:
        query.flags &= ~dns.flags.RD
    start_tls = tls_upgrader(options(config.tls_config), host) if transport == "tls" else None
    probe.probe_log.note("sending query", question=query.question[0], transport=transport)
    response = await query_resolver(attempt, addresses, query, transport, start_tls=start_tls, once=True)
    attempt.close()
    _validate(probe, config, response)


def _validate(probe: BlackboxProbe, config: DnsModule, response: dns.message.Message) -> None:
    rcode = response.rcode()
    sections = [_lines(section) for section in (response.answer, response.authority, response.additional)]
    probe.probe_log.note(
        "received response", rcode=dns.rcode.to_text(rcode), records=[len(lines) for lines in sections]
    )
    _count(probe, config, response, sections)
    valid_rcodes = {dns.rcode.from_text(name) for name in config.valid_rcodes or ("NOERROR",)}
    if rcode not in valid_rcodes:
        raise ProbeFailure("dns_rcode", f"{dns.rcode.to_text(rcode)} is not in valid_rcodes")
    rules = (config.validate_answer_rrs, config.validate_authority_rrs, config.validate_additional_rrs)
    for name, lines, records in zip(("answer", "authority", "additional"), sections, rules, strict=True):
        for line in lines:
            probe.probe_log.note("record", section=name, record=line)
        if failed_rule := _failed_rule(lines, records):
            raise ProbeFailure(f"dns_{name}", failed_rule)


def _count(
    probe: BlackboxProbe, config: DnsModule, response: dns.message.Message, sections: Sequence[list[str]]
) -> None:
    gauges = probe.gauges
    gauges.set("probe_dns_query_succeeded", 1)
    for name, lines in zip(_COUNTS, sections, strict=True):
        gauges.set(name, len(lines))
    if response.opt is not None:
        gauges.set(_COUNTS[-1], len(sections[-1]) + 1)
    if config.query_type == "SOA":
        serials = [record.serial for group in response.answer if group.rdtype == dns.rdatatype.SOA for record in group]
        gauges.set("probe_dns_serial", serials[-1] if serials else 0)


def _lines(section: Sequence[dns.rrset.RRset]) -> list[str]:
    """Return each record as a line of tab-separated fields, like blackbox_exporter."""
    return [
        "\t".join(
            (
                group.name.to_text(),
                str(group.ttl),
                dns.rdataclass.to_text(group.rdclass),
                dns.rdatatype.to_text(group.rdtype),
                record.to_text(),
            )
        )
        for group in section
        for record in group
    ]


def _failed_rule(lines: list[str], records: Records) -> str:
    """Return a description of the first failed rule of a section, empty if all rules pass."""
    for line in lines:
        for pattern in records.fail_if_matches_regexp:
            if pattern.search(line):
                return f"{quoted(line)} matches {quoted(pattern.text)}"
        for pattern in records.fail_if_not_matches_regexp:
            if not pattern.search(line):
                return f"{quoted(line)} does not match {quoted(pattern.text)}"
    if not lines and (records.fail_if_not_matches_regexp or records.fail_if_none_matches_regexp):
        return "no record, but one must match"
    matches = [pattern.search(line) for line in lines for pattern in records.fail_if_all_match_regexp]
    # As in blackbox_exporter, despite the key's name: one record that does not match fails the probe.
    if not all(matches):
        return "a record does not match fail_if_all_match_regexp"
    patterns = records.fail_if_none_matches_regexp
    if patterns and not any(pattern.search(line) for line in lines for pattern in patterns):
        return "no record matches fail_if_none_matches_regexp"
    return ""


def _end(probe: BlackboxProbe, phases: Mapping[str, float]) -> None:
    """Set the phases. The attempt's phase `resolve` includes the lookup of the target's name and the query."""
    lookup_seconds = probe.gauges.value("probe_dns_lookup_time_seconds")
    connect_seconds = phases.get("connect", 0) + phases.get("tls", 0)
    query_seconds = max(0.0, phases.get("resolve", 0) - lookup_seconds)
    probe.gauges.phases(_PHASES, resolve=lookup_time(probe), connect=connect_seconds, request=query_seconds)


DNS = Prober(_begin, _run, _end)
