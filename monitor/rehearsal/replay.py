"""Replay recorded observations with the decisions of a daemon: the same recorder, incidents, alerts, routes and mutes.

The daemon updates alerts once per second. A replay skips the updates that have no effect. While every product is up and
was up for the longest short look-back of a burn policy, it skips all updates. While an alert is open, it updates at the
deadlines of alerting and at full minutes, and every second for `BUSY_TIME` after a change.

Nothing is sent. Notifications count as delivered when they are due.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from monitor.alerting.conditions import UPDATES_PER_ROUND
from monitor.alerting.service import Alerting
from monitor.engine.recorder import Recorder
from monitor.facts.fact_index import Facts
from monitor.facts.pauses import configured_pauses
from monitor.health import Health
from monitor.notification import NO_DECISIONS, Kind
from monitor.probe_result import ProbeResult
from monitor.rehearsal.observations import arrival
from sla.alerting import BURN_POLICIES
from sla.fact import DEFINITION, MAINTENANCE
from sla.incident import Phase
from sla.interval import MINUTE, SECOND, Interval
from sla.observation import Outcome
from sla.votes import Quorum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from monitor.as_of import RecordContent
    from monitor.config.model import Portfolio
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.ledger import Ledger
    from monitor.notification import Decided, Notification
    from monitor.storage.frames import Cursor
    from monitor.storage.record_writer import Committed
    from sla.fact import Fact
    from sla.incident import Incident
    from sla.latency_day import LatencyDay
    from sla.observation import Observation, Run
    from sla.page_response import Response
    from sla.product_incident import ProductIncident

UPDATE_INTERVAL: Final = SECOND
BUSY_TIME: Final = 5 * MINUTE  # after a change; longer than the delay of the alert of a blind monitor
_BURN_TIME: Final = max(policy.short for policy in BURN_POLICIES)  # how long a burn alert may open after downtime
_STOPPED_AFTER: Final = MINUTE  # the daemon was stopped if no observation arrives for this long after the longest hold


class ReplayClock:
    """A clock that returns the instant of the replay."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.stepped = 0

    def now(self) -> int:
        """Return the instant of the replay."""
        return self.at

    def monotonic(self) -> float:
        """Return the instant of the replay in seconds."""
        return self.at / SECOND

    async def sleep_until(self, moment: float) -> None:
        """Return immediately: a replay does not wait."""

    def follow_wall_clock(self) -> int:
        """Return 0: there is no other clock."""
        return 0


class DecisionCollector:
    """A writer that collects the notifications in memory. `changed` is True after a decision, until it is reset."""

    def __init__(self) -> None:
        self.notifications: dict[tuple[str, str, int], Notification] = {}
        self.changed = False

    def listen(self, listener: Callable[[Committed], None]) -> None:
        """Do nothing: nothing is written."""

    def start(self) -> None:
        """Do nothing."""

    def put(
        self,
        observation: Observation,
        runs: Sequence[Run] = (),
        incident: Incident | None = None,
        decided: Decided = NO_DECISIONS,
    ) -> None:
        """Collect the decision."""
        if incident is not None:
            self.put_decided(decided)
            self.changed = True

    def put_decided(self, decided: Decided, *, urgent: bool = True) -> None:
        """Collect the notifications; a changed notification replaces the previous version."""
        for row in decided.notifications:
            if row.event is not Kind.HEARTBEAT:
                self.notifications[row.identity] = row
                self.changed = True
        self.changed |= bool(decided.incidents)

    def put_cursor(self, cursor: Cursor) -> None:
        """Do nothing: a rehearsal has no other vantages."""

    def put_latency_days(self, days: Sequence[LatencyDay]) -> None:
        """Do nothing."""

    def put_folded(self, runs: Sequence[Run], until: int | None) -> None:
        """Do nothing."""

    def put_incident(self, incident: Incident, decided: Decided | None = None) -> None:
        """Do nothing."""

    def put_facts(self, facts: Sequence[Fact]) -> None:
        """Do nothing."""

    def retain(self, since: int) -> None:
        """Do nothing."""

    def close(self, patience: float = 5.0) -> bool:
        """Return True, because there is nothing to write."""
        return True


@dataclass(frozen=True, slots=True)
class EarlierIncidents:
    """The product incidents before the replay, for flap damping. It has no notifications and responses."""

    incidents: list[ProductIncident]

    def load_product_incidents(self) -> list[ProductIncident]:
        """Return the product incidents."""
        return self.incidents

    def load_notifications(self) -> list[Notification]:
        """Return an empty list."""
        return []

    def load_responses(self) -> list[Response]:
        """Return an empty list."""
        return []


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The result of a replay: the notifications in the order in which they were decided, and the ledger at the end.

    `defects` is the number of errors in alerting; the log describes them.
    """

    portfolio: Portfolio
    span: Interval
    notifications: list[Notification]
    ledger: Ledger
    defects: int = 0


@dataclass(slots=True)
class Replay:
    """A replay of a recorded time span with one configuration.

    `start` is the content of the record at the start of the span. `facts` has all facts; a fact applies from the
    instant at which it was made. Recorded definitions and maintenance plans are ignored: those of the configuration
    apply to the complete span, as does `enabled: false`. `before` has the recorded product incidents. Only this vantage
    decides.
    """

    portfolio: Portfolio
    start: RecordContent
    facts: Sequence[Fact]
    span: Interval
    before: Sequence[ProductIncident] = ()
    _clock: ReplayClock = field(init=False)
    _ledger: Ledger = field(init=False)
    _decisions: DecisionCollector = field(init=False)
    _health: Health = field(init=False)
    _alerting: Alerting = field(init=False)
    _recorder: Recorder = field(init=False)
    _pending_facts: list[Fact] = field(init=False)
    _busy_until: int = field(init=False)
    _burning_until: dict[str, int] = field(init=False)
    _last: dict[str, Outcome] = field(init=False, default_factory=dict)
    _updated_at: int = field(init=False)
    _last_arrival: int = field(init=False)

    def __post_init__(self) -> None:
        for _, check in self.portfolio.checks():
            check.set_vantages((), Quorum.majority(1))
        start = self.span.start
        relevant = (fact for fact in self.facts if fact.kind not in (DEFINITION, MAINTENANCE))
        facts = sorted(relevant, key=lambda fact: fact.made)
        self._pending_facts = [fact for fact in facts if fact.made > start]
        disabled = [pause.fact() for pause in configured_pauses(self.portfolio, start).values()]
        self._clock, self._decisions, self._health = ReplayClock(start), DecisionCollector(), Health()
        content = self.start.with_facts([*(fact for fact in facts if fact.made <= start), *disabled])
        self._ledger = content.ledger(self.portfolio)
        self._alerting = Alerting(self._ledger, self._decisions, self._clock, self._health)
        self._recorder = Recorder(self._ledger, self._decisions, self._health, decide=self._alerting.changed)
        self._busy_until = start + BUSY_TIME
        self._burning_until = dict.fromkeys(self._ledger.products, start + _BURN_TIME)
        self._updated_at = self._last_arrival = start

    async def run(self, observations: Iterable[Observation]) -> ReplayResult:
        """Replay the observations in the order of their arrival, and return the notifications."""
        start = self.span.start
        resolved = [
            incident for incident in self.before if incident.resolved is not None and incident.resolved <= start
        ]
        self._alerting.restore(EarlierIncidents(resolved))
        for observation in observations:
            entry = self._ledger.entries.get(self._ledger.former_ids.check(observation.check))
            if entry is not None and entry.check.enabled and entry.product.enabled:
                await self._update_until(arrival(observation))
                self._record(observation, entry)
        await self._update_until(self.span.end)
        rows = self._decisions.notifications.values()
        notifications = sorted(rows, key=lambda row: (row.made, row.turn, row.key, row.receiver))
        return ReplayResult(self.portfolio, self.span, notifications, self._ledger, self._health.alerting_defects)

    def _record(self, observation: Observation, entry: CheckEntry) -> None:
        """Record one observation as the daemon does after a probe."""
        outcome, latency = observation.outcome, observation.latency or 0
        self._clock.at, self._last_arrival = max(self._clock.at, arrival(observation)), arrival(observation)
        self._add_due_facts()
        previous = self._last.get(entry.key, Outcome.GOOD if entry.tracker.phase is Phase.CLEAR else Outcome.BAD)
        result, recheck = ProbeResult(outcome, observation.reason), observation.recheck
        self._recorder.record(entry, result, observation.at, latency / SECOND, recheck=recheck)
        if outcome is not Outcome.UNKNOWN:
            self._last[entry.key] = outcome
        if Outcome.BAD in (outcome, previous):
            self._burning_until[entry.product.id] = observation.at + entry.hold + _BURN_TIME
        if outcome is not previous or self._decisions.changed:
            self._handle_change()

    def _handle_change(self) -> None:
        self._decisions.changed = False
        self._busy_until = self._clock.at + BUSY_TIME
        self._deliver()

    async def _update_until(self, instant: int) -> None:
        """Make all updates until the instant that may have an effect."""
        while (next_update := self._next_update()) <= min(instant, self.span.end):
            skipped = (next_update - self._updated_at) // UPDATE_INTERVAL - 1
            self._alerting.skip(skipped)
            self._updated_at, self._clock.at = next_update, max(self._clock.at, next_update)
            self._add_due_facts()
            await self._alerting.update()
            if self._decisions.changed:
                self._handle_change()
            self._deliver()

    def _next_update(self) -> int:
        """Return the instant of the next update that may have an effect."""
        first = self._updated_at + UPDATE_INTERVAL
        if self._clock.at > first:
            first += -(-(self._clock.at - first) // UPDATE_INTERVAL) * UPDATE_INTERVAL
        longest_hold = max((entry.hold for entry in self._ledger.entries.values()), default=0)
        if first > self._last_arrival + longest_hold + _STOPPED_AFTER:
            return self.span.end + 1  # the daemon did not run until the next observation
        if self._alerting.needs_updates and first <= self._busy_until:
            return first
        candidates = [self._next_update_of_product(number, first) for number in self._changing_burn_alerts(first)]
        if self._alerting.needs_updates:
            due = min((at for at in self._alerting.deadlines() if at > self._updated_at), default=first + MINUTE)
            candidates += [self._next_update_at(max(first, at)) for at in (due, -(-first // MINUTE) * MINUTE)]
        return min(candidates, default=self.span.end + 1)

    def _next_update_at(self, at: int) -> int:
        """Return the first update at or after the instant."""
        return at + -(at - self.span.start) % UPDATE_INTERVAL

    def _changing_burn_alerts(self, at: int) -> list[int]:
        """Return the indices of the products whose burn alert may open or end."""
        alerting, until = self._alerting.products_with_conditions, self._burning_until
        return [number for number, name in enumerate(self._ledger.products) if at <= until[name] or name in alerting]

    def _next_update_of_product(self, number: int, first: int) -> int:
        """Return the first update from the instant `first` on that checks the conditions of a product."""
        turn = self._alerting.update_count + (first - self._updated_at) // UPDATE_INTERVAL - 1
        return first + (number - turn) % UPDATES_PER_ROUND * UPDATE_INTERVAL

    def _add_due_facts(self) -> None:
        """Add the facts that were made until now, as the daemon does from the journal."""
        while self._pending_facts and self._pending_facts[0].made <= self._clock.at:
            self._ledger.facts = Facts(
                self._ledger.facts.all, [self._pending_facts.pop(0)], former_ids=self._ledger.former_ids
            )
            self._busy_until = self._clock.at + BUSY_TIME

    def _deliver(self) -> None:
        """Mark the due notifications as delivered."""
        outbox, now = self._alerting.outbox, self._clock.at
        for row in list(outbox.waiting()):
            outbox.mark_committed([row])
            if row.due <= now:
                outbox.mark_delivered(row, now)
