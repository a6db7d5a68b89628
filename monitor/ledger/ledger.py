"""The in-memory state: the timeline of each check, the history of each product, and all incidents.

The recorder adds one observation at a time; at startup the state is read from the store. The ledger does no I/O and
reads no clock. Use it on the event loop's thread only.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from monitor.config.former_ids import FormerIdMap
from monitor.facts.fact_index import Facts
from monitor.ledger.agreement_exclusions import (
    agreed_exclusions,
    excluded_dependencies,
    not_excluded_maintenance,
)
from monitor.ledger.check_entry import CheckEntry
from monitor.ledger.check_history import CheckHistory, fold_tail
from monitor.ledger.continuity_register import ContinuityRegister
from monitor.ledger.exclusion_sums import ExclusionSums
from monitor.ledger.incident_register import IncidentRegister
from monitor.ledger.journey_register import JourneyRegister
from monitor.ledger.latencies import Latencies
from monitor.ledger.product_histories import ProductHistories
from monitor.ledger.renamed_checks import (
    merge_histories,
    renamed_histories,
    renamed_incident,
    renamed_runs,
    renamed_tail,
)
from monitor.probe_result import VANTAGE
from sla.alerting import BurnAlert, LookBacks, burn_alerts
from sla.budget import FORECAST_SPAN, Forecast, exhausted_at
from sla.calendar import Window
from sla.exclusion import AgreementFigures, measure_agreement
from sla.interval import Interval
from sla.measured import Measured, measure
from sla.outage import required_history
from sla.window import WINDOWS, rolling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from monitor.config.model import CheckBase, Portfolio, Product
    from sla.after_exclusions import AfterExclusions
    from sla.definition import Definition
    from sla.eras import Eras
    from sla.exclusion import Exclusion
    from sla.incident import Incident, Opened, Resolved
    from sla.latency_day import LatencyDay
    from sla.latency_objective import Fast
    from sla.maintenance_terms import NotExcluded
    from sla.observation import Observation, Run
    from sla.product_incident import ProductIncident
    from sla.timeline import State


class Ledger:
    """The state of a portfolio, by check and by product."""

    def __init__(self, portfolio: Portfolio) -> None:
        self.entries: dict[str, CheckEntry] = {}
        self.site_entries: dict[str, CheckEntry] = {}  # probed and recorded, without incidents, in no product's figures
        self._histories = ProductHistories(self.history)
        self.products: dict[str, Product] = {}
        self._excluded = ExclusionSums(self.exclusions, self._exclusion_sources)
        self._facts, self.former_ids = Facts(), FormerIdMap()
        self._unconfigured: dict[str, CheckHistory] = {}
        self._incidents = IncidentRegister()
        self.continuity, self.journeys = ContinuityRegister(), JourneyRegister()
        self.latencies = Latencies(portfolio.zone)
        self.product_incidents: dict[str, ProductIncident] = {}  # maintained by monitor/alerting/outages.py
        self.reload(portfolio)

    def reload(self, portfolio: Portfolio) -> None:
        """Replace the portfolio with a validated one. A check with an unchanged key keeps its history.

        A removed check and its incidents are not shown. Its open incident stays open in the store, because no probe
        observed a recovery. If the key is configured again later, it continues its recorded history.
        """
        self.portfolio = portfolio
        self.latencies.zone = portfolio.zone
        self.products = {product.id: product for product in portfolio.products}
        previous = self.entries | self.site_entries
        self._rename(FormerIdMap.of(portfolio, self._facts.renamings))
        known = self._unconfigured | self.entries | self.site_entries
        self.entries = self._configured_entries(portfolio.checks(), known, previous)
        self.site_entries = self._configured_entries(portfolio.site_checks(), known, previous)
        self._unconfigured = known
        self._compose()

    def _configured_entries(
        self,
        checks: Iterable[tuple[Product, CheckBase]],
        known: dict[str, CheckHistory],
        previous: Mapping[str, CheckEntry],
    ) -> dict[str, CheckEntry]:
        """Return the entries of the checks by key. Their histories are removed from `known`."""
        entries, open_incidents = dict[str, CheckEntry](), self._incidents.open()
        for product, check in checks:
            history = known.pop(f"{product.id}/{check.id}", None)
            if isinstance(history, CheckEntry):
                entry = history
            else:
                entry = CheckEntry(product, check, history)
                entry.restore_incident(open_incidents.get(entry.key))
                if (earlier := previous.get(entry.key)) is not None:
                    entry.copy_counts(earlier)
            entry.define(product, check)
            entries[entry.key] = entry
        return entries

    @property
    def compositions(self) -> dict[str, Eras]:
        """The history of each configured product, by its id."""
        return self._histories.configured

    @property
    def contractual_histories(self) -> dict[str, Eras]:
        """The history of each configured product for contractual figures, which may count degraded time as down."""
        return self._histories.contractual

    @property
    def facts(self) -> Facts:
        """The recorded facts. Setting them recomputes the histories and exclusions that they change."""
        return self._facts

    @facts.setter
    def facts(self, facts: Facts) -> None:
        previous, self._facts = self._facts, facts
        if previous.site_changes != facts.site_changes:
            self._excluded.clear()  # a failover of one product may exclude downtime of others
        self._excluded.forget(name for name in self.products if previous.excluding(name) != facts.excluding(name))
        if facts.renamings != previous.renamings and FormerIdMap.of(self.portfolio, facts.renamings) != self.former_ids:
            self.reload(self.portfolio)
        elif any(_redefined(previous, facts, name) for name in {*self.products, *facts.products}):
            self._compose()

    def _compose(self) -> None:
        self._histories.compose(self.portfolio.products, self._facts)
        self._excluded.clear()

    def _rename(self, former_ids: FormerIdMap) -> None:
        """Merge the histories, facts and incidents of former keys into those of the present keys."""
        self.former_ids, self._facts = former_ids, Facts(self._facts.all, former_ids=former_ids)
        self._incidents.rename(former_ids)
        for key, histories in renamed_histories(self._unconfigured | self.entries | self.site_entries, former_ids):
            for old in histories:
                self._unconfigured.pop(old.key, None)
                self.entries.pop(old.key, None)
                self.site_entries.pop(old.key, None)
            self._unconfigured[key] = merge_histories(key, histories)

    def restore(self, runs: Iterable[Run], tail: Iterable[Observation], incidents: Iterable[Incident]) -> list[Run]:
        """Rebuild the state from the record, including checks that are not configured.

        `runs` are ordered by check and `first`; `tail` are the observations after each check's last run. Return the
        runs that contain the tail. Write them: the raw observations of the tail are pruned after their retention.
        """
        for key, group in groupby(renamed_runs(runs, self.former_ids), attrgetter("check")):
            if local_runs := [run for run in group if run.vantage == VANTAGE]:
                self.history(key).restore_runs(local_runs)
        tail_runs = fold_tail(renamed_tail(tail, self.former_ids), self.history)
        for incident in incidents:
            self._incidents.add(renamed_incident(incident, self.former_ids))
        open_incidents = self._incidents.open()
        for history in self.all_histories():
            history.restore_incident(open_incidents.get(history.key))
        for entry in self.probed_entries():
            entry.define(entry.product, entry.check)
        self._compose()
        return tail_runs

    def history(self, key: str) -> CheckHistory:
        """Return the history of a check, configured or not; an empty history for an unknown key."""
        entry = self.entry(key)
        return entry if entry is not None else self._unconfigured.setdefault(key, CheckHistory(key))

    def entry(self, key: str) -> CheckEntry | None:
        """Return the entry of a configured check of a product or of a site."""
        return self.entries.get(key) or self.site_entries.get(key)

    def probed_entries(self) -> Iterator[CheckEntry]:
        """Yield the entries of all checks that are probed: those of products, then those of sites."""
        yield from self.entries.values()
        yield from self.site_entries.values()

    def entries_of(self, product_id: str) -> Iterator[CheckEntry]:
        """Yield the product's checks in the order of the configuration."""
        for check in self.products[product_id].checks:
            yield self.entries[f"{product_id}/{check.id}"]

    def latency_days(self, key: str) -> list[LatencyDay]:
        """Return the days of latencies of a check, also those recorded under its former keys, by `start`."""
        return self.latencies.days(self._latency_keys(key))

    def fast_answers(self, key: str, limit: int, since: int, until: int) -> Fast:
        """Return the answers of a check under the limit, of the days that start from `since` until before `until`."""
        return self.latencies.fast_answers(self._latency_keys(key), limit, since, until)

    def _latency_keys(self, key: str) -> list[str]:
        return [key, *(old for old, new in self.former_ids.checks.items() if new == key)]

    @property
    def last_observation_at(self) -> int | None:
        """The instant of the last observation of all checks. Observations of an earlier instant cannot be added."""
        runs = (entry.open_run for entry in self.entries.values())
        return max((run.last for run in runs if run is not None), default=None)

    def definitions(self, product_id: str) -> Sequence[Definition]:
        """Return the product's definitions in chronological order; none before it was loaded first."""
        return self.facts.definitions(product_id)

    def state(self, product_id: str, now: int) -> State:
        """Return the product's state at the instant."""
        return self.compositions[product_id].state(now)

    def burn_alerts(self, product_id: str, now: int) -> list[BurnAlert]:
        """Return the state of each burn policy over the product's window; none while the state is unknown."""
        product = self.products[product_id]
        history = self.compositions[product_id]
        return burn_alerts(
            product.objective, product.window.length, history.state(now).estimate, LookBacks.of(history, now)
        )

    def measured(self, product_id: str, window: Window | Interval | str, at: int, now: int | None = None) -> Measured:
        """Return the product's raw figures over a window, an interval, or a named rolling window, as of `at`.

        `now` decides whether the figures are provisional; default: `at`.

        Raises:
            KeyError: unknown product, or unknown name of a window (`sla.window.WINDOWS`).
        """
        full_window, is_rolling = None, True
        if isinstance(window, Window):
            full_window, is_rolling = window.full if window.in_progress else None, window.rolling
            window = window.measured
        span = window if isinstance(window, Interval) else rolling(WINDOWS[window], at)
        moving = is_rolling and span.end == at
        measured = self._measured(self.compositions, product_id, span, full_window=full_window, rolling=moving)
        raw, _ = self.provisional(product_id, at, at if now is None else now, span.end)
        return replace(measured, provisional=raw)

    def _measured(
        self,
        histories: Mapping[str, Eras],
        product_id: str,
        window: Interval,
        *,
        excluded: Iterable[Interval] | AfterExclusions = (),
        full_window: Interval | None = None,
        rolling: bool = True,
    ) -> Measured:
        product = self.products[product_id]
        return measure(
            histories[product_id],
            window,
            product.objective,
            excluded=excluded,
            interval=_interval(product),
            full_window=full_window,
            rolling=rolling,
        )

    def provisional(self, product_id: str, at: int, now: int, end: int) -> tuple[bool, bool]:
        """Return whether the raw and whether the contractual figures as of `at` may still change after `now`.

        `end` is the end of their window. Figures may change while a check's outcomes are missing
        (`CheckEntry.may_change`). Contractual figures also depend on the dependencies whose downtime they exclude.
        """
        raw = self._may_change(product_id, at, now, end)
        dependencies = (name for name in self.excluded_dependencies(product_id) if name in self.products)
        return raw, raw or any(self._may_change(name, at, now, end) for name in dependencies)

    def _may_change(self, product_id: str, at: int, now: int, end: int) -> bool:
        """Return whether the product's raw figures may change. Checks that were defined after `end` do not count."""
        defined = self.compositions[product_id].defined_until(end)
        changing = (entry for entry in self.entries_of(product_id) if entry.may_change(at, now, end))
        return any(entry.timeline in defined for entry in changing)

    def forecast(self, product_id: str, now: int) -> Forecast:
        """Forecast the exhaustion of the raw budget of the product's window, at the burn rate of the last day."""
        product = self.products[product_id]
        span = min(FORECAST_SPAN, product.window.length)
        burn_rate = self.measured(product_id, Interval(now - span, now), now).burn_rate
        budget = self.measured(product_id, self.own_window(product_id, now), now).budget
        assert budget is not None, "a product has an objective"  # noqa: S101 - for the type checker
        horizon = product.window.horizon(now, self.portfolio.zone)
        return Forecast(span, burn_rate, exhausted_at(budget, product.objective, burn_rate, now, horizon))

    def own_window(self, product_id: str, at: int) -> Window:
        """Return the window of the product's objective as of the instant."""
        return self.products[product_id].window.at(at, self.portfolio.zone)

    def contractual(self, product_id: str, window: Window | Interval) -> Measured:
        """Return the product's contractual figures over a window that is measured until now."""
        if isinstance(window, Interval):
            window = Window("", window, window)
        end, full_window = window.measured.end, window.full if window.in_progress else None
        after = self.after_exclusions(product_id, window.full, end)
        histories, moving = self.contractual_histories, not window.in_progress
        measured = self._measured(
            histories, product_id, window.measured, excluded=after, full_window=full_window, rolling=moving
        )
        return replace(measured, provisional=self.provisional(product_id, end, end, end)[1])

    def agreement_figures(self, product_id: str, window: Window, at: int, now: int | None = None) -> AgreementFigures:
        """Return the product's raw and contractual figures over a window as of `at`, and the exclusions between them.

        `now` decides whether the figures are provisional; default: `at`.
        """
        product = self.products[product_id]
        limits = tuple(product.agreement.limits())
        exclusions = self.exclusions(product_id, required_history(limits, window.full))
        figures = measure_agreement(
            self.compositions[product_id],
            window,
            product.objective,
            exclusions,
            interval=_interval(product),
            limits=limits,
            rolling=window.rolling,
            after=self.after_exclusions(product_id, window.full, window.measured.end),
            contractual=self.contractual_histories[product_id],
        )
        end = window.measured.end
        raw, contractual = self.provisional(product_id, at, at if now is None else now, end)
        return figures.mark_provisional(raw=raw, contractual=contractual)

    def exclusions(self, product_id: str, window: Interval) -> list[Exclusion]:
        """Return the exclusions of the product in the window, one per cause and interval.

        Raises:
            KeyError: unknown product.
        """
        return agreed_exclusions(self.products[product_id], window, self.portfolio, self._facts, self._histories)

    def not_excluded_maintenance(self, product_id: str, window: Interval) -> list[NotExcluded]:
        """Return the maintenance of the product in the window that its agreement does not exclude, with the reasons."""
        product = self.products[product_id]
        return not_excluded_maintenance(product, window, self.portfolio, self._facts, self._histories)

    def after_exclusions(self, product_id: str, window: Interval, measured_to: int | None = None) -> AfterExclusions:
        """Return the window of the product without its exclusions, from cached sums.

        After `measured_to`, only lengths are valid.
        """
        return self._excluded.after(product_id, window, measured_to)

    def _exclusion_sources(self, product_id: str) -> list[Eras]:
        """Return the product's contractual history, then those of the dependencies whose downtime it excludes."""
        dependencies = map(self._histories.find, sorted(self.excluded_dependencies(product_id)))
        return [self.contractual_histories[product_id], *(history for history in dependencies if history is not None)]

    def excluded_dependencies(self, product_id: str) -> set[str]:
        """Return the products whose downtime is excluded by the present or an earlier agreement of the product."""
        return excluded_dependencies(self.definitions(product_id), self.products.get(product_id))

    @property
    def incidents(self) -> list[Incident]:
        """The incidents of the portfolio's checks, newest first."""
        return self._incidents.newest(self.entries)

    def all_incidents(self) -> list[Incident]:
        """Return the incidents of all recorded checks, including checks that are not configured."""
        return self._incidents.all()

    def incidents_of(self, product_id: str, window: Interval) -> list[Incident]:
        """Return the product's incidents that may overlap the window, including those of removed checks.

        The open incident of a removed check counts until the check's last known observation expires.
        """
        incidents = (incident for incident in self._incidents.all() if incident.product == product_id)
        return [
            incident
            for incident in incidents
            if incident.check in self.entries or self.history(incident.check).may_be_open_at(incident, window.start)
        ]

    def open_incidents(self, product_id: str | None = None) -> list[Incident]:
        """Return the open incidents of one product or of all products, newest first."""
        return [
            incident for incident in self._incidents.newest_open(self.entries) if product_id in (None, incident.product)
        ]

    def apply(self, change: Opened | Resolved) -> Incident:
        """Add the incident of a tracker's decision; return it with its first and newest failing probe."""
        return self._incidents.apply(change, self.entries.get(change.incident.check))

    def with_newest_failure(self, incident: Incident) -> Incident:
        """Return the incident, with the newest failing probe if it is open."""
        entry = self.entries.get(incident.check)
        return incident if entry is None else entry.with_newest_failure(incident)

    @property
    def seeded_until(self) -> int | None:
        """The end of the synthetic history of the configured checks; None without synthetic history."""
        ends = (entry.seeded_until for entry in self.entries.values())
        return max((end for end in ends if end is not None), default=None)

    def all_histories(self) -> list[CheckHistory]:
        """Return the histories of all recorded checks, including checks that are not configured."""
        return [*self.probed_entries(), *self._unconfigured.values()]


def _redefined(previous: Facts, facts: Facts, name: str) -> bool:
    """Return whether the product's definitions or pauses changed."""
    return previous.definitions(name) != facts.definitions(name) or previous.pauses(name) != facts.pauses(name)


def _interval(product: Product) -> int:
    return max(check.interval for check in product.checks)
