"""The error budget of a product as its page shows it: figure, sentence, gauge and forecast."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from monitor.views.formatting import Moment, moment, window_name
from sla.objective import format_duration

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sla.budget import Budget, Forecast
    from sla.measured import MeasuredObjective

GAUGE_WIDTH = 200.0  # units of the gauge's viewBox


@dataclass(frozen=True, slots=True)
class BudgetView:
    """The remaining budget in microseconds, the spent budget as `text`, and the width of the gauge's bar.

    `title` names the budget. `raw` is the remaining raw budget as text if the contractual budget is shown, else empty.
    `forecast` is a sentence about the raw budget without full stop. It ends with the instant `exhausted_at`, if there
    is one.
    """

    title: str

    remaining: Fraction | int
    text: str
    gauge: float
    raw: str
    has_forecast: bool
    forecast: str
    exhausted_at: Moment | None


def budget_view(
    measured: MeasuredObjective, contractual: MeasuredObjective, forecast: Forecast, zone: ZoneInfo
) -> BudgetView:
    """Return the view of the contractual budget over the product's own window, or of the raw one if both are equal."""
    raw, budget = measured.budget, contractual.budget
    is_contractual = raw != budget
    title = "Contractual budget left" if is_contractual else "Budget left"
    raw_text = f"{_left_text(raw)} of the raw budget" if is_contractual else ""
    spent = f"{format_duration(budget.spent)} of {format_duration(budget.allowed)} spent"
    gauge = gauge_width(Fraction(budget.remaining), Fraction(budget.allowed))
    at = forecast.exhausted_at
    exhausted_at = None if at is None or forecast.burn is None else moment(at, zone)
    forecast_text = _forecast_text(forecast, "raw budget" if is_contractual else "budget")
    return BudgetView(title, budget.remaining, spent, gauge, raw_text, raw.remaining > 0, forecast_text, exhausted_at)


def _left_text(budget: Budget) -> str:
    """Return the remaining budget as text: `12m left`, or `3m overspent`."""
    return f"{format_duration(abs(budget.remaining))} {'left' if budget.remaining >= 0 else 'overspent'}"


def gauge_width(remaining: Fraction, allowed: Fraction) -> float:
    """Return the width of the gauge's bar. An overspent budget has the full width, in another colour."""
    if remaining < 0:
        return GAUGE_WIDTH
    return round(float(remaining / allowed) * GAUGE_WIDTH, 1) if allowed else 0.0


def _forecast_text(forecast: Forecast, name: str) -> str:
    period = f"the last {window_name(forecast.lookback)}"
    if forecast.burn is None:
        return f"No budget forecast: {period} are unknown"
    if forecast.exhausted_at is None:
        return f"At the burn rate of {period}, the {name} lasts"
    return f"At the burn rate of {period}, the {name} runs out at"
