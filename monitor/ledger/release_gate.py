"""The release gate of a product, decided from the ledger."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sla.gate import Answer, Gate, Situation, answer, gate
from sla.gate_override import in_force
from sla.measured import measure_states

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.budget_policy import BudgetPolicy
    from sla.calendar import Window
    from sla.gate_override import GateOverride
    from sla.states import Durations, Piece, State


def release_gate(ledger: Ledger, product: Product, now: int) -> Gate:
    """Return the product's release gate as of now, from the configured budget policy and the override in force."""
    policy = ledger.portfolio.policy_of(product)
    window = ledger.own_window(product.id, now)
    pieces = None if policy.contractual else partial(ledger.compositions[product.id].pieces, window.measured)
    override = overrides_by_product(ledger, now).get(product.id)
    return gate(policy, _situation(ledger, product, policy, window, pieces), override)


def gate_answer(
    ledger: Ledger,
    product: Product,
    now: int,
    override: GateOverride | None,
    durations: Durations | None = None,
    state: State | None = None,
) -> Answer:
    """Return only the answer of the gate, in O(log n): without the time at which an unknown answer is decided.

    `durations` (of the product's window at `now`) and `state` (at `now`) are computed if the caller does not have them.
    """
    if override is not None:
        return Answer(override.answer)
    policy = ledger.portfolio.policy_of(product)
    window = ledger.own_window(product.id, now)
    return answer(policy, _situation(ledger, product, policy, window, None, durations, state))


def _situation(
    ledger: Ledger,
    product: Product,
    policy: BudgetPolicy,
    window: Window,
    pieces: Callable[[], Iterable[Piece]] | None,
    durations: Durations | None = None,
    state: State | None = None,
) -> Situation:
    now, history = window.measured.end, ledger.compositions[product.id]
    if policy.contractual:
        measured = ledger.contractual(product.id, window)
    elif durations is None:
        measured = ledger.measured(product.id, window, now)
    else:
        measured = measure_states(history, window, product.objective, durations)
    incidents = tuple(incident.id for incident in ledger.open_incidents(product.id))
    period_end = window.full.end if window.in_progress else None
    state = history.state(now) if state is None else state
    return Situation(now, measured, pieces, state, incidents, history.last_known_at, period_end)


def overrides_by_product(ledger: Ledger, now: int) -> dict[str, GateOverride]:
    """Return the override that is in force for each product that has one, the newest if there are several."""
    return {ledger.former_ids.product(override.product): override for override in in_force(ledger.facts.overrides, now)}
