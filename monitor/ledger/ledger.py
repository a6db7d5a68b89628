"""The in-memory state: the timeline of each check, the history of each product, and all incidents.

At startup the state is read from the store; then the recorder adds one observation at a time. The ledger does no I/O
and reads no clock. Use it only on the event loop's thread.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from monitor.config.former_ids import FormerIdMap
from monitor.facts.fact_index import Facts
from monitor.ledger.check_entry import CheckEntry
from monitor.ledger.check_history import CheckHistory, append_tail
from monitor.ledger.continuity_register import ContinuityRegister
from monitor.ledger.exclusion_sums import ExclusionSums
from monitor.ledger.incident_register import IncidentRegister
from monitor.ledger.journey_register import JourneyRegister
from monitor.ledger.latencies import Latencies
from monitor.ledger.paused_states import PausedStates
from monitor.ledger.product_figures import ProductFigures
from monitor.ledger.product_histories import ProductHistories
from monitor.ledger.renamed_checks import (
    merge_histories,
    renamed_histories,
    renamed_incident,
    renamed_runs,
    renamed_tail,
)
from monitor.probe_result import VANTAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from monitor.config.model import CheckBase, Portfolio, Product
    from sla.incident import Incident, Opened, Resolved
    from sla.interval import Interval
    from sla.latency_day import LatencyDay
    from sla.latency_objective import Fast
    from sla.observation import Observation, Run
    from sla.product_incident import ProductIncident
    from sla.state_history import History


class Ledger(ProductFigures):
    """The state of a portfolio, by check and by product."""

    def __init__(self, portfolio: Portfolio) -> None:
        self.entries: dict[str, CheckEntry] = {}
        self.site_entries: dict[
            str, CheckEntry
        ] = {}  # checks of sites; they have no incidents and no effect on figures
        self._histories = ProductHistories(self.history)
        self.products: dict[str, Product] = {}
        self._excluded = ExclusionSums(self.exclusions, self._exclusion_sources)
        self._facts, self.former_ids = Facts(), FormerIdMap()
        self._unconfigured: dict[str, CheckHistory] = {}
        self._incidents, self._paused_states = IncidentRegister(), PausedStates()
        self.continuity, self.journeys = ContinuityRegister(), JourneyRegister()
        self.latencies = Latencies(portfolio.zone)
        self.product_incidents: dict[str, ProductIncident] = {}  # maintained by monitor/alerting/product_incidents.py
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
        for entry in self.entries.values():
            entry.vote(self._states_of_vantages(entry.key))
        for incident in self._incidents.all() if self.portfolio.vantages else ():
            entry_of_incident = self.entries.get(incident.check)
            if incident.resolved is not None and entry_of_incident is not None:
                entry_of_incident.open_after(incident)

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

        `runs` are ordered by check and `first`; `tail` has the observations after each check's last run. Return the
        runs that contain the tail. The caller must write them, because raw observations are pruned.
        """
        vantages = self._vantages()
        for key, group in groupby(renamed_runs(runs, self.former_ids), attrgetter("check")):
            for vantage, runs_of_vantage in groupby(group, attrgetter("vantage")):
                if vantage in vantages:
                    self.history(key).view(vantage).restore_runs(list(runs_of_vantage))
        tail_runs = append_tail(renamed_tail(tail, self.former_ids), self.history, vantages)
        for incident in incidents:
            self._incidents.add(renamed_incident(incident, self.former_ids))
        open_incidents = self._incidents.open()
        for history in self.all_histories():
            history.restore_incident(open_incidents.get(history.key))
        for entry in self.probed_entries():
            entry.define(entry.product, entry.check)
        self._compose()
        return tail_runs

    def _vantages(self) -> set[str]:
        """Return the vantages of the portfolio's checks, and of all definitions."""
        definitions = chain.from_iterable(map(self._facts.definitions, self._facts.products))
        members = (member.vantage for definition in definitions for member in definition.members)
        configured = chain.from_iterable(check.vantages for _, check in self.portfolio.checks())
        return {VANTAGE, *configured, *members}

    def history(self, key: str) -> CheckHistory:
        """Return the history of a check, configured or not. Returns an empty history for an unknown key."""
        entry = self.entry(key)
        return entry if entry is not None else self._unconfigured.setdefault(key, CheckHistory(key))

    def states_of(self, key: str) -> History:
        """Return the states of a check, which follow from its vantages. They are unknown while it is paused."""
        pauses = self._facts.pauses(key.partition("/")[0])
        return self._paused_states.of(key, self._states_of_vantages(key), pauses)

    def _states_of_vantages(self, key: str) -> History:
        """Return the states of a check by the quorum of its vantages, or the timeline of its only vantage."""
        entry = self.entries.get(key)
        if entry is None:
            return self.history(key).timeline
        return self._histories.states(key, entry.check.vantages, entry.check.quorum.votes)

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
        """Return the days of latencies of a check, including those under its former keys, by `start`."""
        return self.latencies.days(self._latency_keys(key))

    def fast_responses(self, key: str, limit: int, since: int, until: int) -> Fast:
        """Return the responses of a check under the limit in the days that start in [since, until)."""
        return self.latencies.fast_responses(self._latency_keys(key), limit, since, until)

    def _latency_keys(self, key: str) -> list[str]:
        return [key, *(old for old, new in self.former_ids.checks.items() if new == key)]

    @property
    def last_observation_at(self) -> int | None:
        """The instant of the last observation of all checks. Observations of an earlier instant cannot be added."""
        runs = (entry.open_run for entry in self.entries.values())
        return max((run.last for run in runs if run is not None), default=None)

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
        """Add the incident of a tracker's decision, and return it with its first and last failing probe.

        Paused time does not count as downtime of the incident.
        """
        incident = self._incidents.apply(change, self.entries.get(change.incident.check))
        states = self.states_of(incident.check)
        if incident.resolved is None or incident.downtime is None or states is self.history(incident.check).timeline:
            return incident
        incident = replace(incident, downtime=incident.downtime_until(incident.resolved, states))
        self._incidents.add(incident)
        return incident

    def with_last_failure(self, incident: Incident) -> Incident:
        """Return the incident, with the last failing probe if it is open."""
        entry = self.entries.get(incident.check)
        return incident if entry is None else entry.with_last_failure(incident)

    @property
    def seeded_until(self) -> int | None:
        """The end of the synthetic history of the configured checks; None without synthetic history."""
        ends = (entry.seeded_until for entry in self.entries.values())
        return max((end for end in ends if end is not None), default=None)

    def all_views(self) -> list[CheckHistory]:
        """Return the histories of all recorded checks at all vantages."""
        return [view for history in self.all_histories() for view in (history, *history.views.values())]

    def all_histories(self) -> list[CheckHistory]:
        """Return the histories of all recorded checks, including checks that are not configured."""
        return [*self.probed_entries(), *self._unconfigured.values()]


def _redefined(previous: Facts, facts: Facts, name: str) -> bool:
    """Return whether the product's definitions or pauses changed."""
    return previous.definitions(name) != facts.definitions(name) or previous.pauses(name) != facts.pauses(name)
