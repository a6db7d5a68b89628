"""The outcomes of the kind dns for the answers of a resolver."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING, Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import pytest

from monitor.clock import SystemClock
from monitor.config.model import HostPort
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.probes import dns as module
from monitor.probes.registry import prepare
from sla.observation import Outcome
from tests.support.addresses import bind_to_one_port, closed_port, unresponsive_listener
from tests.support.nameserver import (
    Answering,
    answers_for_root_and_others,
    delayed_nameserver,
    dns_records,
    nameserver,
    nameserver_on,
    no_response,
    servfail_except_for_root,
    truncated_response,
    with_other_id,
)
from tests.support.probing import attempt, load_check

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
@pytest.mark.fault(40)
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


@pytest.mark.fault(40)
async def test_truncated_answer_is_fetched_over_tcp() -> None:
    result = await probe_resolver(truncated_response, over_tcp, expect={"answer": [ADDRESS]})
    assert (result.outcome, result.reason) == (Outcome.GOOD, "")


@pytest.mark.parametrize("parts", [[], [b"\x00"], [b"\x00\xffab"]])
async def test_incomplete_tcp_answer_is_malformed(parts: list[bytes]) -> None:
    result = await probe_resolver(truncated_response, lambda _query: parts)
    assert (result.outcome, result.reason) == (Outcome.BAD, "dns_malformed")


@pytest.mark.fault(40)
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
@pytest.mark.fault(40)
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
    datagrams, stream = bind_to_one_port()
    port = datagrams.getsockname()[1]
    monkeypatch.setattr(module, "system_resolvers", lambda _port: [HostPort("127.0.0.1", port)])
    resolver_option = {} if own else {"resolver": f"127.0.0.1:{port}"}
    with stream, contextlib.nullcontext() if closed else unresponsive_listener(stream):
        async with nameserver_on(datagrams, truncated_response):
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
