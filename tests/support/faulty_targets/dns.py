"""Faulty targets of the `dns` kind: name servers that refuse, send wrong or truncated data, or do not answer."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from tests.support.faulty_targets.faulty_target import AMPLE, BAD, GOOD, SHORT, FaultyTarget, ServeTarget, resolver
from tests.support.nameserver import Answering, dns_records, framed_for_tcp, no_response, truncated_response

Query = dns.message.QueryMessage
NAME = "www.zoo.example"
GOOD_RESPONSE = dns_records("A 192.0.2.7")


def _build_target(
    name: str, serve_target: ServeTarget, reason: str, seconds: float = AMPLE, **options: Any
) -> FaultyTarget:
    check = {"dns": NAME, "resolver": "127.0.0.1:<port>", **options}
    return FaultyTarget(f"dns-{name}", serve_target, check, reason, BAD if reason else GOOD, seconds)


def _unresponsive(name: str, serve_target: ServeTarget, reason: str = "dns_timeout") -> FaultyTarget:
    return _build_target(name, serve_target, reason, SHORT)


def _altered_response(change: Callable[[bytes], bytes]) -> Answering:
    """Return a function that changes the bytes of a good response."""
    return lambda query: [change(packet) for packet in GOOD_RESPONSE(query)]


def codes() -> Iterator[FaultyTarget]:
    """Yield servers that answer with a code other than NOERROR."""
    for code, reason in {
        dns.rcode.NXDOMAIN: "dns_nxdomain",
        dns.rcode.SERVFAIL: "dns_servfail",
        dns.rcode.REFUSED: "dns_refused",
        dns.rcode.FORMERR: "dns_failure",
        dns.rcode.NOTIMP: "dns_failure",
        dns.rcode.NOTAUTH: "dns_failure",
    }.items():
        yield _build_target(dns.rcode.to_text(code).lower(), resolver(dns_records(rcode=code)), reason)


def contents() -> Iterator[FaultyTarget]:
    """Yield servers whose response is well formed, but does not match the query."""
    expected = {"expect": {"answer": ["192.0.2.1"]}}
    yield _build_target("good", resolver(GOOD_RESPONSE), "")
    yield _build_target("empty", resolver(dns_records()), "dns_no_records")
    yield _build_target("other-address", resolver(GOOD_RESPONSE), "dns_answer", **expected)
    yield _build_target("other-type", resolver(dns_records("AAAA 2001:db8::1")), "dns_no_records")
    yield _build_target("lame", resolver(_lame), "dns_no_records")
    yield _build_target("alias-loop", resolver(dns_records(f"CNAME {NAME}.")), "dns_no_records")
    yield _build_target("alias-to-nowhere", resolver(dns_records("CNAME nowhere.invalid.")), "dns_no_records")
    yield _build_target("other-question", resolver(_other_question), "dns_malformed")
    yield _build_target("five-hundred", resolver(truncated_response, framed_for_tcp(_many)), "dns_answer", **expected)


def _lame(query: Query) -> Iterable[bytes]:
    reply = dns.message.make_response(query)
    reply.authority.append(dns.rrset.from_text("example.", 60, "IN", "NS", "a.root.example."))
    return [reply.to_wire()]


def _other_question(query: Query) -> Iterable[bytes]:
    other = dns.message.make_query("other.zoo.example", "A")
    other.id = query.id
    return [dns.message.make_response(other).to_wire()]


def _many(query: Query) -> Iterable[bytes]:
    reply = dns.message.make_response(query)
    name = query.question[0].name
    reply.answer.append(dns.rrset.from_text(name, 0, "IN", "A", *(f"10.0.{n // 250}.{n % 250}" for n in range(500))))
    return [reply.to_wire(max_size=65_535)]


def malformed_messages() -> Iterator[FaultyTarget]:
    """Yield servers whose response is not a valid message."""
    for name, change in {
        "garbage": lambda packet: packet[:2] + b"\xff" * 60,
        "header-only": lambda packet: packet[:5],
        "cut": lambda packet: packet[:-3],
        "echo": lambda packet: packet[:2] + b"\x01\0" + packet[4:6] + b"\0" * 6 + packet[12:33],
        "counts-too-many": lambda packet: packet[:6] + b"\xff\xff" + packet[8:],
        "points-at-itself": lambda packet: packet[:12] + b"\xc0\x0c" + packet[14:],
        "points-ahead": lambda packet: packet[:12] + b"\xc0\xff" + packet[14:],
        "odd-label": lambda packet: packet[:12] + b"\x80" + packet[13:],
        "address-of-five-bytes": lambda packet: packet[:-6] + struct.pack("!H", 5) + b"\1\2\3\4\5",
        "trailing-bytes": lambda packet: packet + b"\0" * 9,
    }.items():
        yield _build_target(name, resolver(_altered_response(change)), "dns_malformed")


def unanswered() -> Iterator[FaultyTarget]:
    """Yield servers that do not answer, or whose response does not belong to the query."""
    yield _unresponsive("silent", resolver(no_response))
    yield _unresponsive("other-id", resolver(_altered_response(lambda packet: bytes([packet[0] ^ 1]) + packet[1:])))
    yield _unresponsive("two-bytes", resolver(_altered_response(lambda packet: packet[:2])))
    yield _unresponsive("flood-of-other-ids", resolver(lambda query: [_change_id(query)] * 2_000))
    yield _build_target("right-after-wrong", resolver(lambda query: [_change_id(query), *GOOD_RESPONSE(query)]), "")


def _change_id(query: Query) -> bytes:
    (packet,) = GOOD_RESPONSE(query)
    return bytes([packet[0] ^ 1]) + packet[1:]


def over_tcp() -> Iterator[FaultyTarget]:
    """Yield servers whose response does not fit into a datagram, with faults over TCP."""
    yield _build_target("truncated", resolver(truncated_response, framed_for_tcp(GOOD_RESPONSE)), "")
    yield _build_target("truncated-and-closed", resolver(truncated_response, no_response), "dns_malformed")
    yield _build_target(
        "truncated-and-cut", resolver(truncated_response, lambda query: [b"\xff\xff\0\0"]), "dns_malformed"
    )
    yield _build_target("truncated-and-nothing", resolver(truncated_response, lambda query: [b"\0\0"]), "dns_malformed")
    yield _build_target(
        "truncated-and-garbage", resolver(truncated_response, lambda query: [b"\0\x10" + b"\xff" * 16]), "dns_malformed"
    )
    other = framed_for_tcp(lambda query: [_change_id(query)])
    yield _build_target("truncated-and-other-id", resolver(truncated_response, other), "dns_malformed")
    yield _build_target(
        "truncated-for-ever", resolver(truncated_response, framed_for_tcp(truncated_response)), "dns_no_records"
    )


def faulty_targets() -> Iterator[FaultyTarget]:
    """Yield all targets of this module."""
    for group in (codes, contents, malformed_messages, unanswered, over_tcp):
        yield from group()
