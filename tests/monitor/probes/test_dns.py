"""Name resolution: the dns kind's outcomes for a resolver's answers, and the other kinds' outcomes for names that are
not found.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from typing import TYPE_CHECKING, Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import pytest

from monitor.clock import SystemClock
from monitor.config.model import Family, HostPort
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.network.failure import ProbeFailure
from monitor.network.resolver import Resolver
from monitor.probes import dns as module
from monitor.probes.registry import prepare
from sla.observation import Outcome
from tests.support.addresses import unresponsive_address
from tests.support.nameserver import (
    Answering,
    delayed_nameserver,
    dns_records,
    framed_for_tcp,
    nameserver,
    no_response,
    truncated_response,
)
from tests.support.probing import attempt, load_check
from tests.support.servers import http_response, respond_with, serve_tcp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.network.attempt import Attempt
    from monitor.probe_result import ProbeResult

NAME = "status.example.test"
ADDRESS = "192.0.2.7"
SERVER_FAILURE = dns_records(rcode=dns.rcode.SERVFAIL)
GOOD = dns_records(f"A {ADDRESS}", "A 192.0.2.8", "AAAA 2001:db8::7", "MX 10 mail.example.test.", 'TXT "v=spf1 -all"')


async def probe_resolver(
    over_udp: Answering, over_tcp: Answering = no_response, seconds: float = 5.0, **options: Any
) -> ProbeResult:
    async with nameserver(over_udp, over_tcp) as port:
        check_keys = {"dns": NAME, "resolver": f"127.0.0.1:{port}", **options}
        return (await attempt(check_keys, seconds)).result


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("A", []),
        ("A", [ADDRESS]),
        ("A", ["192.0.2.8", ADDRESS]),
        ("aaaa", ["2001:db8::7"]),
        ("MX", ["10 mail.example.test."]),
        ("TXT", ['"v=spf1 -all"']),
    ],
)
async def test_expected_answer_is_good(record: str, expected: list[str]) -> None:
    result = await probe_resolver(GOOD, record=record, expect={"answer": expected})
    assert (result.outcome, result.reason) == (Outcome.GOOD, "")
    assert "resolve" in result.phases


@pytest.mark.parametrize(
    ("answering", "reason"),
    [
        (dns_records(rcode=dns.rcode.NXDOMAIN), "dns_nxdomain"),
        (dns_records(rcode=dns.rcode.SERVFAIL), "dns_servfail"),
        (dns_records(rcode=dns.rcode.REFUSED), "dns_refused"),
        (dns_records(rcode=dns.rcode.NOTIMP), "dns_failure"),
        (dns_records(), "dns_no_records"),
        (dns_records("CNAME elsewhere.example.test."), "dns_no_records"),
        (dns_records("A 198.51.100.1"), "dns_answer"),
    ],
)
async def test_every_other_answer_has_its_reason(answering: Answering, reason: str) -> None:
    result = await probe_resolver(answering, expect={"answer": [ADDRESS]})
    assert (result.outcome, result.reason) == (Outcome.BAD, reason)
    assert NAME in result.detail


async def test_silent_resolver_ends_at_the_deadline() -> None:
    result = await probe_resolver(no_response, seconds=0.1)
    assert (result.outcome, result.reason) == (Outcome.BAD, "dns_timeout")


def over_tcp(query: dns.message.QueryMessage) -> Iterable[bytes]:
    """Answer in two segments, with the two bytes of the length apart."""
    (datagram,) = GOOD(query)
    framed = len(datagram).to_bytes(2, "big") + datagram
    yield framed[:1]
    yield framed[1:]


async def test_truncated_answer_is_fetched_over_tcp() -> None:
    result = await probe_resolver(truncated_response, over_tcp, expect={"answer": [ADDRESS]})
    assert (result.outcome, result.reason) == (Outcome.GOOD, "")


@pytest.mark.parametrize("parts", [[], [b"\x00"], [b"\x00\xffab"]])
async def test_incomplete_tcp_answer_is_malformed(parts: list[bytes]) -> None:
    result = await probe_resolver(truncated_response, lambda _query: parts)
    assert (result.outcome, result.reason) == (Outcome.BAD, "dns_malformed")


def with_other_id(query: dns.message.QueryMessage) -> bytes:
    """Return an answer with another id, as from an attacker who cannot see the query."""
    (forged,) = dns_records("A 203.0.113.66")(query)
    return bytes([forged[0] ^ 0xFF]) + forged[1:]


async def test_answer_with_another_id_is_ignored() -> None:
    """An empty datagram is ignored too. The real answer after them counts."""
    result = await probe_resolver(lambda query: [b"", with_other_id(query), *GOOD(query)], expect={"answer": [ADDRESS]})
    assert (result.outcome, result.reason) == (Outcome.GOOD, "")
    result = await probe_resolver(lambda query: [with_other_id(query)], seconds=0.1)
    assert (result.outcome, result.reason) == (Outcome.BAD, "dns_timeout")


def other_question(query: dns.message.QueryMessage) -> Iterable[bytes]:
    other = dns.message.make_query("other.example.test", "A", id=query.id)
    yield dns.message.make_response(other).to_wire()


@pytest.mark.parametrize(
    "answering",
    [
        other_question,
        lambda query: [query.to_wire()],
        lambda query: [query.to_wire()[:2] + b"\x81\x80" + b"\xff" * 20],
        lambda query: [query.to_wire()[:4]],
        lambda query: [next(iter(GOOD(query)))[:-3]],
        lambda query: [next(iter(GOOD(query)))[:12] + b"\xc0\x0c" * 30],
    ],
    ids=["other question", "the question itself", "noise", "a stub", "cut", "a pointer to itself"],
)
async def test_invalid_answer_is_malformed(answering: Answering) -> None:
    result = await probe_resolver(answering)
    assert (result.outcome, result.reason) == (Outcome.BAD, "dns_malformed")
    assert result.detail.isprintable()


async def test_configured_resolver_is_the_target_and_the_system_resolver_is_not() -> None:
    """A closed port is the failure of a configured resolver, but our own failure for the system's resolver."""
    port = closed_port()
    result = (await attempt({"dns": NAME, "resolver": f"127.0.0.1:{port}"})).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "connect_refused")


async def test_unreachable_system_resolver_gives_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    port = closed_port()
    monkeypatch.setattr(module, "system_resolvers", lambda _port: [HostPort("127.0.0.1", port)])
    own = (await attempt({"dns": NAME})).result
    assert (own.outcome, own.reason) == (Outcome.UNKNOWN, "resolver_unreachable")


def answers_for_root_and_others(root: Answering, others: Answering = no_response) -> Answering:
    """Return a handler with one answer to the query for the root's servers, and another to all other queries."""
    return lambda query: (root if query.question[0].name == dns.name.root else others)(query)


def servfail_except_for_root(root: Answering) -> Answering:
    """Return a handler that answers SERVFAIL to every query except the one for the root's servers."""
    return answers_for_root_and_others(root, SERVER_FAILURE)


WAITING = answers_for_root_and_others(
    dns_records("NS a.root-servers.net.")
)  # like a resolver that waits for a zone's silent servers


@pytest.mark.parametrize(
    ("root", "outcome", "reason"),
    [
        (no_response, Outcome.UNKNOWN, "resolver_unreachable"),
        (SERVER_FAILURE, Outcome.UNKNOWN, "resolver_unreachable"),
        (dns_records(), Outcome.BAD, "dns_timeout"),
        (dns_records(rcode=dns.rcode.REFUSED), Outcome.BAD, "dns_timeout"),
    ],
    ids=["nothing", "at a loss", "something", "whom it answers"],
)
async def test_silent_system_resolver_is_classified_by_its_answer_for_the_root(
    root: Answering, outcome: Outcome, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with nameserver(answers_for_root_and_others(root)) as port:
        monkeypatch.setattr(module, "system_resolvers", lambda _port: [HostPort("127.0.0.1", port)])
        result = (await attempt({"dns": NAME, "timeout": "1s"}, 1)).result
    assert (result.outcome, result.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("root", "outcome", "reason"),
    [
        (SERVER_FAILURE, Outcome.UNKNOWN, "resolver_unreachable"),
        (dns_records(), Outcome.BAD, "dns_servfail"),
        (dns_records(rcode=dns.rcode.REFUSED), Outcome.BAD, "dns_servfail"),
    ],
    ids=["nothing", "something", "whom it answers"],
)
async def test_failing_system_resolver_is_classified_by_its_answer_for_the_root(
    root: Answering, outcome: Outcome, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with nameserver(servfail_except_for_root(root)) as port:
        monkeypatch.setattr(module, "system_resolvers", lambda _port: [HostPort("127.0.0.1", port)])
        result = (await attempt({"dns": NAME})).result
        expected = (await attempt({"dns": NAME, "expect": {"rcode": "SERVFAIL"}})).result
    assert (result.outcome, result.reason) == (outcome, reason)
    assert expected.outcome is (Outcome.UNKNOWN if outcome is Outcome.UNKNOWN else Outcome.GOOD)


@pytest.mark.parametrize("own", [False, True], ids=["named", "own"])
@pytest.mark.parametrize("closed", [True, False], ids=["refuses", "drops"])
async def test_truncated_answer_of_a_resolver_without_tcp_is_reported(
    own: bool, closed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The resolver is reachable, but its full answer is not available."""
    async with delayed_nameserver(lambda _query: 0.0, truncated_response) as port:
        monkeypatch.setattr(module, "system_resolvers", lambda _port: [HostPort("127.0.0.1", port)])
        resolver_option = {} if own else {"resolver": f"127.0.0.1:{port}"}
        with contextlib.nullcontext() if closed else unresponsive_address("127.0.0.1", port):
            result = (await attempt({"dns": NAME, **resolver_option}, 1.0)).result
    outcome = Outcome.UNKNOWN if own else Outcome.BAD
    assert (result.outcome, result.reason) == (outcome, "dns_truncated"), result.detail
    assert "truncated, and TCP does not connect" in result.detail


@pytest.mark.parametrize("own", [False, True], ids=["named", "own"])
async def test_loss_of_a_third_of_the_queries_changes_no_outcome(own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(3)  # noqa: S311 - which datagrams are lost is no secret
    async with delayed_nameserver(
        lambda _query: None if draw.random() < 0.3 else 0.0, dns_records(f"A {ADDRESS}")
    ) as port:
        monkeypatch.setattr(module, "system_resolvers", lambda _port: [HostPort("127.0.0.1", port)])
        resolver_option = {} if own else {"resolver": f"127.0.0.1:{port}"}
        results = [(await attempt({"dns": NAME, **resolver_option}, 8.0)).result for _ in range(20)]
    assert {(attempt.outcome, attempt.reason) for attempt in results} == {(Outcome.GOOD, "")}


async def test_second_system_resolver_is_used_if_the_first_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        delayed_nameserver(lambda _query: None, dns_records()) as port,
        delayed_nameserver(lambda _query: 0.0, dns_records(f"A {ADDRESS}"), "127.0.0.2", port),
    ):
        servers = [HostPort("127.0.0.1", port), HostPort("127.0.0.2", port)]
        monkeypatch.setattr(module, "system_resolvers", lambda _port: servers)
        result = (await attempt({"dns": NAME}, 8.0)).result
    assert (result.outcome, result.reason) == (Outcome.GOOD, ""), result.detail


# Lookups of the other kinds.


def closed_port() -> int:
    """Return a port without a listener over UDP and TCP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


async def probe_named_host(
    answering: Answering, over_tcp: Answering = no_response, seconds: float = 5.0
) -> ProbeResult:
    """Return the result of an http check whose host is a name, resolved by this server."""
    async with serve_tcp(respond_with(http_response())) as target, nameserver(answering, over_tcp) as port:
        check_keys = {"http": f"http://{NAME}:{target}/"}
        return (await attempt(check_keys, seconds, Resolver(["127.0.0.1"], port))).result


async def test_name_is_resolved_to_its_target() -> None:
    result = await probe_named_host(dns_records("A 127.0.0.1"))
    assert (result.outcome, result.reason) == (Outcome.GOOD, "")
    assert result.phases["resolve"] > 0


@pytest.mark.parametrize(
    ("answering", "reason"),
    [
        (dns_records(rcode=dns.rcode.NXDOMAIN), "dns_nxdomain"),
        (servfail_except_for_root(dns_records()), "dns_servfail"),
        (servfail_except_for_root(dns_records(rcode=dns.rcode.REFUSED)), "dns_servfail"),
        (dns_records(rcode=dns.rcode.REFUSED), "dns_refused"),
        (dns_records(), "dns_no_address"),
    ],
)
async def test_unresolvable_name_has_its_reason(answering: Answering, reason: str) -> None:
    result = await probe_named_host(answering)
    assert (result.outcome, result.reason) == (Outcome.BAD, reason)
    assert NAME in result.detail


async def test_long_answer_is_fetched_over_tcp() -> None:
    result = await probe_named_host(truncated_response, framed_for_tcp(dns_records("A 127.0.0.1")))
    assert (result.outcome, result.reason) == (Outcome.GOOD, "")


async def test_silent_system_resolver_gives_unknown() -> None:
    result = await probe_named_host(no_response, seconds=0.2)
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "resolver_unreachable")


async def test_name_without_an_answer_from_its_servers_is_bad() -> None:
    result = await probe_named_host(WAITING, seconds=1)
    assert (result.outcome, result.reason) == (Outcome.BAD, "dns_timeout")


@pytest.mark.parametrize(
    "answering",
    [
        answers_for_root_and_others(SERVER_FAILURE),
        servfail_except_for_root(SERVER_FAILURE),
        servfail_except_for_root(no_response),
    ],
    ids=["without an uplink", "as lost for the root", "silent about it"],
)
async def test_resolver_that_fails_for_every_name_gives_unknown(answering: Answering) -> None:
    """Its answer for the root is the same as for any name, so it proves nothing about the target."""
    result = await probe_named_host(answering, seconds=0.5)
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "resolver_unreachable")


async def test_forged_answer_is_ignored() -> None:
    result = await probe_named_host(lambda query: [with_other_id(query), *dns_records("A 127.0.0.1")(query)])
    assert (result.outcome, result.reason) == (Outcome.GOOD, "")


async def test_missing_resolver_gives_unknown() -> None:
    async with serve_tcp(respond_with(http_response())) as target:
        check_keys = {"http": f"http://{NAME}:{target}/"}
        result = (await attempt(check_keys, 5, Resolver(["127.0.0.1"], closed_port()))).result
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "resolver_unreachable")


async def test_name_is_resolved_for_every_probe() -> None:
    """A monitor that caches names, even for their TTL, hides their failures."""
    count = 0

    def counting(query: dns.message.QueryMessage) -> Iterable[bytes]:
        nonlocal count
        count += query.question[0].rdtype == dns.rdatatype.A
        return dns_records("A 127.0.0.1", ttl=300)(query)

    async with nameserver(counting) as port:
        resolver = Resolver(["127.0.0.1"], port)
        for _ in range(2):
            assert await resolver.addresses(NAME, 80, Family.IP4)
        await resolver.close()
    assert count == 2


async def test_lookup_in_progress_at_shutdown_is_cleaned_up() -> None:
    async with nameserver(no_response) as port:
        resolver = Resolver(["127.0.0.1"], port)
        looking = asyncio.create_task(resolver.addresses(NAME, 80))
        await asyncio.sleep(0)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await resolver.close()
    assert looking.cancelled()


BOTH = dns_records("A 127.0.0.1", "AAAA ::1")


@pytest.mark.parametrize(
    ("family", "actual"),
    [
        (Family.IP4, ["127.0.0.1"]),
        (Family.IP6, ["::1"]),
        (Family.IP4_FIRST, ["127.0.0.1", "::1"]),
        (Family.IP6_FIRST, ["::1", "127.0.0.1"]),
    ],
)
async def test_address_family_is_preferred_or_required(family: Family, actual: list[str]) -> None:
    async with nameserver(BOTH) as port:
        resolver = Resolver(["127.0.0.1"], port)
        assert [address[0] for _, address in await resolver.addresses(NAME, 80, family)] == actual
        await resolver.close()


async def test_host_without_an_address_of_the_family_is_reported() -> None:
    resolver = Resolver(["127.0.0.1"], closed_port())
    with pytest.raises(ProbeFailure, match=r"127\.0\.0\.1 in ip6 has no address"):
        await resolver.addresses("127.0.0.1", 80, Family.IP6)
    await resolver.close()


@pytest.mark.parametrize("own", [True, False])
async def test_only_the_system_resolver_is_a_relay(own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[Attempt] = []
    async with nameserver(GOOD) as port:
        monkeypatch.setattr(module, "system_resolvers", lambda _port: [HostPort("127.0.0.1", port)])
        probe = prepare(load_check({"dns": NAME} if own else {"dns": NAME, "resolver": f"127.0.0.1:{port}"}))

        async def observe(attempt: Attempt) -> ProbeResult:
            attempts.append(attempt)
            return await probe(attempt)

        async with probe_environment(SystemClock(), Health()) as (runner, _):
            await runner.attempt(observe, 5.0)
    assert [attempt.relayed for attempt in attempts] == [own]
