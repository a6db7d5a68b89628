"""The in-memory truth: every check's timeline, every product's composition, every incident. Pages and metrics read it.

It is fed by the recorder, one observation at a time, and at start from the store. Nothing in here waits, writes or
reads a clock; all of it belongs to the event loop's thread.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from monitor.check_history import CheckHistory
from monitor.config.agreement import Agreement, Dependency
from monitor.config.agreement_meaning import agreement_of
from monitor.config.former_ids import Former
from monitor.facts import Facts
from monitor.planned_maintenance import maintenance_exclusions
from monitor.renamed import joined_history, renamed_histories, renamed_incident, renamed_runs, renamed_tail
from monitor.vocabulary import SLOW, VANTAGE
from sla.alerting import BurnAlert, LookBacks, burn_alerts
from sla.budget import PACE, Forecast, exhausted_at
from sla.calendar import Window
from sla.compose import Composition
from sla.eras import EVER, Era, Eras
from sla.exclusion import Agreed, Exclusion, agree, dependency_downtime
from sla.incident import Failure, Incident, Phase, Resolved
from sla.interval import Interval
from sla.measured import Measured, measure
from sla.observation import Outcome
from sla.outage import reach
from sla.window import WINDOWS, rolling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from monitor.config.model import CheckBase, Portfolio, Product
    from monitor.vocabulary import Observed
    from sla.compose import Rule
    from sla.definition import Definition
    from sla.incident import Opened
    from sla.observation import Observation, Run
    from sla.timeline import State, Timeline


class CheckEntry(CheckHistory):
    """A configured check and all that is known of it.

    `last` is what the last probe of this process found, None until one ended; `totals` counts this process's probes by
    outcome, `slow` those that were good and slow. `first_failure` and `last_failure` are the failing probes that an
    incident keeps: the first of the streak that opens it and the newest, None until this process saw one.
    """

    __slots__ = ("check", "first_failure", "hold", "last", "last_failure", "product", "slow", "totals")

    def __init__(self, product: Product, check: CheckBase, recorded: CheckHistory | None = None) -> None:
        super().__init__(f"{product.id}/{check.id}", check.effective_hold)
        if recorded is not None:
            self.continue_from(recorded)
        self.last: Observed | None = None
        self.first_failure: Failure | None = None
        self.last_failure: Failure | None = None
        self.totals: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self.slow = 0
        self.define(product, check)

    def define(self, product: Product, check: CheckBase) -> None:
        """Take over a definition; what was recorded stays. A changed hold counts from the next observation on."""
        self.product = product
        self.check = check
        self.hold = check.effective_hold
        self.timeline.hold = self.hold
        self.tracker.fall, self.tracker.rise = check.fall, check.rise

    def count(self, seen: Observed) -> None:
        """Take notice of what the last probe found. Call it before the incident tracker takes its step."""
        self.last = seen
        self.totals[seen.result.outcome] += 1
        self.slow += seen.result.reason == SLOW
        if seen.result.outcome is Outcome.BAD:
            self._note_failure(seen)

    def count_on(self, before: CheckEntry) -> None:
        """Continue the counts of this process: `before` had the key until the history of a former key joined it."""
        self.last, self.totals, self.slow = before.last, before.totals, before.slow
        self.first_failure, self.last_failure = before.first_failure, before.last_failure

    def _note_failure(self, seen: Observed) -> None:
        found = seen.result
        self.last_failure = Failure(seen.observation.at, found.reason, found.status, found.detail, found.phases)
        if self.tracker.phase is Phase.CLEAR or self.first_failure is None:
            self.first_failure = self.last_failure

    def ongoing(self) -> Incident | None:
        """Return the check's open incident with its newest failing probe, None if it has none."""
        held = self.tracker.open
        return held if held is None or self.last_failure is None else replace(held, last=self.last_failure)


class Ledger:
    """Everything known of a portfolio, by check and by product."""

    def __init__(self, portfolio: Portfolio) -> None:
        self.entries: dict[str, CheckEntry] = {}
        self.compositions: dict[str, Eras] = {}
        self._removed: dict[str, Eras] = {}  # products that the configuration has no longer
        self._wholes: dict[tuple[object, ...], Composition] = {}
        self.products: dict[str, Product] = {}
        self._facts, self.former = Facts(), Former()
        self._others: dict[str, CheckHistory] = {}
        self._incidents: dict[str, Incident] = {}
        self._newest: list[Incident] | None = None
        self.reload(portfolio)

    def reload(self, portfolio: Portfolio) -> None:
        """Take over a validated portfolio. History belongs to a check's key, whatever else of it changes.

        A check that is no longer there leaves the view with its incidents. An open one stays open in the store and
        nothing is announced: nobody saw the check recover. Should the key come back, it takes up where it was, with all
        that is recorded of it, whether this process saw it or an earlier one.
        """
        self.portfolio = portfolio
        self.products = {product.id: product for product in portfolio.products}
        counted = self.entries.copy()
        self._rename(Former.of(portfolio))
        known, ongoing = self._others | self.entries, self._ongoing()
        self.entries = {}
        for product, check in portfolio.checks():
            held = known.pop(f"{product.id}/{check.id}", None)
            if isinstance(held, CheckEntry):
                entry = held
            else:
                entry = CheckEntry(product, check, held)
                entry.restore_incident(ongoing.get(entry.key))
                if (before := counted.get(entry.key)) is not None:
                    entry.count_on(before)
            entry.define(product, check)
            self.entries[entry.key] = entry
        self._others = known
        self._compose()
        self._newest = None

    @property
    def facts(self) -> Facts:
        """What people and loads of the configuration stated; definitions decide how a product is composed."""
        return self._facts

    @facts.setter
    def facts(self, facts: Facts) -> None:
        before, self._facts = self._facts, facts
        if any(before.definitions(name) != facts.definitions(name) for name in {*self.products, *facts.products}):
            self._compose()

    def _rename(self, former: Former) -> None:
        """Let each present key continue what is known of its former ones; facts and incidents as well."""
        self.former, self._facts = former, Facts(self._facts.all, former=former)
        self._incidents = {name: renamed_incident(each, former) for name, each in self._incidents.items()}
        for key, histories in renamed_histories(self._others | self.entries, former):
            for old in histories:
                self._others.pop(old.key, None)
                self.entries.pop(old.key, None)
            self._others[key] = joined_history(key, histories)

    def _ongoing(self) -> dict[str, Incident]:
        return {incident.check: incident for incident in self._incidents.values() if incident.resolved is None}

    def _compose(self) -> None:
        """Compose each product by its definitions; one without any, as it is configured now.

        Compositions that go on keep the states that they have composed so far.
        """
        held, self._wholes = self._wholes, {}
        before, self.compositions = self.compositions, {}
        for product in self.portfolio.products:
            defined = self._facts.definitions(product.id)
            members = tuple(entry.timeline for entry in self.of(product.id))
            eras = list(self._eras(defined, held)) or [Era(EVER, self._whole(product.rule, members, held))]
            found = self.compositions[product.id] = before.get(product.id) or Eras(eras)
            found.redefine(eras)  # whoever renders the product goes on with the same object
        removed = (name for name in self._facts.products if name not in self.products)
        self._removed = {name: Eras(list(self._eras(self._facts.definitions(name), held))) for name in removed}

    def _eras(self, defined: Sequence[Definition], held: Mapping[tuple[object, ...], Composition]) -> Iterator[Era]:
        """Yield an era for each definition. The first one of an older record begins with that record."""
        before: set[str] = set()
        for number, each in enumerate(defined):
            local = [member for member in each.members if member.vantage == VANTAGE]
            timelines = {member.check: self.history(member.check).timeline for member in local}
            whole = self._whole(each.rule, tuple(timelines.values()), held) if timelines else None
            begun = number == 0 and whole is not None and whole.begins is not None and whole.begins <= each.made
            new = [] if begun else [member for member in local if member.check not in before]
            hold = max((member.hold for member in new), default=0)
            added = tuple(timelines[member.check] for member in new)
            yield Era(each.made, whole, added, hold, each.objective, each.agreement)
            before = set(timelines)

    def _whole(
        self, rule: Rule, members: tuple[Timeline, ...], held: Mapping[tuple[object, ...], Composition]
    ) -> Composition:
        key = (rule.needed(len(members)), *sorted(map(id, members)))
        if key not in self._wholes:
            self._wholes[key] = held.get(key) or Composition(rule, members)
        return self._wholes[key]

    def restore(self, runs: Iterable[Run], tail: Iterable[Observation], incidents: Iterable[Incident]) -> list[Run]:
        """Rebuild from the record: runs by check and `first`, then what was observed after each check's last run.

        The time since the last observation shows as unknown once the hold is over. Checks that the portfolio does not
        have are taken in as well. Return the runs that the tail was folded into; until they are written, it is nowhere
        but in the raw observations, which are not kept for ever.
        """
        for key, group in groupby(renamed_runs(runs, self.former), attrgetter("check")):
            if own := [run for run in group if run.vantage == VANTAGE]:
                self.history(key).restore_runs(own)
        folded = self._fold_tail(renamed_tail(tail, self.former))
        for incident in incidents:
            self._incidents[incident.id] = renamed_incident(incident, self.former)
        ongoing = self._ongoing()
        for history in self.everything():
            history.restore_incident(ongoing.get(history.key))
        for entry in self.entries.values():
            entry.define(entry.product, entry.check)
        self._compose()
        self._newest = None
        return folded

    def _fold_tail(self, tail: Iterable[Observation]) -> list[Run]:
        folded: dict[tuple[str, int], Run] = {}
        for seen in tail:
            if seen.vantage != VANTAGE:
                continue
            history = self.history(seen.check)
            if history.folding is not None and seen.at <= history.folding.last:
                continue  # of a former key, from the time of the present one
            ended = history.observe(seen)
            history.tracker.step(seen)
            folded |= {(run.check, run.first): run for run in (*ended, *history.growing())}
        return list(folded.values())

    def history(self, key: str) -> CheckHistory:
        """Return what is recorded of a check, configured or not; an empty history if there is none yet."""
        entry = self.entries.get(key)
        return entry if entry is not None else self._others.setdefault(key, CheckHistory(key))

    def of(self, product_id: str) -> Iterator[CheckEntry]:
        """Yield the product's checks in the order of its configuration."""
        for check in self.products[product_id].checks:
            yield self.entries[f"{product_id}/{check.id}"]

    @property
    def latest(self) -> int | None:
        """The instant of the last observation of all; a clock that runs behind it cannot add to the record."""
        return max((e.folding.last for e in self.entries.values() if e.folding is not None), default=None)

    def definitions(self, product_id: str) -> Sequence[Definition]:
        """Return what the product's figures meant, in the order of time; none before its first load."""
        return self.facts.definitions(product_id)

    def state(self, product_id: str, now: int) -> State:
        """Return the product's state at the instant."""
        return self.compositions[product_id].state(now)

    def burn_alerts(self, product_id: str, now: int) -> list[BurnAlert]:
        """Return the state of each burn policy over the product's own window; none while nothing is known."""
        product = self.products[product_id]
        history = self.compositions[product_id]
        return burn_alerts(product.objective, product.window, history.state(now).estimate, LookBacks.of(history, now))

    def measured(self, product_id: str, window: Window | Interval | str, at: int, now: int | None = None) -> Measured:
        """Return the product's raw figures over a window, an interval, or a rolling window by name, as of `at`.

        `now` is the present, which decides whether the figures are provisional; `at` by default.

        Raises:
            KeyError: there is no such product, or no such name in `sla.window.WINDOWS`.
        """
        product = self.products[product_id]
        whole, moves = None, True
        if isinstance(window, Window):
            whole, moves = window.whole if window.in_progress else None, window.rolling
            window = window.measured
        span = window if isinstance(window, Interval) else rolling(WINDOWS[window], at)
        interval = max(check.interval for check in product.checks)
        found = measure(
            self.compositions[product_id],
            span,
            product.objective,
            interval=interval,
            whole=whole,
            rolling=moves and span.end == at,
        )
        raw, _ = self.provisional(product_id, at, at if now is None else now, span.end)
        return replace(found, provisional=raw)

    def provisional(self, product_id: str, at: int, now: int, end: int) -> tuple[bool, bool]:
        """Return whether the raw and the contractual figures as of `at`, of a window that ends at `end`, may change.

        They may until the outcome of all that was due or sent until `at` has arrived, but for checks that have known
        outcomes from after the window. The contractual figure rests on the dependencies that it excludes as well.
        """
        raw = self._may_change(product_id, at, now, end)
        others = (name for name in self.excluded_dependencies(product_id) if name in self.products)
        return raw, raw or any(self._may_change(name, at, now, end) for name in others)

    def _may_change(self, product_id: str, at: int, now: int, end: int) -> bool:
        return any(
            now < at + entry.check.lateness and (entry.timeline.last_known_at or EVER) < end
            for entry in self.of(product_id)
        )

    def forecast(self, product_id: str, now: int) -> Forecast:
        """Return whether the raw budget of the product's own window lasts at its last day's pace."""
        product = self.products[product_id]
        over = min(PACE, product.window)
        burn = self.measured(product_id, Interval(now - over, now), now).burn_rate
        held = self.measured(product_id, Interval(now - product.window, now), now).budget
        assert held is not None, "a product has an objective"  # noqa: S101 - for the type checker
        return Forecast(over, burn, exhausted_at(held, product.objective, burn, now, product.window))

    def contractual(self, product_id: str, window: Interval) -> Measured:
        """Return the product's figures over a window that ends now without what its agreement leaves out."""
        product = self.products[product_id]
        cut = [each.interval for each in self.exclusions(product_id, window)]
        interval = max(check.interval for check in product.checks)
        found = measure(
            self.compositions[product_id], window, product.objective, excluded=cut, interval=interval, rolling=True
        )
        return replace(found, provisional=self.provisional(product_id, window.end, window.end, window.end)[1])

    def agreed(self, product_id: str, window: Window, at: int, now: int | None = None) -> Agreed:
        """Return the product's raw and contractual figures over a window as of `at`, with the audit between them.

        `now` is the present, which decides whether the figures are provisional; `at` by default.
        """
        product = self.products[product_id]
        interval = max(check.interval for check in product.checks)
        limits = tuple(product.agreement.limits())
        cut = self.exclusions(product_id, reach(limits, window.whole))
        found = agree(
            self.compositions[product_id],
            window,
            product.objective,
            cut,
            interval=interval,
            limits=limits,
            rolling=window.rolling,
        )
        end = window.measured.end
        raw, contractual = self.provisional(product_id, at, at if now is None else now, end)
        return found.as_of(raw=raw, contractual=contractual)

    def exclusions(self, product_id: str, window: Interval) -> list[Exclusion]:
        """Return what the product's agreement leaves out of the window, cause by cause.

        Raises:
            KeyError: there is no such product.
        """
        found: list[Exclusion] = []
        for written, part in self.compositions[product_id].agreements(window):
            agreement = self.products[product_id].agreement if written is None else _agreement(written)
            cut = (_within(each, part) for each in self._excluded(product_id, agreement, part))
            found += (each for each in cut if each.interval.length)
        return found

    def excluded_dependencies(self, product_id: str) -> set[str]:
        """Return the products whose downtime an agreement of the product excludes, the present one or an earlier."""
        agreements = [_agreement(each.agreement) for each in self.definitions(product_id)]
        agreements += [self.products[product_id].agreement] if product_id in self.products else []
        return {cut.product for each in agreements for cut in each.excludes if isinstance(cut, Dependency)}

    def _excluded(self, product_id: str, agreement: Agreement, window: Interval) -> Iterator[Exclusion]:
        product, zone = self.products[product_id], self.portfolio.time_zone
        yield from agreement.out_of_hours(window, zone)
        for each in agreement.excludes:
            if isinstance(each, Dependency):
                found = self.compositions.get(each.product) or self._removed.get(each.product)
                if found is not None:  # else a record of an earlier version does not know what it was
                    yield from dependency_downtime(found, window, each.product)
            elif each == "corrections":
                yield from self.facts.corrections.of(product_id)
            else:
                yield from maintenance_exclusions(self.facts, self.portfolio, product_id, product.maintenance, window)

    @property
    def incidents(self) -> list[Incident]:
        """The incidents of the portfolio's checks, newest first."""
        if self._newest is None:
            seen = [incident for incident in self._incidents.values() if incident.check in self.entries]
            self._newest = sorted(seen, key=lambda incident: (incident.opened, incident.id), reverse=True)
        return self._newest

    def all_incidents(self) -> list[Incident]:
        """Return the incidents of all recorded checks, those that are not in the portfolio included."""
        return list(self._incidents.values())

    def incidents_of(self, product_id: str, window: Interval) -> list[Incident]:
        """Return the product's incidents that may touch the window, those of checks that were removed included.

        One that is open although its check is no longer probed ends, for the window, with what is known of the check.
        """
        found = (each for each in self._incidents.values() if each.product == product_id)
        return [each for each in found if each.check in self.entries or self._lasts(each, window.start)]

    def _lasts(self, incident: Incident, at: int) -> bool:
        expires = self.history(incident.check).timeline.expires
        return incident.resolved is not None or expires is None or expires > at

    def open_incidents(self, product_id: str | None = None) -> list[Incident]:
        """Return the incidents that are not resolved, newest first, of one product or of all."""
        return [i for i in self.incidents if i.resolved is None and product_id in (None, i.product)]

    def decide(self, change: Opened | Resolved) -> Incident:
        """Take in what a tracker decided, and return the incident with the failing probes that it keeps."""
        incident, entry = change.incident, self.entries.get(change.incident.check)
        if entry is not None:
            first = incident.first if isinstance(change, Resolved) else entry.first_failure
            incident = replace(incident, first=first, last=entry.last_failure or incident.last)
            if incident.resolved is None:
                entry.tracker.open = incident
        self._incidents[incident.id] = incident
        self._newest = None
        return incident

    def current(self, incident: Incident) -> Incident:
        """Return the incident with its newest failing probe, which one that is open gets with each probe."""
        entry = self.entries.get(incident.check)
        held = None if entry is None else entry.ongoing()
        return held if held is not None and held.id == incident.id else incident

    @property
    def seeded_until(self) -> int | None:
        """The instant until which history of the portfolio's checks is made up; None where none is."""
        return max((e.seeded_until for e in self.entries.values() if e.seeded_until is not None), default=None)

    def everything(self) -> list[CheckHistory]:
        """Return the histories of all recorded checks, those that are not in the portfolio included."""
        return [*self.entries.values(), *self._others.values()]


@lru_cache(maxsize=1_024)
def _agreement(written: str) -> Agreement:
    return agreement_of(json.loads(written))


def _within(exclusion: Exclusion, part: Interval) -> Exclusion:
    """Return what of the exclusion lies in the part; nothing of it is an interval without length."""
    start = min(max(exclusion.interval.start, part.start), part.end)
    return replace(exclusion, interval=Interval(start, max(start, min(exclusion.interval.end, part.end))))
