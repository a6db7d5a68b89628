"""The transactions of the continuity probe as data (API, command) and as text (page, command)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from monitor.ledger.continuity_register import owner_of
from monitor.views.drill_text import bounds_text
from sla.continuity import TransactionState, continuity_results, transaction_state
from sla.interval import SECOND
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.config.continuity import ContinuityTransaction
    from monitor.ledger.ledger import Ledger
    from sla.continuity import ContinuityResult
    from sla.intent import Run

MAX_RUNS: Final = 20
NO_RESULT: Final = "no failure met open transactions"


def continuity_json(ledger: Ledger, product: str, now: int) -> list[dict[str, Any]]:
    """Return the transactions of a configured product with their newest runs and all results."""
    return [_transaction(ledger, product, transaction, now) for transaction in ledger.products[product].continuity]


def _transaction(ledger: Ledger, product: str, transaction: ContinuityTransaction, now: int) -> dict[str, Any]:
    owner = owner_of(product, transaction.id)
    register, results = ledger.continuity, results_of(ledger, product, transaction.id, now)
    states = register.states(owner)
    return {
        "product": product,
        "transaction": transaction.id,
        "kind": transaction.kind,
        "every_seconds": transaction.every / SECOND,
        "open_for_seconds": transaction.open_for / SECOND,
        "states": {state.value: states[state] for state in TransactionState},
        "possibly_left_behind": register.left_behind(owner),
        "newest": [_run(run) for run in reversed(register.runs(owner)[-MAX_RUNS:])],
        "results": [result.as_json() for result in results],
    }


def _run(run: Run) -> dict[str, Any]:
    outcomes = {step: outcome.value for step in run.steps if (outcome := run.outcome(step)) is not None}
    return {
        "run": run.id,
        "started": format_instant(run.started),
        "state": transaction_state(run).value,
        "writes": outcomes,
        "copies": None if run.reading is None else dict(run.reading.copies),
        "closed": None if run.closing is None else format_instant(run.closing.at),
    }


def results_of(ledger: Ledger, product: str, transaction: str, now: int) -> Sequence[ContinuityResult]:
    """Return the recorded results of a transaction, oldest first."""
    results = continuity_results((fact for fact in ledger.facts.all if ledger.facts.is_about(fact, product)), now)
    return [result for result in results if result.transaction == transaction]


def continuity_rows(ledger: Ledger, product: str, now: int) -> list[SimpleNamespace]:
    """Return one row per transaction for the product's page."""
    return [
        SimpleNamespace(
            id=transaction["transaction"],
            kind=transaction["kind"],
            states=states_text(transaction["states"]),
            left_behind=transaction["possibly_left_behind"],
            result=result_text(results_of(ledger, product, transaction["transaction"], now)),
        )
        for transaction in continuity_json(ledger, product, now)
    ]


def continuity_lines(transaction: dict[str, Any], results: Sequence[ContinuityResult]) -> Iterator[str]:
    """Yield the text lines of a transaction."""
    yield f"{transaction['product']}/{transaction['transaction']} ({transaction['kind']})"
    yield f"  transactions  {states_text(transaction['states'])}"
    if transaction["possibly_left_behind"]:
        yield f"  left behind   possibly {transaction['possibly_left_behind']}"
    yield f"  last failure  {result_text(results)}"


def states_text(states: dict[str, int]) -> str:
    """Return the numbers of transactions by state."""
    counted = ((state.value, states.get(state.value, 0)) for state in TransactionState)
    return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counted if count) or "none"


def result_text(results: Sequence[ContinuityResult]) -> str:
    """Return the newest result as one line."""
    if not results:
        return NO_RESULT
    last_result = results[-1]
    at = "" if last_result.failed is None else f"{format_instant(last_result.failed.point // SECOND * SECOND)}: "
    return f"{at}{states_text(dict(last_result.counts))}; recovery point {bounds_text(last_result.recovery_point)}"
