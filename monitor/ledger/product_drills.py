"""The drills of the ledger's products: their records, measured results, and reasons to stop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.ledger.product_sites import changed_during
from monitor.ledger.release_gate import release_gate
from sla.drill_facts import drills
from sla.drill_result import drill_result
from sla.gate import Answer
from sla.interval import Interval

if TYPE_CHECKING:
    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.drill import DrillRecord
    from sla.drill_result import DrillResult


def recorded_drills(ledger: Ledger, at: int, product: str | None = None) -> list[DrillRecord]:
    """Return the drills as of the instant, ordered by start, with current ids, of one product or of all products."""
    records = (
        replace(record, drill=replace(record.drill, product=ledger.former_ids.product(record.drill.product)))
        for record in drills(ledger.facts.all, at)
    )
    return [record for record in records if product in (None, record.drill.product)]


def measured_drill(ledger: Ledger, record: DrillRecord, at: int) -> DrillResult:
    """Return the result of a drill of a configured product. `at` is the instant of the ledger.

    Raises:
        KeyError: the product is not configured.
    """
    product, started = record.drill.product, record.drill.started
    span = Interval(started, max(started, at if record.end is None else record.end.at))
    history = ledger.compositions[product]
    return drill_result(record, history, at, site_changed=changed_during(ledger, product, span, at))


def stop_reason(ledger: Ledger, product_id: str, duration: int, now: int) -> str | None:
    """Return why a drill of the product must stop after `duration`. None if it may start or continue."""
    product = ledger.products[product_id]
    stop = product.drills.stop
    budget = ledger.measured(product_id, ledger.own_window(product_id, now), now).budget
    spent = budget.spent / budget.allowed if budget.allowed else None
    return stop.reason(duration, spent, _hold_reason(ledger, product, now) if stop.at_hold else None)


def _hold_reason(ledger: Ledger, product: Product, now: int) -> str | None:
    """Return why the budget policy or an override holds releases. Ignores the outage of the drill itself."""
    gate = release_gate(ledger, product, now)
    if gate.override is not None:
        return gate.override.text if gate.override.answer == Answer.HOLD else None
    reached = [step_status.step for step_status in gate.step_statuses if step_status.reached and step_status.step.holds]
    return f"{reached[-1].threshold_text} or more: {reached[-1].consequence}" if reached else None
