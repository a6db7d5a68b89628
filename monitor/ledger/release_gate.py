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
    """Return the product's release gate as of now, from the configured budget policy and the override in force."""
    policy = ledger.portfolio.policy_of(product)
    window = Interval(now - product.window, now)
    history = ledger.compositions[product.id]
    measured = (
        ledger.contractual(product.id, window) if policy.contractual else ledger.measured(product.id, window, now)
    )
    pieces = None if policy.contractual else partial(history.pieces, window)
    incidents = tuple(incident.id for incident in ledger.open_incidents(product.id))
    situation = Situation(now, measured, pieces, history.state(now), incidents, history.last_known_at)
    return gate(policy, situation, override_in_force(ledger, product.id, now))


def override_in_force(ledger: Ledger, product_id: str, now: int) -> GateOverride | None:
    """Return the newest override that is in force for the product, or None."""
    overrides = overrides_in_force(ledger.facts.all, now)
    matching = [override for override in overrides if ledger.former_ids.product(override.product) == product_id]
    return matching[-1] if matching else None
