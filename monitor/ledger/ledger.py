"""The in-memory truth: every check's timeline, every product's composition, every incident. Pages and metrics read it.

It is fed by the recorder, one observation at a time, and at start from the store. Nothing in here waits, writes or
reads a clock; all of it belongs to the event loop's thread.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from monitor.config.former_ids import FormerIdMap
from monitor.facts.known_facts import Facts
from monitor.ledger.agreement_exclusions import agreed_exclusions, excluded_dependencies
from monitor.ledger.check_entry import CheckEntry
from monitor.ledger.check_history import CheckHistory, fold_tail
from monitor.ledger.exclusion_sums import ExclusionSums
from monitor.ledger.incident_register import IncidentRegister
from monitor.ledger.product_histories import ProductHistories
from monitor.ledger.renamed_checks import (
    joined_history,
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
    from collections.abc import Iterable, Iterator, Sequence

    from monitor.config.model import Portfolio, Product
    from sla.after_exclusions import AfterExclusions
    from sla.definition import Definition
    from sla.eras import Eras
    from sla.exclusion import Exclusion
    from sla.incident import Incident, Opened, Resolved
    from sla.observation import Observation, Run
    from sla.product_incident import ProductIncident
    from sla.timeline import State


class Ledger:
    """Everything known of a portfolio, by check and by product."""

    def __init__(self, portfolio: Portfolio) -> None:
        self.entries: dict[str, CheckEntry] = {}
        self._histories = ProductHistories(lambda key: self.history(key).timeline)
        self.products: dict[str, Product] = {}
        self._excluded = ExclusionSums(self.exclusions, self._excluding)
        self._facts, self.former = Facts(), FormerIdMap()
        self._others: dict[str, CheckHistory] = {}
        self._incidents = IncidentRegister()
        self.product_incidents: dict[str, ProductIncident] = {}  # kept by monitor/alerting/outages.py
        self.reload(portfolio)

    def reload(self, portfolio: Portfolio) -> None:
        """Take over a validated portfolio. History belongs to a check's key, whatever else of it changes.

        A removed check is not shown any more, nor are its incidents. An open one stays open in the store without an
        announcement: no probe saw the check recover. If the key is configured again, it continues its recorded history,
        whichever process recorded it.
        """
        self.portfolio = portfolio
        self.products = {product.id: product for product in portfolio.products}
        counted = self.entries.copy()
        self._rename(FormerIdMap.of(portfolio, self._facts.renamings))
        known, ongoing = self._others | self.entries, self._incidents.ongoing()
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

    @property
    def compositions(self) -> dict[str, Eras]:
        """The history of each configured product, by its id."""
        return self._histories.configured

    @property
    def facts(self) -> Facts:
        """What people and loads of the configuration stated; definitions decide how a product is composed."""
        return self._facts

    @facts.setter
    def facts(self, facts: Facts) -> None:
        before, self._facts = self._facts, facts
        self._excluded.forget(name for name in self.products if before.excluding(name) != facts.excluding(name))
        if facts.renamings != before.renamings and FormerIdMap.of(self.portfolio, facts.renamings) != self.former:
            self.reload(self.portfolio)
        elif any(before.definitions(name) != facts.definitions(name) for name in {*self.products, *facts.products}):
            self._compose()

    def _compose(self) -> None:
        self._histories.compose(self.portfolio.products, self._facts)
        self._excluded.clear()

    def _rename(self, former: FormerIdMap) -> None:
        """Let each present key continue what is known of its former ones; facts and incidents as well."""
        self.former, self._facts = former, Facts(self._facts.all, former=former)
        self._incidents.rename(former)
        for key, histories in renamed_histories(self._others | self.entries, former):
            for old in histories:
                self._others.pop(old.key, None)
                self.entries.pop(old.key, None)
            self._others[key] = joined_history(key, histories)

    def restore(self, runs: Iterable[Run], tail: Iterable[Observation], incidents: Iterable[Incident]) -> list[Run]:
        """Rebuild from the record: runs by check and `first`, then what was observed after each check's last run.

        The time since the last observation shows as unknown once the hold is over. Checks that the portfolio does not
        have are taken in as well. Return the runs that the tail was folded into; until they are written, it is nowhere
        but in the raw observations, which are not kept for ever.
        """
        for key, group in groupby(renamed_runs(runs, self.former), attrgetter("check")):
            if own := [run for run in group if run.vantage == VANTAGE]:
                self.history(key).restore_runs(own)
        folded = fold_tail(renamed_tail(tail, self.former), self.history)
        for incident in incidents:
            self._incidents.add(renamed_incident(incident, self.former))
        ongoing = self._incidents.ongoing()
        for history in self.everything():
            history.restore_incident(ongoing.get(history.key))
        for entry in self.entries.values():
            entry.define(entry.product, entry.check)
        self._compose()
        return folded

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
        return max((e.open_run.last for e in self.entries.values() if e.open_run is not None), default=None)

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
        whole, moves = None, True
        if isinstance(window, Window):
            whole, moves = window.whole if window.in_progress else None, window.rolling
            window = window.measured
        span = window if isinstance(window, Interval) else rolling(WINDOWS[window], at)
        found = self._measured(product_id, span, whole=whole, rolling=moves and span.end == at)
        raw, _ = self.provisional(product_id, at, at if now is None else now, span.end)
        return replace(found, provisional=raw)

    def _measured(
        self,
        product_id: str,
        window: Interval,
        *,
        excluded: Iterable[Interval] | AfterExclusions = (),
        whole: Interval | None = None,
        rolling: bool = True,
    ) -> Measured:
        product = self.products[product_id]
        return measure(
            self.compositions[product_id],
            window,
            product.objective,
            excluded=excluded,
            interval=_interval(product),
            whole=whole,
            rolling=rolling,
        )

    def provisional(self, product_id: str, at: int, now: int, end: int) -> tuple[bool, bool]:
        """Return whether the raw and the contractual figures as of `at`, of a window that ends at `end`, may change.

        They may until the outcome of all that was due or sent until `at` has arrived, but for checks that have known
        outcomes from after the window. The contractual figure also depends on the dependencies that it excludes.
        """
        raw = self._may_change(product_id, at, now, end)
        others = (name for name in self.excluded_dependencies(product_id) if name in self.products)
        return raw, raw or any(self._may_change(name, at, now, end) for name in others)

    def _may_change(self, product_id: str, at: int, now: int, end: int) -> bool:
        """Return the same of a product's raw figures: checks that no definition had before `end` are not in them."""
        defined = self.compositions[product_id].defined_until(end)
        late = (entry for entry in self.of(product_id) if entry.may_change(at, now, end))
        return any(entry.timeline in defined for entry in late)

    def forecast(self, product_id: str, now: int) -> Forecast:
        """Return whether the raw budget of the product's own window lasts at its last day's pace."""
        product = self.products[product_id]
        over = min(FORECAST_SPAN, product.window)
        burn = self.measured(product_id, Interval(now - over, now), now).burn_rate
        held = self.measured(product_id, Interval(now - product.window, now), now).budget
        assert held is not None, "a product has an objective"  # noqa: S101 - for the type checker
        return Forecast(over, burn, exhausted_at(held, product.objective, burn, now, product.window))

    def contractual(self, product_id: str, window: Interval) -> Measured:
        """Return the product's figures over a window that ends now after the exclusions of its agreement."""
        found = self._measured(product_id, window, excluded=self.after_exclusions(product_id, window))
        return replace(found, provisional=self.provisional(product_id, window.end, window.end, window.end)[1])

    def agreement_figures(self, product_id: str, window: Window, at: int, now: int | None = None) -> AgreementFigures:
        """Return the product's raw and contractual figures over a window as of `at`, with the audit between them.

        `now` is the present, which decides whether the figures are provisional; `at` by default.
        """
        product = self.products[product_id]
        limits = tuple(product.agreement.limits())
        cut = self.exclusions(product_id, required_history(limits, window.whole))
        found = measure_agreement(
            self.compositions[product_id],
            window,
            product.objective,
            cut,
            interval=_interval(product),
            limits=limits,
            rolling=window.rolling,
            after=self.after_exclusions(product_id, window.whole),
        )
        end = window.measured.end
        raw, contractual = self.provisional(product_id, at, at if now is None else now, end)
        return found.mark_provisional(raw=raw, contractual=contractual)

    def exclusions(self, product_id: str, window: Interval) -> list[Exclusion]:
        """Return what the product's agreement excludes from the window, cause by cause.

        Raises:
            KeyError: there is no such product.
        """
        return agreed_exclusions(self.products[product_id], window, self.portfolio, self._facts, self._histories)

    def after_exclusions(self, product_id: str, window: Interval) -> AfterExclusions:
        """Return what the product's agreement leaves of the window, from sums that are kept of the past."""
        return self._excluded.after(product_id, window)

    def _excluding(self, product_id: str) -> list[Eras]:
        """Return the histories that the exclusions of a product depend on, its own first."""
        others = map(self._histories.find, sorted(self.excluded_dependencies(product_id)))
        return [self.compositions[product_id], *(each for each in others if each is not None)]

    def excluded_dependencies(self, product_id: str) -> set[str]:
        """Return the products whose downtime an agreement of the product excludes, the present one or an earlier."""
        return excluded_dependencies(self.definitions(product_id), self.products.get(product_id))

    @property
    def incidents(self) -> list[Incident]:
        """The incidents of the portfolio's checks, newest first."""
        return self._incidents.newest(self.entries)

    def all_incidents(self) -> list[Incident]:
        """Return the incidents of all recorded checks, those that are not in the portfolio included."""
        return self._incidents.all()

    def incidents_of(self, product_id: str, window: Interval) -> list[Incident]:
        """Return the product's incidents that may touch the window, those of checks that were removed included.

        One that is open although its check is no longer probed ends, for the window, with what is known of the check.
        """
        found = (each for each in self._incidents.all() if each.product == product_id)
        return [i for i in found if i.check in self.entries or self.history(i.check).may_last(i, window.start)]

    def open_incidents(self, product_id: str | None = None) -> list[Incident]:
        """Return the incidents that are not resolved, newest first, of one product or of all."""
        return [i for i in self.incidents if i.resolved is None and product_id in (None, i.product)]

    def decide(self, change: Opened | Resolved) -> Incident:
        """Take in what a tracker decided, and return the incident with the failing probes that it keeps."""
        return self._incidents.decide(change, self.entries.get(change.incident.check))

    def current(self, incident: Incident) -> Incident:
        """Return the incident with its newest failing probe, which one that is open gets with each probe."""
        entry = self.entries.get(incident.check)
        return incident if entry is None else entry.current(incident)

    @property
    def seeded_until(self) -> int | None:
        """The instant until which history of the portfolio's checks is made up; None where none is."""
        return max((e.seeded_until for e in self.entries.values() if e.seeded_until is not None), default=None)

    def everything(self) -> list[CheckHistory]:
        """Return the histories of all recorded checks, those that are not in the portfolio included."""
        return [*self.entries.values(), *self._others.values()]


def _interval(product: Product) -> int:
    return max(check.interval for check in product.checks)
