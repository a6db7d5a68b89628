"""The lookup of the host's name by the kinds other than dns, and their outcomes for names that are not found."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import pytest

from monitor.config.model import Family
from monitor.network.failure import ProbeFailure
from monitor.network.resolver import Resolver
from sla.observation import Outcome
from tests.support.addresses import closed_port
from tests.support.nameserver import (
    ONLY_ROOT_ANSWERS,
    Answering,
    answers_for_root_and_others,
    dns_records,
    framed_for_tcp,
    nameserver,
    no_response,
    servfail_except_for_root,
    truncated_response,
    with_other_id,
)
from tests.support.probing import attempt
from tests.support.servers import http_response, respond_with, serve_tcp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.probe_result import ProbeResult

NAME = "status.example.test"
SERVER_FAILURE = dns_records(rcode=dns.rcode.SERVFAIL)


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


@pytest.mark.fault(22)
async def test_silent_system_resolver_gives_unknown() -> None:
    result = await probe_named_host(no_response, seconds=0.2)
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "resolver_unreachable")


async def test_name_without_an_answer_from_its_servers_is_bad() -> None:
    result = await probe_named_host(ONLY_ROOT_ANSWERS, seconds=1)
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


@pytest.mark.fault(40)
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
