"""The in-memory truth: every check's timeline, every product's composition, every incident. Pages and metrics read it.

It is fed by the recorder, one observation at a time, and at start from the store. Nothing in here waits, writes or
reads a clock; all of it belongs to the event loop's thread.
"""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from monitor.config.agreement import Dependency
from monitor.corrections import Corrections
from monitor.folding import Folding
from monitor.vocabulary import SLOW
from sla.budget import PACE, Forecast, exhausted_at
from sla.calendar import Window
from sla.compose import Composition
from sla.exclusion import Agreed, Exclusion, agree, dependency_downtime
from sla.incident import Incident, IncidentTracker, Opened, Phase, Resolved
from sla.interval import Interval
from sla.measured import Measured, measure
from sla.observation import Observation, Outcome, Run
from sla.timeline import State, Timeline
from sla.window import WINDOWS, rolling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from monitor.config.model import CheckBase, Portfolio, Product
    from monitor.vocabulary import Observed


class CheckEntry:
    """One check and all that is known of it.

    `key` is `product/check`. `last` is what the last probe of this process found, None until one ended; `totals` counts
    this process's probes by outcome, `slow` those that were good and slow. `version` rises with every observation: what
    was rendered at the same version is still true, but for the passage of time.
    """

    __slots__ = (
        "check",
        "folding",
        "hold",
        "key",
        "last",
        "product",
        "slow",
        "timeline",
        "totals",
        "tracker",
        "version",
    )

    def __init__(self, product: Product, check: CheckBase) -> None:
        self.key = f"{product.id}/{check.id}"
        self.timeline = Timeline(check.effective_hold)
        self.folding: Folding | None = None
        self.last: Observed | None = None
        self.totals: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self.slow = 0
        self.version = 0
        self.tracker = IncidentTracker(self.key, product.id, check.fall, check.rise, self.timeline)
        self.define(product, check)

    def define(self, product: Product, check: CheckBase) -> None:
        """Take over a definition; what was recorded stays. A changed hold counts from the next observation on."""
        self.product = product
        self.check = check
        self.hold = check.effective_hold
        self.timeline.hold = self.hold
        self.tracker.fall, self.tracker.rise = check.fall, check.rise

    def observe(self, seen: Observation) -> tuple[Run, ...]:
        """Add an observation to timeline and run; return the runs that it ended and began, mostly none.

        Raises:
            ValueError: it is not later than the last one; nothing changed.
        """
        self.timeline.append(seen.at, seen.outcome)
        self.version += 1
        folding = self.folding
        if folding is None:
            self.folding = Folding(Run.of(seen, self.timeline.hold))
            return (self.folding.run(),)
        ended = folding.add(seen, self.timeline.hold)
        return () if ended is None else (ended, folding.run())

    def count(self, seen: Observed) -> None:
        """Take notice of what the last probe found."""
        self.last = seen
        self.totals[seen.result.outcome] += 1
        self.slow += seen.result.reason == SLOW

    def restore_runs(self, runs: Sequence[Run]) -> None:
        """Take in the recorded runs in order, each under the hold that it was recorded with."""
        for run in runs:
            self.timeline.hold = run.hold
            self.timeline.append_run(run)
        for run in _last_streak(runs):
            self.tracker.step_run(run)
        self.folding = Folding(runs[-1])
        self.version += 1

    def restore_incident(self, ongoing: Incident | None) -> None:
        """Continue the incident that was decided and recorded, or none.

        The record decides, not what the runs would give under the thresholds of today: an incident that was announced
        goes on until it is seen to recover, and one that was not is opened, and announced, by the next bad observation.
        """
        failing = self.tracker.phase in (Phase.DOWN, Phase.FAILING)
        self.tracker.open = ongoing
        if ongoing is None:
            self.tracker.phase = Phase.FAILING if failing else Phase.CLEAR
        else:
            self.tracker.phase = Phase.DOWN if failing else Phase.RECOVERING


class Ledger:
    """Everything known of a portfolio, by check and by product."""

    def __init__(self, portfolio: Portfolio) -> None:
        self.entries: dict[str, CheckEntry] = {}
        self.compositions: dict[str, Composition] = {}
        self.products: dict[str, Product] = {}
        self.corrections = Corrections()
        self.seeded_until: int | None = None
        self._retired: dict[str, CheckEntry] = {}
        self._incidents: dict[str, Incident] = {}
        self._newest: list[Incident] | None = None
        self.reload(portfolio)

    def reload(self, portfolio: Portfolio) -> None:
        """Take over a validated portfolio. History belongs to a check's key, whatever else of it changes.

        A check that is no longer there leaves the view with its incidents. An open one stays open in the store and
        nothing is announced: nobody saw the check recover. Should the key come back, it takes up where it was; what was
        recorded of it before this process started shows in figures from the next start on.
        """
        self.portfolio = portfolio
        self.products = {product.id: product for product in portfolio.products}
        known, ongoing = self._retired | self.entries, self._ongoing()
        self.entries = {}
        for product, check in portfolio.checks():
            entry = known.pop(f"{product.id}/{check.id}", None)
            if entry is None:
                entry = CheckEntry(product, check)
                entry.restore_incident(ongoing.get(entry.key))
            entry.define(product, check)
            self.entries[entry.key] = entry
        self._retired = known
        self.compositions = {product.id: self._compose(product) for product in portfolio.products}
        self._newest = None

    def _ongoing(self) -> dict[str, Incident]:
        return {incident.check: incident for incident in self._incidents.values() if incident.resolved is None}

    def _compose(self, product: Product) -> Composition:
        members = tuple(entry.timeline for entry in self.of(product.id))
        held = self.compositions.get(product.id)
        if held is not None and held.rule == product.rule and held.members == members:
            return held  # with the states it has composed so far
        return Composition(product.rule, members)

    def restore(self, runs: Iterable[Run], tail: Iterable[Observation], incidents: Iterable[Incident]) -> None:
        """Rebuild from the record: runs by check and `first`, then what was observed after each check's last run.

        The time since the last observation shows as unknown once the hold is over. What is recorded of checks that the
        portfolio does not have stays in the store.
        """
        for key, group in groupby(runs, attrgetter("check")):
            if (entry := self.entries.get(key)) is not None:
                entry.restore_runs(own := list(group))
                self._note_seeded(own)
        for seen in tail:
            if (entry := self.entries.get(seen.check)) is not None:
                entry.observe(seen)
                entry.tracker.step(seen)
        for incident in incidents:
            self._incidents[incident.id] = incident
        ongoing = self._ongoing()
        for entry in self.entries.values():
            entry.restore_incident(ongoing.get(entry.key))
            entry.define(entry.product, entry.check)
        self._newest = None

    def _note_seeded(self, runs: Sequence[Run]) -> None:
        ends = [run.last for run in runs if run.seeded]
        if ends:
            self.seeded_until = max(ends[-1], self.seeded_until or ends[-1])

    def of(self, product_id: str) -> Iterator[CheckEntry]:
        """Yield the product's checks in the order of its configuration."""
        for check in self.products[product_id].checks:
            yield self.entries[f"{product_id}/{check.id}"]

    @property
    def latest(self) -> int | None:
        """The instant of the last observation of all; a clock that runs behind it cannot add to the record."""
        return max((e.folding.last for e in self.entries.values() if e.folding is not None), default=None)

    def state(self, product_id: str, now: int) -> State:
        """Return the product's state at the instant."""
        return self.compositions[product_id].state(now)

    def measured(self, product_id: str, window: Window | Interval | str, now: int) -> Measured:
        """Return the product's raw figures over a window, an interval, or a rolling window by name that ends now.

        Raises:
            KeyError: there is no such product, or no such name in `sla.window.WINDOWS`.
        """
        product = self.products[product_id]
        whole = None
        if isinstance(window, Window):
            whole = window.whole if window.in_progress else None
            window = window.measured
        span = window if isinstance(window, Interval) else rolling(WINDOWS[window], now)
        interval = max(check.interval for check in product.checks)
        return measure(self.compositions[product_id], span, product.objective, interval=interval, whole=whole)

    def forecast(self, product_id: str, now: int) -> Forecast:
        """Return whether the raw budget of the product's own window lasts at its last day's pace."""
        product = self.products[product_id]
        over = min(PACE, product.window)
        burn = self.measured(product_id, Interval(now - over, now), now).burn_rate
        held = self.measured(product_id, Interval(now - product.window, now), now).budget
        assert held is not None, "a product has an objective"  # noqa: S101 - for the type checker
        return Forecast(over, burn, exhausted_at(held, product.objective, burn, now, product.window))

    def contractual(self, product_id: str, window: Interval) -> Measured:
        """Return the product's figures over a rolling window without what its agreement leaves out."""
        product = self.products[product_id]
        cut = [each.interval for each in self.exclusions(product_id, window)]
        interval = max(check.interval for check in product.checks)
        return measure(self.compositions[product_id], window, product.objective, excluded=cut, interval=interval)

    def agreed(self, product_id: str, window: Window) -> Agreed:
        """Return the product's raw and contractual figures over a window, with the audit between them."""
        product = self.products[product_id]
        interval = max(check.interval for check in product.checks)
        cut = self.exclusions(product_id, window.whole)
        return agree(self.compositions[product_id], window, product.objective, cut, interval=interval)

    def exclusions(self, product_id: str, window: Interval) -> list[Exclusion]:
        """Return what the product's agreement leaves out of the window, cause by cause.

        Raises:
            KeyError: there is no such product.
        """
        product, zone = self.products[product_id], self.portfolio.time_zone
        found = list(product.agreement.out_of_hours(window, zone))
        for each in product.agreement.excludes:
            if isinstance(each, Dependency):
                found += dependency_downtime(self.compositions[each.product], window, each.product)
            elif each == "corrections":
                found += self.corrections.of(product_id)
            else:
                for block in (*self.portfolio.maintenance, *product.maintenance):
                    found += block.exclusions(window, zone)
        return found

    @property
    def incidents(self) -> list[Incident]:
        """The incidents of the portfolio's checks, newest first."""
        if self._newest is None:
            seen = [incident for incident in self._incidents.values() if incident.check in self.entries]
            self._newest = sorted(seen, key=lambda incident: (incident.opened, incident.id), reverse=True)
        return self._newest

    def open_incidents(self, product_id: str | None = None) -> list[Incident]:
        """Return the incidents that are not resolved, newest first, of one product or of all."""
        return [i for i in self.incidents if i.resolved is None and product_id in (None, i.product)]

    def decide(self, change: Opened | Resolved) -> Incident:
        """Take in what a tracker decided, and return the incident."""
        self._incidents[change.incident.id] = change.incident
        self._newest = None
        return change.incident

    def everything(self) -> list[CheckEntry]:
        """Return the entries of all checks seen by this process, those that left the portfolio included."""
        return [*self.entries.values(), *self._retired.values()]


def _last_streak(runs: Sequence[Run]) -> Sequence[Run]:
    """Return the runs since the last known outcome changed: all that the next decision can depend on."""
    said: Outcome | None = None
    for i, run in enumerate(reversed(runs)):
        if run.outcome is not Outcome.UNKNOWN:
            if said is not None and run.outcome is not said:
                return runs[len(runs) - i :]
            said = run.outcome
    return runs
