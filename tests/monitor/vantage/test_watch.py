"""The watch of references: when a bad outcome becomes unknown, how long it waits, and the published status."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, cast

import pytest

from monitor.probe_result import ProbeResult
from sla.observation import Outcome
from sla.vantage import IP4, IP6
from tests.support.clocks import settle
from tests.support.watches import BAD, FOUR, GOOD, SIX, FakeAttempt, Target, run_watch

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.network.resolver import Address

LOOPBACK: Address = (socket.AF_INET, ("127.0.0.1", 443))


async def test_bad_outcome_is_unknown_when_all_far_references_fail() -> None:
    outside, elsewhere, gateway = Target("outside"), Target("elsewhere"), Target("gateway", near=True)
    async with run_watch(outside, elsewhere, gateway) as vantage:
        gateway.answer(GOOD)
        outside.answer(BAD)
        elsewhere.answer(ProbeResult(Outcome.UNKNOWN, "no_route"))
        result = await vantage.judge(FOUR)
        assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "vantage_blind")
        assert result.detail == "connect_timeout; no answer from the references outside, elsewhere; " + BAD.detail
        assert vantage.sees() == {IP4: False}


async def test_bad_outcome_is_kept_when_one_far_reference_answers() -> None:
    outside, silent = Target("outside"), Target("silent")
    async with run_watch(outside, silent) as vantage:
        outcome = asyncio.create_task(vantage.judge(FOUR))
        await settle()
        assert not outcome.done()
        outside.answer(GOOD)
        assert await outcome is BAD
        assert vantage.sees() == {IP4: True}


async def test_only_answers_to_probes_sent_after_the_failure_count() -> None:
    """The references answered while the probe ran, then the uplink failed."""
    outside = Target("outside")
    async with run_watch(outside) as vantage:
        await vantage.clock.advance(2)
        outside.answer(GOOD)
        await vantage.watch.ask("outside")
        await vantage.clock.advance(8)
        outside.answer(BAD)
        assert (await vantage.judge(FOUR, started=0.0)).reason == "vantage_blind"
        assert outside.probes == 2


async def test_outcome_does_not_wait_when_the_references_answered_since_the_failure() -> None:
    outside = Target("outside")
    async with run_watch(outside) as vantage:
        outside.answer(GOOD)
        await vantage.clock.advance(10)
        await vantage.watch.ask("outside")
        assert await vantage.judge(FOUR, started=5.0) is BAD
        assert outside.probes == 1


async def test_uplink_that_returned_before_the_failure_still_hides_it() -> None:
    """The references failed while the probe ran, and answer again when it fails."""
    outside, elsewhere = Target("outside"), Target("elsewhere")
    async with run_watch(outside, elsewhere) as vantage:
        start = vantage.clock.monotonic()
        for target in (outside, elsewhere):
            await vantage.clock.advance(1)
            target.answer(BAD)
            await vantage.watch.ask(target.reference.id)
        await vantage.clock.advance(1)
        for target in (outside, elsewhere):
            target.answer(GOOD)
            await vantage.watch.ask(target.reference.id)
        await vantage.clock.advance(1)
        assert (await vantage.judge(FOUR, started=start)).reason == "vantage_blind"
        assert await vantage.judge(FOUR, started=start + 1.5) is BAD, "outside failed only before this probe began"


async def test_failure_that_is_known_after_a_later_answer_counts() -> None:
    outside = Target("outside")
    async with run_watch(outside) as vantage:
        start = vantage.clock.monotonic()
        early = asyncio.create_task(vantage.watch.ask("outside"))
        await settle()
        waiting, outside.answered = outside.answered, asyncio.Event()
        await vantage.clock.advance(1)
        outside.answer(GOOD)
        await vantage.watch.ask("outside")
        outside.result = BAD
        waiting.set()
        await early
        assert vantage.sees() == {IP4: True}
        await vantage.clock.advance(1)
        outside.answer(GOOD)
        assert (await vantage.judge(FOUR, started=start)).reason == "vantage_blind"


@pytest.mark.parametrize(
    ("kind", "result", "reason"),
    [
        ("http", ProbeResult(Outcome.BAD, "http_status", 503, {"connect": 0.1, "first_byte": 0.1}), BAD.reason),
        ("http", ProbeResult(Outcome.UNKNOWN, "rate_limited", 429, {"connect": 0.1, "transfer": 0.1}), BAD.reason),
        ("http", ProbeResult(Outcome.BAD, "tls_expired", None, {"connect": 0.1, "tls": 0.1}), BAD.reason),
        ("http", ProbeResult(Outcome.BAD, "connect_timeout", None, {"resolve": 0.1, "connect": 0.1}), "vantage_blind"),
        ("dns", ProbeResult(Outcome.BAD, "dns_rcode", None, {"resolve": 0.1}), BAD.reason),
        ("dns", ProbeResult(Outcome.BAD, "answer_too_long", None, {"resolve": 0.1}), BAD.reason),
        ("dns", ProbeResult(Outcome.BAD, "dns_timeout", None, {"resolve": 0.1}), "vantage_blind"),
        ("icmp", ProbeResult(Outcome.BAD, "deadline", None, {"first_byte": 0.1}), "vantage_blind"),
    ],
)
async def test_unexpected_response_shows_that_the_connection_works(kind: str, result: ProbeResult, reason: str) -> None:
    outside = Target("outside", kind=kind)
    async with run_watch(outside) as vantage:
        outside.answer(result)
        assert (await vantage.judge(FOUR)).reason == reason


async def test_response_of_a_relay_shows_nothing() -> None:
    """A proxy or a stub resolver responds without the uplink, for example with 503."""
    outside = Target("outside", kind="http", relayed=True)
    async with run_watch(outside) as vantage:
        outside.answer(ProbeResult(Outcome.BAD, "http_status", 503, {"connect": 0.1, "first_byte": 0.1}))
        assert (await vantage.judge(FOUR)).reason == "vantage_blind"


async def test_references_that_do_not_answer_in_time_have_failed() -> None:
    outside = Target("outside")
    async with run_watch(outside, longest_wait=0.0) as vantage:
        assert (await vantage.judge(FOUR)).reason == "vantage_blind"


async def test_many_bad_outcomes_share_the_probes_of_a_reference() -> None:
    outside = Target("outside")
    async with run_watch(outside) as vantage:
        outcomes = [asyncio.create_task(vantage.judge(FOUR)) for _ in range(100)]
        await settle()
        outside.answer(GOOD)
        assert await asyncio.gather(*outcomes) == [BAD] * 100
        assert outside.probes == 1


async def test_a_reference_is_not_probed_again_at_once() -> None:
    outside = Target("outside")
    async with run_watch(outside) as vantage:
        outside.answer(GOOD)
        assert await vantage.judge(FOUR) is BAD
        await vantage.clock.advance(0.1)
        outcome = asyncio.create_task(vantage.judge(FOUR))
        await settle()
        assert (outcome.done(), outside.probes) == (False, 1)
        await vantage.clock.advance(0.15)
        assert (await outcome, outside.probes) == (BAD, 2)


@pytest.mark.parametrize(
    ("tried", "reason"),
    [
        ((SIX,), "vantage_blind"),
        ((FOUR,), "connect_timeout"),
        ((FOUR, SIX), "connect_timeout"),
        ((), "connect_timeout"),
    ],
)
async def test_each_family_has_its_own_references(tried: tuple[Address, ...], reason: str) -> None:
    """Only IPv6 is broken."""
    four, six = Target("four"), Target("six", SIX)
    async with run_watch(four, six) as vantage:
        four.answer(GOOD)
        six.answer(BAD)
        assert (await vantage.judge(*tried)).reason == reason


async def test_target_on_this_machine_needs_no_uplink() -> None:
    outside = Target("outside")
    async with run_watch(outside) as vantage:
        outside.answer(BAD)
        assert await vantage.judge(LOOPBACK) is BAD
        assert outside.probes == 0


@pytest.mark.parametrize("ip6", [GOOD, BAD])
async def test_relay_on_this_machine_needs_the_uplink(ip6: ProbeResult) -> None:
    """A stub resolver or a proxy at 127.0.0.1 connects over any family."""
    four, six = Target("four"), Target("six", SIX)
    async with run_watch(four, six) as vantage:
        four.answer(BAD)
        six.answer(ip6)
        result = await vantage.judge(LOOPBACK, relayed=True)
        assert result.reason == ("vantage_blind" if ip6 is BAD else BAD.reason)


async def test_references_on_this_machine_decide_for_targets_on_it() -> None:
    local = Target("local", loopback=True)
    async with run_watch(local) as vantage:
        local.answer(BAD)
        assert (await vantage.judge(LOOPBACK)).reason == "vantage_blind"


async def test_reference_that_this_process_may_not_probe_decides_nothing() -> None:
    """Pings need a permission. Without it the answers of a reference are not known, neither good nor bad."""
    ping, outside = Target("ping", kind="icmp", forbidden=True), Target("outside")
    ping.answer(ProbeResult(Outcome.UNKNOWN, "forbidden_locally"))
    async with run_watch(ping, outside) as vantage:
        outside.answer(BAD)
        assert (await vantage.judge(FOUR)).reason == "vantage_blind"
        await vantage.watch.ask("ping")
        assert [reference.good for reference in vantage.health.vantages[0].references] == [None, False]
    async with run_watch(ping, Target("gateway", near=True)) as vantage:
        await vantage.watch.ask("ping")
        assert await vantage.judge(FOUR) is BAD
        assert vantage.sees() == {}


async def test_named_network_has_its_own_references() -> None:
    outside, inside = Target("outside"), Target("inside", via="vpn")
    async with run_watch(outside, inside) as vantage:
        outside.answer(GOOD)
        inside.answer(BAD)
        assert (await vantage.judge(FOUR, via="vpn")).reason == "vantage_blind"
        assert (await vantage.judge(LOOPBACK, via="vpn")).reason == "vantage_blind"  # for example a tunnel's local end
        assert await vantage.judge(FOUR) is BAD
        assert await vantage.judge(FOUR, via="other") is BAD  # without references of its own: those of the uplink
        assert [status.id for status in vantage.health.vantages] == ["local", "local/vpn"]


async def test_references_of_the_machine_decide_when_two_of_them_have_answered_before() -> None:
    """Many gateways answer no ping, so one silent gateway must not hide outages."""
    gateway, resolver = (Target(name, near=True, system=True) for name in ("gateway", "resolver"))
    async with run_watch(gateway, resolver) as vantage:
        gateway.answer(GOOD)
        await vantage.watch.ask("gateway")
        resolver.answer(BAD)
        gateway.answer(BAD)
        assert await vantage.judge(FOUR) is BAD
        resolver.answer(GOOD)
        await vantage.watch.ask("resolver")
        await vantage.clock.advance(1)
        resolver.answer(BAD)
        assert (await vantage.judge(FOUR)).reason == "vantage_blind"


async def test_slow_answer_does_not_replace_a_later_one() -> None:
    outside = Target("outside")
    async with run_watch(outside) as vantage:
        early = asyncio.create_task(vantage.watch.ask("outside"))
        await settle()
        await vantage.clock.advance(1)
        late = asyncio.create_task(vantage.watch.ask("outside"))
        await settle()
        first, outside.answered = outside.answered, asyncio.Event()
        outside.result = GOOD
        first.set()
        await asyncio.gather(early, late)
        assert vantage.sees() == {IP4: True}


async def test_status_keeps_the_instant_of_its_last_change() -> None:
    outside = Target("outside")
    async with run_watch(outside) as vantage:
        outside.answer(GOOD)
        await vantage.watch.ask("outside")
        start = vantage.health.vantages[0].since
        await vantage.clock.advance(10)
        outside.answer(BAD)
        await vantage.watch.ask("outside")
        await vantage.clock.advance(10)
        await vantage.watch.ask("outside")
        (status,) = vantage.health.vantages
        assert (status.blind, status.since - start) == ((IP4,), 10_000_000)
        assert (status.references[0].good, status.references[0].reason) == (False, "connect_timeout")


async def test_status_keeps_since_when_each_family_is_blind() -> None:
    four, six = Target("four"), Target("six", SIX)
    async with run_watch(four, six) as vantage:
        start = vantage.clock.now()
        six.answer(BAD)
        await vantage.watch.ask("six")
        await vantage.clock.advance(10)
        four.answer(BAD)
        await vantage.watch.ask("four")
        assert vantage.health.vantages[0].blind_since == {IP4: start + 10_000_000, IP6: start}
        await vantage.clock.advance(10)
        four.answer(GOOD)
        await vantage.watch.ask("four")
        assert vantage.health.vantages[0].blind_since == {IP6: start}


async def test_reload_keeps_the_answers_of_unchanged_references() -> None:
    outside = Target("outside")
    async with run_watch(outside) as vantage:
        outside.answer(BAD)
        await vantage.watch.ask("outside")
        vantage.watch.prepared = [outside.reference, Target("new").reference]
        vantage.watch.load()
        assert [reference.good for reference in vantage.health.vantages[0].references] == [False, None]
        await vantage.watch.ask("removed")  # by a job of the previous configuration
        assert vantage.sees() == {IP4: None}


async def test_without_references_nothing_is_judged() -> None:
    async with run_watch() as vantage:
        assert vantage.watch.judge(None) is None
        assert vantage.health.vantages == ()


async def test_outcome_is_kept_after_the_watch_stopped() -> None:
    outside = Target("outside")
    async with run_watch(outside) as vantage:
        judge = vantage.watch.judge(None)
    assert judge is not None
    assert await judge(cast("Attempt", FakeAttempt(FOUR)), 0.0, BAD) is BAD
