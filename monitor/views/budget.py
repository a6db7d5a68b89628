"""The error budget of a product as its page shows it: figure, sentence, gauge and forecast."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from monitor.views.formatting import Moment, moment, window_name
from sla.objective import format_duration

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sla.budget import Forecast
    from sla.measured import Measured

GAUGE_WIDTH = 200.0  # units of the gauge's viewBox


@dataclass(frozen=True, slots=True)
class BudgetView:
    """The remaining budget in microseconds, the spent budget as `text`, and the width of the gauge's bar.

    `forecast` is a sentence without full stop. It ends with the instant `exhausted_at`, if there is one.
    """

    remaining: Fraction | int
    text: str
    gauge: float
    forecast: str
    exhausted_at: Moment | None


def budget_view(measured: Measured, forecast: Forecast, zone: ZoneInfo) -> BudgetView:
    """Return the view of the budget over the product's own window."""
    budget = measured.budget
    assert budget is not None, "a product has an objective"  # noqa: S101 - for the type checker
    spent = f"{format_duration(budget.spent)} of {format_duration(budget.allowed)} spent"
    gauge = _gauge(Fraction(budget.remaining), Fraction(budget.allowed))
    at = forecast.exhausted_at
    exhausted_at = None if at is None or forecast.burn is None else moment(at, zone)
    return BudgetView(budget.remaining, spent, gauge, _forecast_text(forecast), exhausted_at)


def _gauge(remaining: Fraction, allowed: Fraction) -> float:
    """Return the width of the gauge's bar. An overspent budget has the full width, in another colour."""
    if remaining < 0:
        return GAUGE_WIDTH
    return round(float(remaining / allowed) * GAUGE_WIDTH, 1) if allowed else 0.0


def _forecast_text(forecast: Forecast) -> str:
    period = f"the last {window_name(forecast.over)}"
    if forecast.burn is None:
        return f"No budget forecast: {period} are unknown"
    if forecast.exhausted_at is None:
        return f"At the burn rate of {period}, the budget lasts"
    return f"At the burn rate of {period}, the budget runs out at"
