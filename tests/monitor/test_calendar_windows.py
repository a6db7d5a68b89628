"""Products whose objective has a calendar window: budget, forecast, gate and previous periods."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from monitor.config.model import Portfolio
from monitor.ledger.product_drills import stop_reason
from monitor.ledger.release_gate import gate_answer, release_gate
from monitor.views.product_context import _value
from sla.availability import Verdict
from sla.gate import Answer
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.window import parse_instant, parse_window
from tests.support.ledgers import history, ledger_of, product

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger

JULY, AUGUST, SEPTEMBER = (parse_instant(f"2026-{month}-01T07:00:00Z") for month in ("07", "08", "09"))
END = parse_instant("2026-10-01T07:00:00Z")
MONTH = Interval(SEPTEMBER, END)
OUTAGE = 20  # minutes


def ledger_with(*outages: int, until: int, window: str = "month", **fields: object) -> Ledger:
    """Return a ledger of one product with outages of 20 minutes that begin at the given instants."""
    ledger = ledger_of(product("forms", window=window, **fields))
    downtimes = [(start, start + (OUTAGE - 1) * MINUTE, "deadline") for start in outages]
    ledger.restore(history("forms/health", AUGUST, until, downtimes), [], [])
    return ledger


def test_budget_is_that_of_the_whole_month_and_spent_since_its_start() -> None:
    now = SEPTEMBER + 10 * DAY
    ledger = ledger_with(SEPTEMBER - DAY, SEPTEMBER + 2 * DAY, until=now)
    measured = ledger.measured("forms", ledger.own_window("forms", now), now)
    assert measured.window == Interval(SEPTEMBER, now)
    assert measured.budget is not None
    assert measured.budget.allowed == Fraction(30 * DAY, 1000)
    assert measured.budget.spent == OUTAGE * MINUTE
    assert measured.verdict is Verdict.MISSED, "in the elapsed part (measurement.md, section 6)"


def test_new_month_has_a_new_budget_and_the_past_month_keeps_its_figures() -> None:
    ledger = ledger_with(SEPTEMBER - DAY, SEPTEMBER + 2 * DAY, until=END + DAY)
    past = parse_window("month", END - 1, ledger.portfolio.zone).full
    assert past == MONTH
    before = ledger.measured("forms", past, END + HOUR)
    assert ledger.measured("forms", ledger.products["forms"].window.before(END + HOUR, ledger.portfolio.zone), END) == (
        before
    )
    ledger.reload(Portfolio.model_validate({"products": [product("forms", window="quarter")]}))
    assert ledger.measured("forms", past, END + DAY) == before
    for at in (END, END + 1, END + HOUR):
        ledger.reload(Portfolio.model_validate({"products": [product("forms", window="month")]}))
        budget = ledger.measured("forms", ledger.own_window("forms", at), at).budget
        assert budget is not None
        assert (budget.allowed, budget.spent) == (Fraction(31 * DAY, 1000), 0)


@pytest.mark.parametrize(("days", "lasts"), [(10, False), (29, True)])
def test_forecast_ends_with_the_period(days: int, lasts: bool) -> None:
    """20 minutes of downtime per day spend the other 23.2 minutes of the month's budget in 1.16 days."""
    now = SEPTEMBER + days * DAY
    ledger = ledger_with(now - HOUR, until=now)
    forecast = ledger.forecast("forms", now)
    expected = now + int((Fraction(30 * DAY, 1000) - OUTAGE * MINUTE) / OUTAGE / MINUTE * DAY)
    assert (expected > END) is lasts
    assert forecast.exhausted_at == (None if lasts else expected)
    rolling = ledger_with(now - HOUR, until=now, window="30d").forecast("forms", now)
    assert rolling.exhausted_at == expected


def test_burn_alerts_have_the_thresholds_of_a_window_of_30_days() -> None:
    now = SEPTEMBER + DAY
    for minutes in (25, 90):
        ledgers = [ledger_with(now - minutes * MINUTE, until=now, window=window) for window in ("month", "30d")]
        monthly, rolling = ([alert.firing for alert in ledger.burn_alerts("forms", now)] for ledger in ledgers)
        assert monthly == rolling
        assert any(monthly)


def test_gate_holds_by_the_budget_of_the_month() -> None:
    """The budget is spent by three outages. From the next month on, the answer is go."""
    outages = [SEPTEMBER + day * DAY for day in (2, 4, 6)]
    ledger = ledger_with(*outages, until=END + HOUR)
    forms = ledger.products["forms"]
    for at, expected in ((END - DAY, Answer.HOLD), (END + HOUR, Answer.GO)):
        assert release_gate(ledger, forms, at).answer is expected
        assert gate_answer(ledger, forms, at, None) is expected
        durations = ledger.compositions["forms"].durations(ledger.own_window("forms", at).measured)
        assert gate_answer(ledger, forms, at, None, durations) is expected
    rolling = ledger_with(*outages, until=END + HOUR, window="30d")
    assert release_gate(rolling, rolling.products["forms"], END + HOUR).answer is Answer.HOLD


def test_contractual_gate_uses_the_budget_of_the_month_after_exclusions() -> None:
    """Planned maintenance in the rest of the month reduces the budget."""
    now = SEPTEMBER + 10 * DAY
    later = {"start": "2026-09-20T00:00", "end": "2026-09-30T00:00", "reason": "move"}
    ledger = ledger_with(SEPTEMBER + 2 * DAY, until=now, maintenance=[later])
    budget = ledger.contractual("forms", ledger.own_window("forms", now)).budget
    assert budget is not None
    assert (budget.allowed, budget.spent) == (Fraction(20 * DAY, 1000), OUTAGE * MINUTE)


def test_drill_stops_by_the_budget_of_the_month() -> None:
    outages = [SEPTEMBER + day * DAY for day in (2, 4, 6)]
    ledger = ledger_with(*outages, until=END + HOUR, drills={"stop_at_spent": "50%"})
    assert stop_reason(ledger, "forms", MINUTE, END - DAY) is not None
    assert stop_reason(ledger, "forms", MINUTE, END + HOUR) is None


def test_cost_is_compared_with_the_previous_month() -> None:
    now = SEPTEMBER + 15 * DAY
    value = {"amount": 60, "basis": "assumed"}
    ledger = ledger_with(SEPTEMBER - DAY, until=now, value_per_hour=value)
    computed = _value(ledger, ledger.products["forms"], now)
    assert computed is not None
    assert computed.cost is not None
    assert computed.against_previous is not None
    assert computed.cost.point == 0
    minutes = Fraction(OUTAGE * 15 * DAY, ledger.measured("forms", Interval(AUGUST, SEPTEMBER), now).durations.known)
    assert computed.against_previous.point == pytest.approx(float(minutes))


def test_figures_at_the_first_instant_of_a_period_are_absent() -> None:
    ledger = ledger_with(SEPTEMBER - DAY, until=END + HOUR)
    measured = ledger.measured("forms", ledger.own_window("forms", END), END)
    assert (measured.availability.point, measured.coverage, measured.downtime.high) == (None, None, 0)
    assert ledger.forecast("forms", END).exhausted_at is None
    assert measured.as_json(product="forms")["budget"]["allowed_seconds"] == 31 * DAY / 1000 / SECOND
