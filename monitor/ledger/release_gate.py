"""The release gate of a product, decided from the ledger."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sla.gate import Gate, Situation, gate
from sla.gate_override import overrides_in_force
from sla.interval import Interval

if TYPE_CHECKING:
    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.gate_override import GateOverride


def release_gate(ledger: Ledger, product: Product, now: int) -> Gate:
    """Return the gate of the product as of now, by the budget policy that is configured and the override in force."""
    policy = ledger.portfolio.policy_of(product)
    window = Interval(now - product.window, now)
    history = ledger.compositions[product.id]
    measured = (
        ledger.contractual(product.id, window) if policy.contractual else ledger.measured(product.id, window, now)
    )
    pieces = None if policy.contractual else partial(history.pieces, window)
    incidents = tuple(each.id for each in ledger.open_incidents(product.id))
    seen = Situation(now, measured, pieces, history.state(now), incidents, history.last_known_at)
    return gate(policy, seen, override_of(ledger, product.id, now))


def override_of(ledger: Ledger, product_id: str, now: int) -> GateOverride | None:
    """Return the override that is in force for the product, the newest if there are several."""
    stated = overrides_in_force(ledger.facts.all, now)
    mine = [each for each in stated if ledger.former.product(each.product) == product_id]
    return mine[-1] if mine else None
