"""Determine whether the other vantages deliver their observations in time, and which checks lost their quorum."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from monitor.delivery_status import Deliveries, DeliveryState, DeliveryStatus, QuorumLoss, VantageLink
from sla.interval import MINUTE, SECOND
from sla.vantage import MAX_CLOCK_OFFSET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.clock import Clock
    from monitor.health import Health
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.ledger import Ledger

log = structlog.get_logger()

STEP: Final = 200  # checks examined at once, about 1 ms on the event loop
# A vantage counts as delivering again after the hold plus this time: one late delivery is valid for the hold.
SETTLE: Final = 30 * SECOND
MAX_SETTLE: Final = 15 * MINUTE


@dataclass(slots=True)
class _Tally:
    """The checks of one vantage. `reference` is the newest observation, or since when one is expected."""

    checks: int = 0
    known: int = 0
    excused: int = 0
    newest: int | None = None
    reference: int = 0
    shortest_hold: int = 0
    longest_hold: int = 0
    missing: list[str] = field(default_factory=list)


class DeliveryWatch:
    """Writes `Health.deliveries`. After a start or reload, observations are expected within one hold."""

    def __init__(self, ledger: Ledger, health: Health, clock: Clock) -> None:
        self._ledger, self._health, self._clock = ledger, health, clock
        self._expected: dict[
            tuple[str, tuple[str, ...]], int
        ] = {}  # instant since which its vantages should deliver a check
        self._arrived: dict[str, int] = {}
        self._ahead: dict[str, tuple[int, int]] = {}  # instant and offset of the last observation ahead of our clock
        self._links: dict[str, VantageLink] = {}
        self._lost: dict[str, int] = {}

    def connected(self, vantage: str, link: VantageLink) -> None:
        """Record a request of a vantage that sends its observations over the network."""
        self._links[vantage] = link

    def arrived(self, vantage: str) -> None:
        """Record that new observations of the vantage arrived."""
        self._arrived[vantage] = self._clock.now()

    def ahead(self, vantage: str, offset: int) -> None:
        """Record that an observation of the vantage was `offset` microseconds ahead of this daemon's clock."""
        self._ahead[vantage] = self._clock.now(), offset

    async def update(self, problems: Mapping[str, str]) -> None:
        """Examine all checks, in steps. `problems` maps vantages to the reason why their file cannot be read."""
        now = self._clock.now()
        vantages = [vantage.id for vantage in self._ledger.portfolio.vantages]
        tallies, losses = {vantage: _Tally() for vantage in vantages}, list[QuorumLoss]()
        expected, undecided = dict[tuple[str, tuple[str, ...]], int](), False
        for number, entry in enumerate(list(self._ledger.entries.values()) if vantages else ()):
            if number % STEP == STEP - 1:
                await asyncio.sleep(0)
            if entry.paused or entry.votes is None:
                continue
            key = entry.key, entry.check.vantages
            since = expected[key] = self._expected.get(key, now)
            for vantage in entry.check.vantages[1:]:
                if vantage in tallies:
                    _count(tallies[vantage], entry, vantage, since, now)
            loss = self._loss(entry, since, now)
            losses += [] if loss is None else [loss]
            undecided = undecided or (loss is None and len(_able_vantages(entry, 0, now)) < entry.check.quorum.votes)
        self._expected, self._lost = expected, {loss.check: loss.since for loss in losses}
        statuses = tuple(self._status(name, tallies[name], problems.get(name, ""), now) for name in vantages)
        previous = self._health.deliveries
        assured = None if losses or undecided or not vantages else previous.assured_since or now
        settle = max((status.settle for status in statuses), default=0)
        self._health.deliveries = Deliveries(statuses, tuple(losses), assured, settle)
        _log_changes(previous, self._health.deliveries)

    def _loss(self, entry: CheckEntry, since: int, now: int) -> QuorumLoss | None:
        """Return the check's loss of quorum; None if enough vantages can vote or all of them deliver."""
        needed = entry.check.quorum.votes
        if len(_able_vantages(entry, since, now)) >= needed:
            return None
        blind = {one.id for one in self._health.deliveries.vantages if one.state is DeliveryState.BLIND}
        timelines = [(vantage, entry.view(vantage).timeline) for vantage in entry.check.vantages]
        if all(vantage not in blind and now <= _valid_until(line.last_at, entry, since) for vantage, line in timelines):
            return None
        lost = self._lost.get(entry.key, now)
        return QuorumLoss(entry.key, lost, _able_vantages(entry, 0, now), needed)

    def _status(self, vantage: str, tally: _Tally, problem: str, now: int) -> DeliveryStatus:
        state = self._state(vantage, tally, now)
        previous = next((one for one in self._health.deliveries.vantages if one.id == vantage), None)
        unchanged = previous is not None and _without_failure_kind(previous.state) == _without_failure_kind(state)
        since = previous.since if previous is not None and unchanged else now
        settle = min(tally.longest_hold, MAX_SETTLE) + SETTLE
        missing = tuple(tally.missing)
        ahead = self._ahead_by(vantage, tally, now)
        link = self._links.get(vantage)
        return DeliveryStatus(vantage, state, since, tally.newest, tally.checks, missing, problem, settle, ahead, link)

    def _ahead_by(self, vantage: str, tally: _Tally, now: int) -> int:
        """Return the offset of the vantage's clock in microseconds, 0 if no recent observation was ahead."""
        at, offset = self._ahead.get(vantage, (0, 0))
        measured = -self._certain_offset(vantage)
        return max(offset if now <= at + tally.shortest_hold else 0, measured if measured > MAX_CLOCK_OFFSET else 0)

    def _certain_offset(self, vantage: str) -> int:
        """Return the measured offset of the vantage's clock in microseconds, negative if it is ahead."""
        link = self._links.get(vantage)
        return 0 if link is None or link.clock is None else link.clock.certain

    def _state(self, vantage: str, tally: _Tally, now: int) -> DeliveryState:
        if not tally.checks:
            return DeliveryState.DELIVERING
        if self._certain_offset(vantage) > MAX_CLOCK_OFFSET:
            return DeliveryState.BEHIND
        if self._certain_offset(vantage) < -MAX_CLOCK_OFFSET:
            return DeliveryState.AHEAD
        if now > tally.reference + tally.shortest_hold:
            if self._ahead_by(vantage, tally, now):
                return DeliveryState.AHEAD
            arrived = self._arrived.get(vantage)
            late = arrived is not None and now <= arrived + tally.shortest_hold
            return DeliveryState.LAGGING if late else DeliveryState.SILENT
        if tally.missing:
            return DeliveryState.OUTDATED
        if tally.excused:
            return DeliveryState.WAITING
        return DeliveryState.DELIVERING if tally.known else DeliveryState.BLIND


def _count(tally: _Tally, entry: CheckEntry, vantage: str, since: int, now: int) -> None:
    timeline = entry.view(vantage).timeline
    newest, known_until = timeline.last_at, timeline.expires_at
    tally.checks += 1
    tally.known += known_until is not None and now <= known_until
    tally.excused += now > (newest or 0) + entry.hold
    tally.newest = newest if tally.newest is None else max(tally.newest, newest or 0)
    tally.reference = max(tally.reference, newest or 0, since)
    tally.shortest_hold = min(tally.shortest_hold or entry.hold, entry.hold)
    tally.longest_hold = max(tally.longest_hold, entry.hold)
    if now > _valid_until(newest, entry, since):
        tally.missing.append(entry.key)


def _valid_until(last: int | None, entry: CheckEntry, since: int) -> int:
    """Return the instant by which an observation must arrive. `since` is the start of its expectation."""
    return max(last or 0, since) + entry.hold


def _able_vantages(entry: CheckEntry, since: int, now: int) -> tuple[str, ...]:
    """Return the vantages with a valid known observation, and those from which none is due yet."""
    expires = ((vantage, entry.view(vantage).timeline.expires_at) for vantage in entry.check.vantages)
    return tuple(name for name, at in expires if now <= max(at or 0, since + entry.hold))


def _without_failure_kind(state: DeliveryState) -> DeliveryState:
    """Return one state for all failures, so that only a change between failing and working is logged."""
    return DeliveryState.SILENT if state.failing else state


def _log_changes(previous: Deliveries, deliveries: Deliveries) -> None:
    known = {one.id: one.state for one in previous.vantages}
    for one in deliveries.vantages:
        if known.get(one.id, DeliveryState.WAITING) is not one.state:
            write = log.warning if one.state.failing else log.info
            write("vantage_delivery", vantage=one.id, state=one.state.value, detail=one.summary, problem=one.problem)
