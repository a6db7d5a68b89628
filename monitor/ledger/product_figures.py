"""The figures of the products in the ledger: raw and contractual figures, exclusions, alerts and forecasts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.ledger.agreement_exclusions import (
    agreed_exclusions,
    excluded_dependencies,
    not_excluded_maintenance,
)
from sla.alerting import BurnAlert, LookBacks, burn_alerts
from sla.budget import FORECAST_LOOKBACK, Forecast, exhausted_at
from sla.calendar import Window
from sla.exclusion import AgreementFigures, measure_agreement
from sla.interval import Interval
from sla.measured import MeasuredObjective, measure
from sla.outage import required_history
from sla.window import WINDOWS, rolling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from monitor.config.model import Portfolio, Product
    from monitor.facts.fact_index import Facts
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.exclusion_sums import ExclusionSums
    from monitor.ledger.product_histories import ProductHistories
    from sla.after_exclusions import AfterExclusions
    from sla.budget import Budget
    from sla.definition import Definition
    from sla.eras import Eras
    from sla.exclusion import Exclusion
    from sla.maintenance_terms import MaintenanceNotExcluded
    from sla.timeline import State


class ProductFigures(ABC):
    """Compute the figures of products from the histories, facts and agreements in the ledger, which is a subclass."""

    portfolio: Portfolio
    products: dict[str, Product]
    _facts: Facts
    _histories: ProductHistories
    _excluded: ExclusionSums

    @abstractmethod
    def entries_of(self, product_id: str) -> Iterator[CheckEntry]:
        """Yield the product's checks in the order of the configuration."""

    @property
    def compositions(self) -> dict[str, Eras]:
        """The history of each configured product, by its id."""
        return self._histories.configured

    @property
    def contractual_histories(self) -> dict[str, Eras]:
        """The history of each configured product for contractual figures, which may count degraded time as down."""
        return self._histories.contractual

    def definitions(self, product_id: str) -> Sequence[Definition]:
        """Return the product's definitions in chronological order. Empty before it is first loaded."""
        return self._facts.definitions(product_id)

    def state(self, product_id: str, now: int) -> State:
        """Return the product's state at the instant."""
        return self.compositions[product_id].state(now)

    def burn_alerts(self, product_id: str, now: int) -> list[BurnAlert]:
        """Return the state of each burn policy over the product's window. Empty if no time is known."""
        product = self.products[product_id]
        history = self.compositions[product_id]
        return burn_alerts(
            product.objective, product.window.length, history.state(now).estimate, LookBacks.of(history, now)
        )

    def measured(
        self, product_id: str, window: Window | Interval | str, at: int, now: int | None = None
    ) -> MeasuredObjective:
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
        moves = is_rolling and span.end == at
        measured = self._measured(self.compositions, product_id, span, full_window=full_window, rolling=moves)
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
    ) -> MeasuredObjective:
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
        """Return whether the product's raw figures may change. Checks and vantages defined after `end` do not count."""
        defined = self.compositions[product_id].defined_until(end)
        changing = (entry for entry in self.entries_of(product_id) if entry.may_change(at, now, end, defined))
        return any(entry.timeline in defined for entry in changing)

    def late_vantages(self, products: Iterable[str], end: int) -> dict[str, int | None]:
        """Return the vantages whose observations of the products in a window that ends at `end` may still arrive.

        Each has the instant up to which it has delivered the observations of all checks, None if it has delivered none
        of a check. Checks of the dependencies whose downtime is excluded count too.
        """
        delivered: dict[str, int | None] = {}
        for name in self._with_dependencies(products) if self.portfolio.vantages else ():
            defined = self.compositions[name].defined_until(end)
            entries = (entry for entry in self.entries_of(name) if entry.timeline in defined)
            for vantage, last in (late for entry in entries for late in entry.late_vantages(end, defined)):
                known = delivered.get(vantage, last)
                delivered[vantage] = None if last is None or known is None else min(last, known)
        return delivered

    def _with_dependencies(self, products: Iterable[str]) -> Iterable[str]:
        """Return the products, and their dependencies whose downtime is excluded, each once."""
        names = (name for product in products for name in (product, *self.excluded_dependencies(product)))
        return dict.fromkeys(name for name in names if name in self.products)

    def forecast(self, product_id: str, now: int, budget: Budget | None = None) -> Forecast:
        """Forecast the exhaustion of the raw budget of the product's window, at the burn rate of the last day.

        `budget` is this budget, if it is already computed.
        """
        product = self.products[product_id]
        span = min(FORECAST_LOOKBACK, product.window.length)
        burn_rate = self.measured(product_id, Interval(now - span, now), now).burn_rate
        if budget is None:
            budget = self.measured(product_id, self.own_window(product_id, now), now).budget
        horizon = product.window.horizon(now, self.portfolio.zone)
        return Forecast(span, burn_rate, exhausted_at(budget, product.objective, burn_rate, now, horizon))

    def own_window(self, product_id: str, at: int) -> Window:
        """Return the window of the product's objective as of the instant."""
        return self.products[product_id].window.at(at, self.portfolio.zone)

    def contractual(self, product_id: str, window: Window | Interval) -> MeasuredObjective:
        """Return the product's contractual figures over a window that is measured until now."""
        if isinstance(window, Interval):
            window = Window("", window, window)
        end, full_window = window.measured.end, window.full if window.in_progress else None
        after = self.after_exclusions(product_id, window.full, end)
        histories, moves = self.contractual_histories, not window.in_progress
        measured = self._measured(
            histories, product_id, window.measured, excluded=after, full_window=full_window, rolling=moves
        )
        return replace(measured, provisional=self.provisional(product_id, end, end, end)[1])

    def agreement_figures(self, product_id: str, window: Window, at: int, now: int | None = None) -> AgreementFigures:
        """Return the product's raw and contractual figures over a window as of `at`, with the exclusions.

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

    def not_excluded_maintenance(self, product_id: str, window: Interval) -> list[MaintenanceNotExcluded]:
        """Return the maintenance of the product in the window that its agreement does not exclude, with the reasons."""
        product = self.products[product_id]
        return not_excluded_maintenance(product, window, self.portfolio, self._facts, self._histories)

    def after_exclusions(self, product_id: str, window: Interval, measured_to: int | None = None) -> AfterExclusions:
        """Return the window of the product without its exclusions, from cached sums.

        After `measured_to`, only lengths are valid.
        """
        return self._excluded.after(product_id, window, measured_to)

    def _exclusion_sources(self, product_id: str) -> list[Eras]:
        """Return the product's contractual history, then the histories of the dependencies that it excludes."""
        dependencies = map(self._histories.find, sorted(self.excluded_dependencies(product_id)))
        return [self.contractual_histories[product_id], *(history for history in dependencies if history is not None)]

    def excluded_dependencies(self, product_id: str) -> set[str]:
        """Return the products whose downtime is excluded by the current or an earlier agreement of the product."""
        return excluded_dependencies(self.definitions(product_id), self.products.get(product_id))


def _interval(product: Product) -> int:
    return max(check.interval for check in product.checks)
