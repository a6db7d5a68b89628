"""The transports of the dns kind, and the expectations of a response: code, flags, sections, expressions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rrset
import pytest
import trustme
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from monitor.config.schema import schema
from monitor.probes.registry import CHECK_TYPES
from sla.observation import Outcome
from tests.support.certificates import server_context, write_ca_bundle
from tests.support.line_servers import send_on_connect
from tests.support.nameserver import Answering, dns_records, framed_for_tcp, nameserver, no_response
from tests.support.probing import attempt, load_check
from tests.support.servers import serve_tcp

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from monitor.probe_result import ProbeResult

NAME = "status.example.test"
TWO_ADDRESSES = dns_records("A 192.0.2.7", "A 192.0.2.8")


async def probe_resolver(
    over_udp: Answering, over_tcp: Answering = no_response, context: ssl.SSLContext | None = None, **options: Any
) -> ProbeResult:
    async with nameserver(over_udp, over_tcp, context) as port:
        return (await attempt({"dns": NAME, "resolver": f"127.0.0.1:{port}", **options})).result


# Queries


async def test_tcp_transport_does_not_use_udp() -> None:
    result = await probe_resolver(
        no_response, framed_for_tcp(TWO_ADDRESSES), transport="tcp", expect={"answer": ["192.0.2.7"]}
    )
    assert (result.outcome, result.reason) == (Outcome.GOOD, "")


async def test_resolvers_certificate_is_verified_over_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = server_context(authority.issue_cert("resolver.example.test"))
    trusted = {"ca": write_ca_bundle(authority, tmp_path), "server_name": "resolver.example.test"}
    result = await probe_resolver(no_response, framed_for_tcp(TWO_ADDRESSES), context, transport="tls", tls=trusted)
    assert (result.outcome, result.reason) == (Outcome.GOOD, ""), result.detail
    assert "tls" in result.phases
    assert result.certificate_expiry is not None
    untrusted_name = {"ca": write_ca_bundle(authority, tmp_path)}
    assert (
        await probe_resolver(no_response, framed_for_tcp(TWO_ADDRESSES), context, transport="tls", tls=untrusted_name)
    ).reason == "tls_hostname"
    assert (
        await probe_resolver(no_response, framed_for_tcp(TWO_ADDRESSES), context, transport="tls")
    ).reason == "tls_untrusted"


async def test_resolver_without_tls_is_reported() -> None:
    async with serve_tcp(send_on_connect(b"\0\x0cno such thing")) as port:
        result = (await attempt({"dns": NAME, "resolver": f"127.0.0.1:{port}", "transport": "tls"})).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "tls_handshake")


@pytest.mark.parametrize(
    ("options", "port"), [({}, 53), ({"transport": "tcp"}, 53), ({"transport": "tls"}, 853), ({"transport": "udp"}, 53)]
)
def test_default_port_depends_on_the_transport(options: dict[str, Any], port: int) -> None:
    assert load_check({"dns": NAME, "resolver": "192.0.2.53", **options}).resolver.port == port
    assert load_check({"dns": NAME, "resolver": "192.0.2.53:99", **options}).resolver.port == 99


@pytest.mark.parametrize("desired", [True, False])
async def test_recursion_is_requested_by_default(desired: bool) -> None:
    recursion_flags: list[bool] = []

    def record_query(query: dns.message.QueryMessage) -> Iterable[bytes]:
        recursion_flags.append(bool(query.flags & dns.flags.RD))
        return TWO_ADDRESSES(query)

    assert (await probe_resolver(record_query, recursion_desired=desired)).outcome is Outcome.GOOD
    assert recursion_flags == [desired]


async def test_queries_of_other_class_and_of_root_are_good() -> None:
    def chaos_response(query: dns.message.QueryMessage) -> Iterable[bytes]:
        (question,) = query.question
        reply = dns.message.make_response(query)
        reply.answer.append(dns.rrset.from_text(question.name, 0, "CH", "TXT", '"9.18"'))
        return [reply.to_wire()] if question.rdclass == dns.rdataclass.CH else []

    options: dict[str, Any] = {
        "dns": "version.bind",
        "record": "TXT",
        "class": "CH",
        "expect": {"answer": {"matches": "9.18"}},
    }
    assert (await probe_resolver(chaos_response, **options)).outcome is Outcome.GOOD
    assert (await probe_resolver(dns_records("NS a.root.example.test."), dns=".", record="NS")).outcome is Outcome.GOOD


@pytest.mark.parametrize(
    ("count", "text", "reason"),
    [(501, "A 192.0.{}.{}", "answer_too_long"), (500, "A 192.0.{}.{}", ""), (200, 'TXT "{}.{}' + "x" * 200 + '"', "")],
)
async def test_answer_with_too_many_records_is_rejected(count: int, text: str, reason: str) -> None:
    response = dns_records(*(text.format(*divmod(number, 256)) for number in range(count)))
    assert (
        await probe_resolver(no_response, framed_for_tcp(response), transport="tcp", record=text.partition(" ")[0])
    ).reason == reason


# Expectations


@pytest.mark.parametrize(
    ("response_code", "expected", "reason"),
    [
        (dns.rcode.NXDOMAIN, "NXDOMAIN", ""),
        (dns.rcode.NXDOMAIN, ["noerror", "nxdomain"], ""),
        (dns.rcode.REFUSED, "REFUSED", ""),
        (dns.rcode.NOERROR, "NXDOMAIN", "dns_rcode"),
        (dns.rcode.SERVFAIL, "NXDOMAIN", "dns_servfail"),
        (dns.rcode.NXDOMAIN, ["NOERROR"], "dns_nxdomain"),
        (dns.rcode.NOTIMP, ["NOERROR"], "dns_failure"),
    ],
)
async def test_unexpected_response_code_is_bad(response_code: dns.rcode.Rcode, expected: Any, reason: str) -> None:
    result = await probe_resolver(dns_records(rcode=response_code), expect={"rcode": expected})
    assert (result.outcome, result.reason) == (Outcome.BAD if reason else Outcome.GOOD, reason)


@pytest.mark.parametrize(
    ("expected", "good"),
    [
        ({"holds": ["192.0.2.7"]}, True),
        ({"holds": ["192.0.2.9"]}, False),
        ({"matches": r"^status\.example\.test\. 0 IN A 192\.0\.2\.8$"}, True),
        ({"matches": r"198\.51"}, False),
        ({"not_matches": r"198\.51"}, True),
        ({"not_matches": r"\.8$"}, False),
        ({"all_match": r"192\.0\.2\."}, True),
        ({"all_match": r"\.7$"}, False),
        ({"not_all_match": r"\.7$"}, True),
        ({"not_all_match": r"192\.0\.2\."}, False),
        ({"holds": ["192.0.2.7"], "not_matches": r"\.8$"}, False),
    ],
)
async def test_expressions_are_matched_with_each_record(expected: dict[str, Any], good: bool) -> None:
    result = await probe_resolver(TWO_ADDRESSES, expect={"answer": expected})
    assert (result.outcome, result.reason) == ((Outcome.GOOD, "") if good else (Outcome.BAD, "dns_answer"))
    assert result.detail.isprintable()


@pytest.mark.parametrize(
    ("record", "data", "expected", "good"),
    [
        ("A", "192.0.2.7", "192.0.2.7", True),
        ("AAAA", "2001:db8::7", "2001:DB8:0:0::7", True),
        ("AAAA", "2001:db8::7", "2001:db8::8", False),
        ("MX", "10 mail.example.test.", "10 MAIL.Example.test", True),
        ("MX", "10 mail.example.test.", "20 mail.example.test.", False),
        ("CNAME", "Elsewhere.example.test.", "elsewhere.example.TEST.", True),
        ("TXT", '"v=DMARC1; p=none"', "v=DMARC1; p=none", True),
        ("TXT", '"v=DMARC1; p=none"', '"v=DMARC1; p=none"', True),
        ("TXT", '"v=DMARC1; " "p=none"', "v=DMARC1; p=none", True),
        ("TXT", '"v=DMARC1; " "p=none"', '"v=DMARC1; " "p=none"', True),
        ("TXT", '"v=DMARC1"', "V=dmarc1", False),
        ("CAA", '0 issue "ca.example.test"', "0 issue ca.example.test", True),
    ],
)
async def test_records_are_compared_by_their_data(record: str, data: str, expected: str, good: bool) -> None:
    """A single text is equivalent to a list with one element."""
    result = await probe_resolver(dns_records(f"{record} {data}"), record=record, expect={"answer": expected})
    assert (result.outcome, result.reason) == ((Outcome.GOOD, "") if good else (Outcome.BAD, "dns_answer"))


@pytest.mark.parametrize(
    ("record", "expected"), [("A", "192.0.2.300"), ("AAAA", "192.0.2.7"), ("MX", "mail.example.test."), ("NS", "a..b")]
)
def test_invalid_record_data_is_rejected(record: str, expected: str) -> None:
    with pytest.raises(ValidationError, match=f'"{expected}" is not the data of a {record} record'):
        load_check({"dns": NAME, "record": record, "expect": {"additional": [expected]}})


@pytest.mark.parametrize("record", ["XYZ", "TYPE65536", "TYPE-1"])
def test_unknown_record_type_is_reported(record: str) -> None:
    with pytest.raises(ValidationError, match=f'"{record}" is not a DNS record type; use A, AAAA'):
        load_check({"dns": NAME, "record": record})


@pytest.mark.parametrize(
    ("expected", "good"),
    [
        ({"matches": "."}, False),
        ({"all_match": "."}, False),
        ({"not_matches": "."}, True),
        ({"not_all_match": "."}, True),
    ],
)
async def test_response_without_records_fails_required_and_passes_forbidden_matches(
    expected: dict[str, Any], good: bool
) -> None:
    result = await probe_resolver(
        dns_records(rcode=dns.rcode.NXDOMAIN), expect={"rcode": "NXDOMAIN", "answer": expected}
    )
    assert (result.outcome is Outcome.GOOD) is good


def referral(query: dns.message.QueryMessage) -> Iterable[bytes]:
    """Return a parent zone's response, with name and address of the zone's name server."""
    reply = dns.message.make_response(query)
    reply.authority.append(dns.rrset.from_text("example.test.", 300, "IN", "NS", "ns.example.test."))
    reply.additional.append(dns.rrset.from_text("ns.example.test.", 300, "IN", "A", "192.0.2.53"))
    yield reply.to_wire()


@pytest.mark.parametrize(
    ("expect", "reason"),
    [
        ({"authority": {"matches": r"NS ns\.example\.test\.$"}}, ""),
        ({"additional": ["192.0.2.53"]}, ""),
        ({"authority": {"matches": "NS elsewhere"}}, "dns_authority"),
        ({"additional": ["192.0.2.54"]}, "dns_additional"),
        ({"authority": {"matches": "NS"}, "answer": ["192.0.2.7"]}, "dns_answer"),
        ({}, "dns_no_records"),
    ],
)
async def test_other_sections_are_checked_like_the_answer(expect: dict[str, Any], reason: str) -> None:
    result = await probe_resolver(referral, expect=expect)
    assert (result.outcome, result.reason) == (Outcome.BAD if reason else Outcome.GOOD, reason)


def authoritative_response(query: dns.message.QueryMessage) -> Iterable[bytes]:
    reply = dns.message.from_wire(next(iter(TWO_ADDRESSES(query))))
    reply.flags |= dns.flags.AA
    yield reply.to_wire()


@pytest.mark.parametrize(
    ("answering", "authoritative", "good"),
    [
        (TWO_ADDRESSES, True, False),
        (TWO_ADDRESSES, False, True),
        (authoritative_response, True, True),
        (authoritative_response, False, False),
    ],
)
async def test_authoritative_flag_is_checked(answering: Answering, authoritative: bool, good: bool) -> None:
    result = await probe_resolver(answering, expect={"authoritative": authoritative})
    assert (result.outcome, result.reason) == ((Outcome.GOOD, "") if good else (Outcome.BAD, "dns_authoritative"))


async def test_query_type_any_accepts_any_record() -> None:
    def txt_response(query: dns.message.QueryMessage) -> Iterable[bytes]:
        reply = dns.message.make_response(query)
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 0, "IN", "TXT", '"x"'))
        yield reply.to_wire()

    assert (await probe_resolver(txt_response, record="ANY")).outcome is Outcome.GOOD


@pytest.mark.parametrize(
    "options",
    [
        {"transport": "https"},
        {"record": "NONSENSE"},
        {"class": "XX"},
        {"resolver": "192.0.2.53:0"},
        {"transport": "doh", "resolver": "192.0.2.53"},
        {"recursion_desired": "no"},
        {"expect": {"rcode": "OK"}},
        {"expect": {"rcode": []}},
        {"expect": {"answer": {"matches": "("}}},
        {"expect": {"authority": 5}},
        {"expect": {"authoritative": "yes"}},
        {"dns": ""},
    ],
)
def test_invalid_option_is_rejected(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        load_check({"dns": NAME, **options})


@pytest.mark.parametrize("records", ["192.0.2.7", ["192.0.2.7"], {"holds": ["192.0.2.7"], "not_matches": "^x"}])
def test_schema_accepts_one_record_a_list_and_a_mapping(records: Any) -> None:
    validator = Draft202012Validator(schema(CHECK_TYPES))
    check = {"id": "c", "dns": NAME, "expect": {"answer": records, "rcode": "NOERROR"}}
    portfolio = {"products": [{"id": "p", "objective": "99%", "checks": [check]}]}
    assert validator.is_valid(portfolio)
    check["expect"] = {"answer": {"like": records}}
    assert not validator.is_valid(portfolio)
