"""The drills of the ledger's products: their records, their measured results, and whether they must stop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

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
    """Return the drills as of the instant in the order of their start, of one product or of all, by present ids."""
    found = (
        replace(each, drill=replace(each.drill, product=ledger.former_ids.product(each.drill.product)))
        for each in drills(ledger.facts.all, at)
    )
    return [each for each in found if product in (None, each.drill.product)]


def measured_drill(ledger: Ledger, record: DrillRecord, at: int) -> DrillResult:
    """Return the result of a drill of a configured product as of the instant of the ledger.

    Raises:
        KeyError: the product is not configured.
    """
    return drill_result(record, ledger.compositions[record.drill.product], at)


def stop_reason(ledger: Ledger, product_id: str, lasted: int, now: int) -> str | None:
    """Return why a drill of the product that lasted so long must stop, or why none may start; None if it may go on."""
    product = ledger.products[product_id]
    stop = product.drills.stop
    budget = ledger.measured(product_id, Interval(now - product.window, now), now).budget
    spent = None if budget is None or not budget.allowed else budget.spent / budget.allowed
    return stop.reason(lasted, spent, _hold(ledger, product, now) if stop.at_hold else None)


def _hold(ledger: Ledger, product: Product, now: int) -> str | None:
    """Return why the budget policy or an override holds releases. The outage of the drill itself is no reason."""
    gate = release_gate(ledger, product, now)
    if gate.override is not None:
        return gate.override.text if gate.override.answer == Answer.HOLD else None
    reached = [each.step for each in gate.standings if each.reached and each.step.holds]
    return f"{reached[-1].threshold} or more: {reached[-1].consequence}" if reached else None
