"""Metric lines of a product's budget: allowed, remaining, and the instant at which it is spent."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from monitor.exporters.exposition import series
from monitor.exporters.families import PRODUCT_FAMILIES, ProductColumn
from monitor.exporters.window_lines import label_of
from sla import availability as figures
from sla.budget import FORECAST_LOOKBACK, Budget, allowed_within, exhausted_at
from sla.interval import SECOND

if TYPE_CHECKING:
    from monitor.config.model import Product
    from sla.alerting import LookBacks
    from sla.calendar import Window
    from sla.objective import Objective
    from sla.states import Durations

BUDGET_COLUMNS: Final = (
    ProductColumn.BUDGET_ALLOWED,
    ProductColumn.BUDGET_REMAINING,
    ProductColumn.BUDGET_EXHAUSTION,
)


class BudgetLines:
    """The samples of a product's budget. Unchanged texts are reused."""

    __slots__ = ("_allowed", "_objectives", "_overspent", "_prefixes", "_product", "_spent", "_texts", "span")

    def __init__(self, product: Product) -> None:
        self._product = product
        window = label_of(product.window)
        self._prefixes = [
            series(PRODUCT_FAMILIES[column].name, product=product.id, window=window) for column in BUDGET_COLUMNS
        ]
        self.span = min(FORECAST_LOOKBACK, product.window.length)
        self._objectives: tuple[int, list[tuple[int, Objective]]] | None = None
        self._allowed = Fraction(0)
        self._spent: int | None = None
        self._overspent = False
        self._texts = ("", "")

    def texts(self, look_backs: LookBacks, window: Window, durations: Durations) -> tuple[str, str, str]:
        """Return the 3 lines. `window` is the product's window, `durations` those of its measured part."""
        history = look_backs.history
        parts = window.full.length, [(span.length, objective) for span, objective in history.objectives(window.full)]
        spent = figures.estimated_downtime(durations)
        if parts != self._objectives or spent != self._spent:
            if parts != self._objectives:
                self._allowed = allowed_within(history, window.full, self._product.objective)
            self._objectives, self._spent, self._overspent = parts, spent, spent >= self._allowed
            allowed, remaining, _ = self._prefixes
            amounts = self._allowed / SECOND, (self._allowed - spent) / SECOND
            self._texts = f"{allowed}{float(amounts[0])!r}\n", f"{remaining}{float(amounts[1])!r}\n"
        # Downtime counts until it leaves the rolling window, or until the calendar window ends.
        horizon = window.full.end - look_backs.at if window.in_progress else window.full.length
        return (*self._texts, self._exhaustion(look_backs, spent, horizon))

    def _exhaustion(self, look_backs: LookBacks, spent: int, horizon: int) -> str:
        product = self._product
        if not self._overspent and not figures.estimated_downtime(look_backs.durations[self.span]):
            return ""  # without downtime in the span, the burn rate is 0 or unknown
        burn = look_backs.burn(product.objective, self.span)
        budget = Budget(self._allowed, Fraction(spent))
        end = exhausted_at(budget, product.objective, burn, look_backs.at, horizon)
        return "" if end is None else f"{self._prefixes[2]}{end / SECOND!r}\n"
