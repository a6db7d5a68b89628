"""Run the decisions of a daemon over recorded observations: the same recorder, incidents, alerts, routes and mutes.

The daemon looks once a second at what time alone changes. A replay skips the looks that could change nothing: all of
them while every product is up and was for as long as the longest short look-back of a burn policy. While an alert is
open it looks at the deadlines of alerting and at whole minutes, and at each second for `SETTLING` after a change.

Nothing is sent: what is decided counts as delivered when it is due.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from monitor.alerting.conditions import SPREAD
from monitor.alerting.service import Alerting
from monitor.engine.recorder import Recorder
from monitor.facts.known_facts import Facts
from monitor.health import Health
from monitor.notification import NOTHING, Kind
from monitor.probe_result import ProbeResult
from monitor.rehearsal.observations import arrival
from sla.alerting import BURN_POLICIES
from sla.fact import DEFINITION, MAINTENANCE
from sla.incident import Phase
from sla.interval import MINUTE, SECOND, Interval
from sla.observation import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from monitor.as_of import Recorded
    from monitor.config.model import Portfolio
    from monitor.ledger.ledger import Ledger
    from monitor.notification import Decided, Notification
    from monitor.storage.record_writer import Committed
    from sla.fact import Fact
    from sla.incident import Incident
    from sla.observation import Observation, Run
    from sla.page_response import Response
    from sla.product_incident import ProductIncident

LOOK: Final = SECOND
SETTLING: Final = 5 * MINUTE  # after a change, longer than what a blind monitor takes to be announced
_BURNS: Final = max(policy.short for policy in BURN_POLICIES)  # after downtime, a burn alert may begin for so long
_STOPPED: Final = MINUTE  # without any observation, on top of the longest hold: the daemon did not run


class ReplayClock:
    """A clock that stands at the instant of the replay."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.stepped = 0

    def now(self) -> int:
        """Return the instant of the replay."""
        return self.at

    def monotonic(self) -> float:
        """Return it in seconds."""
        return self.at / SECOND

    async def sleep_until(self, moment: float) -> None:
        """Return at once: a replay does not wait."""

    def follow_wall_clock(self) -> int:
        """Return 0: there is no other clock."""
        return 0


class KeptDecisions:
    """A writer that keeps the notifications and writes nothing. `changed` is whether something was decided."""

    def __init__(self) -> None:
        self.notifications: dict[tuple[str, str, int], Notification] = {}
        self.changed = False

    def listen(self, listener: Callable[[Committed], None]) -> None:
        """Do nothing: nothing is written."""

    def start(self) -> None:
        """Do nothing."""

    def put(
        self,
        seen: Observation,
        runs: Sequence[Run] = (),
        incident: Incident | None = None,
        decided: Decided = NOTHING,
    ) -> None:
        """Keep what was decided."""
        if incident is not None:
            self.put_decided(decided)
            self.changed = True

    def put_decided(self, decided: Decided, *, urgent: bool = True) -> None:
        """Keep the notifications; one that changed replaces the one before."""
        for row in decided.notifications:
            if row.event is not Kind.HEARTBEAT:
                self.notifications[row.identity] = row
                self.changed = True
        self.changed |= bool(decided.incidents)

    def put_folded(self, runs: Sequence[Run], until: int | None) -> None:
        """Do nothing."""

    def put_incident(self, incident: Incident) -> None:
        """Do nothing."""

    def put_facts(self, facts: Sequence[Fact]) -> None:
        """Do nothing."""

    def retain(self, since: int) -> None:
        """Do nothing."""

    def close(self, patience: float = 5.0) -> bool:
        """Return True: nothing waits."""
        return True


@dataclass(frozen=True, slots=True)
class Before:
    """The product incidents before the replay, which damping counts. Notifications before it are none of its own."""

    incidents: list[ProductIncident]

    def load_product_incidents(self) -> list[ProductIncident]:
        """Return the product incidents."""
        return self.incidents

    def load_notifications(self) -> list[Notification]:
        """Return none."""
        return []

    def load_responses(self) -> list[Response]:
        """Return none."""
        return []


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a configuration led to: its notifications in the order of their decision, and the ledger at the end.

    `defects` is the number of errors in alerting, which are in the log; without any it is 0.
    """

    portfolio: Portfolio
    span: Interval
    notifications: list[Notification]
    ledger: Ledger
    defects: int = 0


@dataclass(slots=True)
class Replay:
    """One configuration over one recorded time. `start` is the content of the record at the start of the span.

    `facts` are all facts; each is known from when it was made. Definitions and plans of maintenance are excluded: those
    of the configuration apply to the whole span.
    """

    portfolio: Portfolio
    start: Recorded
    facts: Sequence[Fact]
    span: Interval
    before: Sequence[ProductIncident] = ()
    _clock: ReplayClock = field(init=False)
    _ledger: Ledger = field(init=False)
    _kept: KeptDecisions = field(init=False)
    _health: Health = field(init=False)
    _alerting: Alerting = field(init=False)
    _recorder: Recorder = field(init=False)
    _coming: list[Fact] = field(init=False)
    _busy_until: int = field(init=False)
    _burning_until: dict[str, int] = field(init=False)
    _last: dict[str, Outcome] = field(init=False, default_factory=dict)
    _looked: int = field(init=False)
    _latest: int = field(init=False)

    def __post_init__(self) -> None:
        start = self.span.start
        stated = sorted((e for e in self.facts if e.kind not in (DEFINITION, MAINTENANCE)), key=lambda each: each.made)
        self._coming = [each for each in stated if each.made > start]
        self._clock, self._kept, self._health = ReplayClock(start), KeptDecisions(), Health()
        content = self.start.with_facts([each for each in stated if each.made <= start])
        self._ledger = content.ledger(self.portfolio)
        self._alerting = Alerting(self._ledger, self._kept, self._clock, self._health)
        self._recorder = Recorder(self._ledger, self._kept, self._health, decide=self._alerting.changed)
        self._busy_until = start + SETTLING
        self._burning_until = dict.fromkeys(self._ledger.products, start + _BURNS)
        self._looked = self._latest = start

    async def run(self, observations: Iterable[Observation]) -> Replayed:
        """Replay the observations, which come by their arrival, and return what was decided."""
        ended = [each for each in self.before if each.resolved is not None and each.resolved <= self.span.start]
        self._alerting.restore(Before(ended))
        for seen in observations:
            entry = self._ledger.entries.get(self._ledger.former_ids.check(seen.check))
            if entry is not None:
                at = arrival(seen)
                await self._until(at)
                self._take(seen, entry.key)
        await self._until(self.span.end)
        found = sorted(self._kept.notifications.values(), key=lambda row: (row.made, row.turn, row.key, row.receiver))
        return Replayed(self.portfolio, self.span, found, self._ledger, self._health.alerting_defects)

    def _take(self, seen: Observation, key: str) -> None:
        """Record one observation as the daemon does when a probe has ended."""
        entry = self._ledger.entries[key]
        self._clock.at, self._latest = max(self._clock.at, arrival(seen)), arrival(seen)
        self._know()
        before = self._last.get(key, Outcome.GOOD if entry.tracker.phase is Phase.CLEAR else Outcome.BAD)
        self._recorder.record(entry, ProbeResult(seen.outcome, seen.reason), seen.at, (seen.latency or 0) / SECOND)
        if seen.outcome is not Outcome.UNKNOWN:
            self._last[key] = seen.outcome
        if Outcome.BAD in (seen.outcome, before):
            product = entry.product.id
            self._burning_until[product] = seen.at + entry.hold + _BURNS
        if seen.outcome is not before or self._kept.changed:
            self._note_change()

    def _note_change(self) -> None:
        self._kept.changed = False
        self._busy_until = self._clock.at + SETTLING
        self._deliver()

    async def _until(self, instant: int) -> None:
        """Look at each second before the instant at which something may change."""
        while (following := self._next_look()) <= min(instant, self.span.end):
            skipped = (following - self._looked) // LOOK - 1
            self._alerting.skip(skipped)
            self._looked, self._clock.at = following, max(self._clock.at, following)
            self._know()
            await self._alerting.look()
            if self._kept.changed:
                self._note_change()
            self._deliver()

    def _next_look(self) -> int:
        """Return the instant of the next look that may change something."""
        first = self._looked + LOOK
        if self._clock.at > first:
            first += -(-(self._clock.at - first) // LOOK) * LOOK
        longest = max((entry.hold for entry in self._ledger.entries.values()), default=0)
        if first > self._latest + longest + _STOPPED:
            return self.span.end + 1  # until the next observation: nothing ran
        if self._alerting.watching and first <= self._busy_until:
            return first
        candidates = [self._slot(number, first) for number in self._burning(first)]
        if self._alerting.watching:
            due = min((at for at in self._alerting.deadlines() if at > self._looked), default=first + MINUTE)
            candidates += [self._grid(max(first, each)) for each in (due, -(-first // MINUTE) * MINUTE)]
        return min(candidates, default=self.span.end + 1)

    def _grid(self, at: int) -> int:
        """Return the first look at the instant or after it."""
        return at + -(at - self.span.start) % LOOK

    def _burning(self, at: int) -> list[int]:
        """Return the numbers of the products of which a burn alert may begin or end."""
        held, until = self._alerting.conditional, self._burning_until
        return [n for n, name in enumerate(self._ledger.products) if at <= until[name] or name in held]

    def _slot(self, number: int, first: int) -> int:
        """Return the first look from an instant on at which the conditions of a product are looked at."""
        turn = self._alerting.turn + (first - self._looked) // LOOK - 1
        return first + (number - turn) % SPREAD * LOOK

    def _know(self) -> None:
        """Take in the facts that were made by now, as the daemon does from the journal."""
        while self._coming and self._coming[0].made <= self._clock.at:
            self._ledger.facts = Facts(
                self._ledger.facts.all, [self._coming.pop(0)], former_ids=self._ledger.former_ids
            )
            self._busy_until = self._clock.at + SETTLING

    def _deliver(self) -> None:
        """Count what is due as delivered."""
        outbox, now = self._alerting.outbox, self._clock.at
        for row in list(outbox.waiting()):
            outbox.committed([row])
            if row.due <= now:
                outbox.delivered(row, now)
