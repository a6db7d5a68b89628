"""Record outcomes and results in a ledger, and restart it from its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.config.model import Portfolio
from monitor.ledger.ledger import Ledger
from monitor.probe_result import ProbeResult
from sla.interval import DAY, MINUTE, SECOND, Interval
from tests.support.ledgers import BAD, GOOD, NOW, UNKNOWN, observe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sla.observation import Observation, Outcome, Run


KEY = "chefs/health"
HOLD = 130 * SECOND
ALL = Interval(NOW - DAY, NOW + DAY)
REASONS = {GOOD: "", BAD: "deadline", UNKNOWN: "no_route"}


def record_outcomes(ledger: Ledger, outcomes: Sequence[Outcome], start: int = NOW, key: str = KEY) -> None:
    """Observe the outcomes once a minute."""
    for n, outcome in enumerate(outcomes):
        observe(ledger, ledger.entries[key], start + n * MINUTE, ProbeResult(outcome, REASONS[outcome]))


def portfolio(*products: dict[str, object]) -> Portfolio:
    return Portfolio.model_validate({"products": products})


def restart(ledger: Ledger, recorded: Sequence[Run], tail: Sequence[Observation] = ()) -> Ledger:
    """Return the ledger of another process with the same portfolio, after it has read the record."""
    fresh = Ledger(ledger.portfolio)
    fresh.restore(recorded, tail, ledger.incidents)
    return fresh


def recorded_runs(ledger: Ledger, key: str = KEY) -> list[Run]:
    open_run = ledger.entries[key].open_run
    return [] if open_run is None else [open_run.run()]


def record_result(ledger: Ledger, at: int, outcome: Outcome, status: int, detail: str) -> None:
    reason = "" if outcome is GOOD else "http_status"
    result = ProbeResult(outcome, reason, status, {"connect": 0.01}, detail)
    observe(ledger, ledger.entries[KEY], at, result)
