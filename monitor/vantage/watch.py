"""Ask the references, publish whether the vantage can observe, and decide whether a bad outcome is unknown.

A bad outcome waits until references that were asked after the failure have answered, at most LONGEST_WAIT. If all of
them failed, then or in an earlier probe that was sent since the outcome's probe began, it becomes unknown
(`vantage_blind`), also if it may be a lost packet and the references lose packets (`packet_loss`). Nothing that is
recorded changes afterwards.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from monitor.config.references import LONGEST_WAIT
from monitor.network.failure import DETAIL_LIMIT
from monitor.probe_result import VANTAGE
from monitor.vantage.packet_loss import PacketLoss, all_lose_packets, may_be_a_lost_packet
from monitor.vantage.reference import family_name, has_responded, references_of
from monitor.vantage.reference_state import Answer, ReferenceState, answers_since, identity, with_pending_failed
from monitor.vantage_status import VantageStatus
from sla.interval import SECOND
from sla.observation import Outcome
from sla.vantage import BLIND_REASON, blind_families, is_hidden, observable_families

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

    from monitor.clock import Clock
    from monitor.config.model import Portfolio
    from monitor.health import Health
    from monitor.network.attempt import Attempt, Probe
    from monitor.network.resolver import Address
    from monitor.probe_result import ProbeResult
    from monitor.vantage.packet_loss import Measurement
    from monitor.vantage.reference import Reference

    Judge = Callable[[Attempt, float, ProbeResult], Awaitable[ProbeResult]]
    MakeAttempt = Callable[[Probe, float], Awaitable[tuple[int, ProbeResult, float]]]

log = structlog.get_logger()

MIN_GAP: Final = 0.25  # seconds between two probes of one reference, so that failing checks do not flood it
_MIN_SYSTEM: Final = 2  # the machine's own references decide only together, because any of them may be silent


class VantageWatch:
    """The references of this vantage. Use it on the event loop's thread only.

    `make_attempt` makes one attempt with a timeout in seconds, as `Runner.attempt`. `longest_wait` is in seconds.
    `prepared` are the references that the next `load` uses.
    """

    def __init__(
        self, clock: Clock, health: Health, make_attempt: MakeAttempt, longest_wait: float = LONGEST_WAIT / SECOND
    ) -> None:
        self._clock, self._health, self._make_attempt = clock, health, make_attempt
        self._longest_wait = longest_wait
        self._packet_loss = PacketLoss(clock, make_attempt)
        self._states: dict[str, ReferenceState] = {}
        self.prepared: list[Reference] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._answered = asyncio.Event()  # replaced after each answer

    def prepare(self, portfolio: Portfolio) -> None:
        """Prepare the references of a portfolio before it becomes active. Slow: call it in a thread while probing."""
        self.prepared = references_of(portfolio)

    def load(self) -> Sequence[Reference]:
        """Use the prepared references and return them. One with the same target keeps its last answer."""
        previous, self._states = self._states, {}
        for reference in self.prepared:
            known = previous.get(reference.id)
            if known is not None and identity(known.reference) == identity(reference):
                known.reference = reference
            else:
                known = ReferenceState(reference)
            self._states[reference.id] = known
        self._publish()
        return self.prepared

    async def run(self) -> None:
        """Probe the references of waiting outcomes until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._tasks = None

    async def ask(self, reference_id: str) -> None:
        """Probe a reference once, and publish its answer."""
        if (state := self._states.get(reference_id)) is not None:
            await self._ask(state)

    def network(self, via: str | None) -> str | None:
        """Return the network whose references decide for products behind `via`: the uplink (None) without any."""
        return via if self._references_of(via) else None

    def judge(self, via: str | None) -> Judge | None:
        """Return the function that decides about bad outcomes of products behind a network; None without references."""
        via = self.network(via)
        return partial(self._judge, via) if self._references_of(via) else None

    async def _judge(self, via: str | None, attempt: Attempt, started: float, result: ProbeResult) -> ProbeResult:
        """Return the bad result, or unknown if this vantage was blind. `started`: moment at which the probe began."""
        targets = () if attempt.relayed else attempt.tried  # a relay's address may differ in family from its target's
        needs_uplink = via is None and not all(member.reference.loopback for member in self._deciding_members(via))
        target_addresses = _without_loopback(targets) if needs_uplink else targets
        if targets and not target_addresses:
            return result
        families = {family_name(family) for family, _ in target_addresses}
        measurements = self._loss_measurements(via, families, attempt.deadline - started, result)
        if await self._is_hidden(via, families, started, self._clock.monotonic()):
            return _blind(result, self._deciding_members(via))
        is_lossy = await all_lose_packets(measurements)
        return _unknown(result, "the references lose packets too") if is_lossy else result

    def _loss_measurements(
        self, via: str | None, families: set[str], seconds: float, result: ProbeResult
    ) -> list[Measurement]:
        """Return measurements of the references over these families; none if a lost packet does not explain the result.

        It does if the probe exceeded its timeout in seconds, and that is too short to repeat a packet.
        """
        if self._tasks is None or not may_be_a_lost_packet(result, seconds):
            return []
        references = [member.reference for member in self._deciding_members(via)]
        same = [reference for reference in references if reference.families & families]
        return self._packet_loss.measure(same or references, self._tasks)

    async def refresh(self, via: str | None) -> None:
        """Ask the references of a network, and return when they have answered, or after the longest wait."""
        now = self._clock.monotonic()
        await self._is_hidden(via, (), now, now)

    def was_blind(self, via: str | None, instant: int) -> bool:
        """Return whether nothing could be observed through a network at some time since the instant."""
        status = next((vantage for vantage in self._health.vantages if vantage.via == via), None)
        if status is None:
            return False
        return status.fully_blind or (status.blind_until is not None and status.blind_until > instant)

    async def _is_hidden(self, via: str | None, families: Collection[str], started: float, failed: float) -> bool:
        """Return whether blindness hides targets that were tried over these families between the two moments.

        It does if all deciding references failed that are asked since `failed`, or each failed in a probe sent since
        `started`. False without references, and when the watch is stopping.
        """
        decisive = self._deciding_members(via)
        if not decisive or self._tasks is None:
            return False
        try:
            async with asyncio.timeout(self._longest_wait):
                while not is_hidden(
                    observable_families([member.failed_since(started) for member in decisive]), families
                ):
                    self._ask_again(decisive, failed)
                    if (
                        hidden := is_hidden(observable_families(answers_since(decisive, failed)), families)
                    ) is not None:
                        return hidden
                    await self._answered.wait()
        except TimeoutError:
            return bool(is_hidden(observable_families(with_pending_failed(answers_since(decisive, failed))), families))
        return True

    def _ask_again(self, references: Iterable[ReferenceState], moment: float) -> None:
        """Probe the references that were not probed since the moment, unless they are queued already."""
        assert self._tasks is not None, "checked by the caller"  # noqa: S101 - for the type checker
        for state in references:
            if state.asked < moment and not state.queued:
                state.queued = True
                self._tasks.create_task(self._ask_soon(state), name=f"reference:{state.reference.id}")

    async def _ask_soon(self, state: ReferenceState) -> None:
        try:
            await self._clock.sleep_until(state.asked + MIN_GAP)
        finally:
            state.queued = False
        await self._ask(state)

    async def _ask(self, state: ReferenceState) -> None:
        asked_at = state.asked = self._clock.monotonic()
        attempts: list[Attempt] = []

        async def probe(attempt: Attempt) -> ProbeResult:
            attempts.append(attempt)
            return await state.reference.probe(attempt)

        at, result, duration = await self._make_attempt(probe, state.reference.timeout / SECOND)
        reached = _reached_families(state.reference, attempts, result)
        if reached:
            state.ever_answered = True
        else:
            state.failed = max(state.failed, asked_at)
        if state.answer is None or state.answer.asked <= asked_at:  # otherwise a later probe was faster
            state.answer = Answer(asked_at, at, result, duration, reached)
            self._publish()
        self._answered.set()
        self._answered = asyncio.Event()

    def _references_of(self, via: str | None) -> list[ReferenceState]:
        return [state for state in self._states.values() if state.reference.via == via]

    def _deciding_members(self, via: str | None) -> list[ReferenceState]:
        """Return the references that decide: the far ones, else the near ones that are configured, else the machine's.

        The machine's decide once two of them have answered: many gateways never answer.
        """
        references = self._references_of(via)
        configured = [member for member in references if not member.reference.system]
        if configured:
            far = [member for member in configured if not member.reference.near]
            return [member for member in far or configured if not member.reference.forbidden]
        alive = [member for member in references if member.ever_answered]
        return alive if len(alive) >= _MIN_SYSTEM else []

    def _publish(self) -> None:
        """Write the status of each vantage to `health`, and log changes."""
        previous = {status.id: status for status in self._health.vantages}
        networks = dict.fromkeys(state.reference.via for state in self._states.values())
        self._health.vantages = tuple(self._status(via, previous) for via in networks)

    def _status(self, via: str | None, previous: dict[str, VantageStatus]) -> VantageStatus:
        name = VANTAGE if via is None else f"{VANTAGE}/{via}"
        before, now = previous.get(name), self._clock.now()
        sees = observable_families(answers_since(self._deciding_members(via), -math.inf))
        blind = blind_families(sees)
        changed = before is not None and before.blind != blind
        if changed:
            log.warning("vantage_blind" if blind else "vantage_sees", vantage=name, families=list(blind))
        since = now if before is None or changed else before.since
        until = before.blind_until if before is not None else None
        if before is not None and before.fully_blind:
            until = now
        references = tuple(state.status() for state in self._references_of(via))
        blind_since = {family: now if before is None else before.blind_since.get(family, now) for family in blind}
        return VantageStatus(name, via, since, sees, references, until, blind_since)


def _reached_families(reference: Reference, attempts: Sequence[Attempt], result: ProbeResult) -> frozenset[str]:
    """Return the families that a reference responded over. `attempts` has its attempt, if that began."""
    if not any(has_responded(reference.kind, attempt, result) for attempt in attempts):
        return frozenset()
    return frozenset(family_name(family) for family, _ in attempts[0].tried) or reference.families


def _without_loopback(addresses: Iterable[Address]) -> list[Address]:
    """Return the addresses that are not on this machine: a loopback target needs no uplink."""
    return [address for address in addresses if not ipaddress.ip_address(address[1][0].partition("%")[0]).is_loopback]


def _blind(result: ProbeResult, decisive: Sequence[ReferenceState]) -> ProbeResult:
    names = ", ".join(state.reference.id for state in decisive)
    return _unknown(result, f"no answer from the references {names}")


def _unknown(result: ProbeResult, cause: str) -> ProbeResult:
    detail = f"{result.reason}; {cause}; {result.detail}"
    return replace(result, outcome=Outcome.UNKNOWN, reason=BLIND_REASON, detail=detail[:DETAIL_LIMIT])
