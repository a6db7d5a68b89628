"""Metrics of a product whose objective has a calendar window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.exporters.prometheus import Exporter
from monitor.health import Health
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.window import parse_instant
from tests.support.clocks import ManualClock
from tests.support.ledgers import history, ledger_of, product
from tests.support.metrics_page import samples

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger

START, END = (parse_instant(f"2026-{month}-01T07:00:00Z") for month in ("09", "10"))


def ledger_until(end: int, window: str = "month") -> Ledger:
    ledger = ledger_of(product("forms", window=window))
    outages = [(at, at + 9 * MINUTE, "deadline") for at in (START - DAY, START + DAY, END - 2 * HOUR)]
    ledger.restore(history("forms/health", START - 9 * DAY, end, outages), [], [])
    return ledger


def test_samples_have_the_period_as_window_and_follow_it_across_its_end() -> None:
    clock = ManualClock(END - HOUR)
    ledger = ledger_until(END + DAY)
    exporter = Exporter(ledger, Health(), clock)
    labels = frozenset({"forms", "month"})
    for at, days, spent in ((END - HOUR, 30, 20), (END, 31, 0), (END + HOUR, 31, 0)):
        clock.jump((at - clock.now()) / SECOND)
        page = samples(exporter)
        measured = ledger.measured("forms", ledger.own_window("forms", at), at)
        assert page["ninewatch_objective_window_seconds", labels] == days * DAY / SECOND
        assert page["ninewatch_budget_allowed_seconds", labels] == days * DAY / SECOND / 1000
        assert page["ninewatch_budget_remaining_seconds", labels] == days * 86.4 - spent * 60
        point = measured.availability.point
        assert page.get(("ninewatch_availability_ratio", labels | {"point"})) == (
            None if point is None else float(point)
        )
        burn = measured.burn_rate
        assert page.get(("ninewatch_burn_rate", labels)) == (None if burn is None else float(burn))
        assert page["ninewatch_gate_state", frozenset({"forms", "go"})] == 1
        exhausted_at = ledger.forecast("forms", at).exhausted_at
        assert page.get(("ninewatch_budget_exhaustion_timestamp_seconds", labels)) == (
            None if exhausted_at is None else exhausted_at / SECOND
        )


def test_other_windows_have_the_samples_of_a_rolling_window() -> None:
    clock = ManualClock(END - HOUR)
    monthly, rolling = (
        samples(Exporter(ledger_until(END - HOUR, window), Health(), clock)) for window in ("month", "30d")
    )
    own = {key for key in monthly if "month" in key[1]}
    assert {name for name, _ in own} == {
        "ninewatch_availability_ratio",
        "ninewatch_budget_allowed_seconds",
        "ninewatch_budget_remaining_seconds",
        "ninewatch_burn_rate",
        "ninewatch_contractual_availability_ratio",
        "ninewatch_coverage_ratio",
        "ninewatch_downtime_seconds",
        "ninewatch_objective_window_seconds",
    }
    windowed = ("ninewatch_availability", "ninewatch_coverage", "ninewatch_downtime", "ninewatch_burn")
    for key, value in rolling.items():
        if key[0].startswith(windowed):
            assert monthly[key] == value
