"""Names whose lookup is slow or loses queries: the deadline is the only limit, and a lost query does not change the
outcome.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import pycares
import pytest

from monitor.clock import SystemClock
from monitor.config.model import Family
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.network.failure import ProbeFailure
from monitor.network.repeated_lookup import RepeatedLookup
from monitor.network.resolver import Resolver
from monitor.probes.registry import prepare
from sla.observation import Outcome
from tests.support.nameserver import Answering, Delay, delayed_nameserver, dns_records, nameserver
from tests.support.probing import attempt, load_check
from tests.support.servers import http_response, respond_with, serve_tcp

LOOPBACK_RECORD = dns_records("A 127.0.0.1")
CACHED, SLOW = "cached.example.test", "slow.example.test"


def by_name(seconds: float) -> Delay:
    return lambda query: seconds if query.question[0].name.to_text(True) == SLOW else 0.0


@contextlib.asynccontextmanager
async def resolver_at(port: int, servers: Iterable[str] = ("127.0.0.1",)) -> AsyncIterator[Resolver]:
    resolver = Resolver(list(servers), port)
    try:
        yield resolver
    finally:
        await resolver.close()


@pytest.mark.parametrize("seconds", [0.6, 1.5])
async def test_slow_name_is_resolved_after_fast_ones(seconds: float) -> None:
    """c-ares has measured a response time of 1 ms before, and would stop after 0.25 s."""
    async with delayed_nameserver(by_name(seconds), LOOPBACK_RECORD) as port, resolver_at(port) as resolver:
        for _ in range(10):
            await resolver.addresses(CACHED, 80)
        for _ in range(3):
            assert [address[0] for _, address in await resolver.addresses(SLOW, 80)] == ["127.0.0.1"]


async def test_probe_of_a_slow_name_is_good_after_other_lookups() -> None:
    async with (
        delayed_nameserver(by_name(0.6), LOOPBACK_RECORD) as names,
        serve_tcp(respond_with(http_response())) as port,
        probe_environment(SystemClock(), Health(), Resolver(["127.0.0.1"], names)) as (runner, _),
    ):
        results = [
            (await runner.attempt(prepare(load_check({"http": f"http://{name}:{port}/"})), 10)).result
            for name in [CACHED] * 5 + [SLOW]
        ]
    assert {(result.outcome, result.reason) for result in results} == {(Outcome.GOOD, "")}


@pytest.mark.parametrize("seed", [1, 2])
async def test_loss_of_a_third_of_the_queries_changes_no_outcome(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - which datagrams are lost is no secret
    async with (
        delayed_nameserver(lambda query: None if draw.random() < 0.3 else 0.0, LOOPBACK_RECORD) as names,
        serve_tcp(respond_with(http_response())) as port,
        probe_environment(SystemClock(), Health(), Resolver(["127.0.0.1"], names)) as (runner, loop_monitor),
    ):
        loop_monitor.stalled = lambda: 0.0  # type: ignore[method-assign]
        probe = prepare(load_check({"tcp": f"{CACHED}:{port}"}))
        actual = await asyncio.gather(*(runner.attempt(probe, 5) for _ in range(60)))
    assert {(attempt.result.outcome, attempt.result.reason) for attempt in actual} == {(Outcome.GOOD, "")}


@pytest.mark.parametrize("seconds", [0.0, 0.6], ids=["quick", "slow"])
async def test_second_server_is_used_if_the_first_is_silent(seconds: float) -> None:
    async with (
        delayed_nameserver(lambda query: None, LOOPBACK_RECORD, host="127.0.0.1") as port,
        delayed_nameserver(lambda query: seconds, LOOPBACK_RECORD, host="127.0.0.2", port=port),
        resolver_at(port, ("127.0.0.1", "127.0.0.2")) as resolver,
    ):
        for _ in range(4):
            assert await asyncio.wait_for(resolver.addresses(SLOW, 80), 30)


async def test_unanswered_family_does_not_delay_the_other() -> None:
    """RFC 8305, 3: broken name servers drop queries for AAAA."""
    ip4_only: Delay = lambda query: None if query.question[0].rdtype == dns.rdatatype.AAAA else 0.0  # noqa: E731
    async with delayed_nameserver(ip4_only, LOOPBACK_RECORD) as port, resolver_at(port) as resolver:
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert [address[0] for _, address in await resolver.addresses(SLOW, 80)] == ["127.0.0.1"]
        assert loop.time() - began < 5
        assert [address[0] for _, address in await resolver.addresses(SLOW, 80, Family.IP6_FIRST)] == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("family", "actual"),
    [
        (Family.ANY, {"127.0.0.1", "::1"}),
        (Family.IP4, {"127.0.0.1"}),
        (Family.IP6, {"::1"}),
    ],
)
async def test_slow_lookup_finds_both_families_or_the_configured_one(family: Family, actual: set[str]) -> None:
    async with (
        delayed_nameserver(lambda query: 0.3, dns_records("A 127.0.0.1", "AAAA ::1")) as port,
        resolver_at(port) as resolver,
    ):
        await resolver.addresses(CACHED, 80)
        assert {address[0] for _, address in await resolver.addresses(SLOW, 80, family)} == actual


@pytest.mark.parametrize(
    ("answering", "reason"),
    [
        (dns_records(rcode=dns.rcode.NXDOMAIN), "dns_nxdomain"),
        (dns_records(rcode=dns.rcode.REFUSED), "dns_refused"),
        (dns_records(), "dns_no_address"),
    ],
)
async def test_slow_negative_answer_keeps_its_reason(answering: Answering, reason: str) -> None:
    async with delayed_nameserver(lambda query: 0.4, answering) as port, resolver_at(port) as resolver:
        for _ in range(3):
            with pytest.raises(ProbeFailure) as caught:
                await resolver.addresses(SLOW, 80)
            assert (caught.value.outcome, caught.value.reason) == (Outcome.BAD, reason)


async def test_finished_lookups_leave_no_open_sockets() -> None:
    def descriptors() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    async with delayed_nameserver(by_name(0.3), LOOPBACK_RECORD) as port, resolver_at(port) as resolver:
        await resolver.addresses(SLOW, 80)
        before = descriptors()
        for _ in range(5):
            await resolver.addresses(SLOW, 80)
        async with asyncio.timeout(10):
            while descriptors() > before + 5:  # c-ares closes them in its own thread
                await asyncio.sleep(0.01)


async def test_resolver_that_answers_only_the_root_is_queried_until_the_deadline() -> None:
    def of_the_root(query: dns.message.QueryMessage) -> Iterable[bytes]:
        return dns_records()(query) if query.question[0].name == dns.name.root else ()

    async with nameserver(of_the_root) as port, serve_tcp(respond_with(http_response())) as target:
        check_keys = {"http": f"http://{SLOW}:{target}/"}
        probe_attempt = await attempt(check_keys, 1.5, Resolver(["127.0.0.1"], port))
        silent = await attempt(check_keys, 1.5, Resolver(["127.0.0.2"], port))
    assert (probe_attempt.result.outcome, probe_attempt.result.reason) == (Outcome.BAD, "dns_timeout")
    assert probe_attempt.duration >= 1.5
    assert silent.result.outcome is Outcome.UNKNOWN


async def test_answer_for_both_families_is_combined_with_one_for_a_single_family() -> None:
    """Both may arrive together. The first query is for both families, and may contain only one."""
    async with (
        delayed_nameserver(lambda query: 0.0, dns_records("A 127.0.0.1", "A 127.0.0.2")) as port,
        resolver_at(port) as resolver,
    ):
        first = resolver._dns.getaddrinfo(SLOW, port=80, family=socket.AF_UNSPEC, type=socket.SOCK_STREAM)
        await asyncio.wait([first])
        lookup = RepeatedLookup(resolver._fresh, first, (SLOW, 80), socket.AF_UNSPEC, socket.AF_UNSPEC)
        channels = resolver._fresh.borrow()
        family = channels.resolvers[0].getaddrinfo(SLOW, port=80, family=socket.AF_INET, type=socket.SOCK_STREAM)
        await asyncio.wait([family])
        for query, of, asked_on in ((first, socket.AF_UNSPEC, None), (family, socket.AF_INET, channels)):
            lookup._record_response(query, of, asked_on, 0.0)
        assert [len(nodes) for nodes in lookup._result()] == [2]
        resolver._fresh.release(channels)


async def test_first_query_is_awaited_without_a_second_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> None:
        raise pycares.AresError("Failed to initialize c-ares channel")

    async with delayed_nameserver(by_name(0.15), LOOPBACK_RECORD) as port, resolver_at(port) as resolver:
        monkeypatch.setattr(resolver._fresh, "_make", none_left)
        assert [address[0] for _, address in await resolver.addresses(SLOW, 80)] == ["127.0.0.1"]
