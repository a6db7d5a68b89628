"""Packet loss: when a probe that timed out is unknown because the references lose packets too."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from tests.support.watches import BAD, FOUR, GOOD, SIX, FakeAttempt, Target, run_watch

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.network.resolver import Address
    from monitor.probe_result import ProbeResult


class LossyTarget(Target):
    """A target of which each probe with a number in `lost` has no answer."""

    def __init__(self, name: str, lost: set[int], family: Address = FOUR) -> None:
        super().__init__(name, family)
        self.lost, self.numbers = lost, itertools.count()

    async def probe(self, attempt: Attempt) -> ProbeResult:
        cast("FakeAttempt", attempt).tried = (self.address,)
        return BAD if next(self.numbers) in self.lost else GOOD


# The first 12 probes measure the loss, the next one asks whether the vantage is blind.
@pytest.mark.parametrize(
    ("first", "second", "timeout", "reason", "expected"),
    [
        ({3, 9}, {1, 11}, 0.2, "connect_timeout", "vantage_blind"),
        ({3, 9}, {1, 11}, 0.2, "read: deadline", "vantage_blind"),
        ({3, 9}, {1}, 0.2, "connect_timeout", "connect_timeout"),  # the second reference loses too little
        (set(range(20)), set(), 0.2, "connect_timeout", "connect_timeout"),  # the first one is down
        ({3, 9}, {1, 11}, 1.0, "connect_timeout", "connect_timeout"),  # TCP repeats a packet within this timeout
        ({3, 9}, {1, 11}, 0.2, "connect_refused", "connect_refused"),  # the target answered
    ],
)
async def test_timed_out_probe_is_unknown_if_all_references_lose_packets(
    first: set[int], second: set[int], timeout: float, reason: str, expected: str
) -> None:
    """If the timeout is too short to repeat a lost packet."""
    async with run_watch(LossyTarget("outside", first), LossyTarget("elsewhere", second)) as vantage:
        result = await vantage.judge(FOUR, timeout=timeout, result=replace(BAD, reason=reason))
        assert result.reason == expected
        assert expected != "vantage_blind" or "the references lose packets too" in result.detail


async def test_probe_that_does_not_time_out_is_not_measured() -> None:
    """Its outcome costs one probe of the reference, as without the rule."""
    outside = LossyTarget("outside", set(range(1, 100)))
    async with run_watch(outside) as vantage:
        refused = replace(BAD, reason="connect_refused")
        assert await vantage.judge(FOUR, timeout=0.2, result=refused) is refused
        assert await vantage.judge(FOUR, timeout=1.0) is BAD
        assert next(outside.numbers) == 1


async def test_blind_outcome_does_not_wait_for_a_measurement() -> None:
    outside = Target("outside")
    async with run_watch(outside) as vantage:
        start = vantage.clock.monotonic()
        outside.answer(BAD)
        await vantage.watch.ask("outside")
        outside.answer(None)
        assert (await vantage.judge(FOUR, started=start, timeout=0.2)).reason == "vantage_blind"


async def test_outcomes_within_two_seconds_share_a_measurement() -> None:
    outside = LossyTarget("outside", set(range(1, 100)))
    async with run_watch(outside) as vantage:
        await asyncio.gather(*(vantage.judge(FOUR, timeout=0.2) for _ in range(5)))
        assert next(outside.numbers) < 20
        await vantage.clock.advance(3)
        await vantage.judge(FOUR, timeout=0.2)
        assert next(outside.numbers) > 24


async def test_loss_is_measured_over_the_family_of_the_target() -> None:
    four, six = LossyTarget("four", set(range(1, 100))), LossyTarget("six", set(), SIX)
    async with run_watch(four, six) as vantage:
        assert (await vantage.judge(FOUR, timeout=0.2)).reason == "vantage_blind"
        assert (await vantage.judge(SIX, timeout=0.2)).reason == "connect_timeout"
