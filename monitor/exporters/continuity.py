"""Metric lines of the continuity probe: one block per configured transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.exporters.exposition import series
from monitor.exporters.feature_families import CONTINUITY_FAMILIES
from monitor.exporters.product_selection import ProductSelection
from monitor.ledger.continuity_register import owner_of
from sla.continuity import TransactionState, continuity_results
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.exporters.exposition import Dialect
    from monitor.facts.fact_index import Facts
    from monitor.ledger.ledger import Ledger
    from sla.continuity import ContinuityResult

_OPEN, _CLOSED, _LEFT_BEHIND, _RECOVERY_POINT, _LOST = (family.name for family in CONTINUITY_FAMILIES)


class ContinuityLines:
    """The samples of a ledger's transactions. Results are cached until facts change."""

    def __init__(self, ledger: Ledger) -> None:
        self._with_transactions = ProductSelection(lambda product: bool(product.continuity))
        self._ledger = ledger
        self._facts: Facts | None = None
        self._results: dict[str, ContinuityResult] = {}

    def text(self, now: int, dialect: Dialect) -> str:
        """Return the families with samples."""
        if self._facts is not self._ledger.facts:
            self._facts = self._ledger.facts
            results = continuity_results(self._facts.all, now)
            former_ids = self._ledger.former_ids
            self._results = {
                owner_of(former_ids.product(result.product), result.transaction): result for result in results
            }
        lines: dict[str, list[str]] = {family.name: [] for family in CONTINUITY_FAMILIES}
        for product in self._with_transactions.of(self._ledger.portfolio):
            for transaction in product.continuity:
                for name, line in self._samples(product.id, transaction.id):
                    lines[name].append(line)
        for name, line in self._unconfigured_owners():
            lines[name].append(line)
        return "".join(
            family.head(dialect) + "".join(lines[family.name]) for family in CONTINUITY_FAMILIES if lines[family.name]
        )

    def _unconfigured_owners(self) -> Iterator[tuple[str, str]]:
        """Yield (product, transaction) of removed transactions that may have left data behind or have open runs."""
        register = self._ledger.continuity
        products = self._with_transactions.of(self._ledger.portfolio)
        configured = {
            owner_of(product.id, transaction.id) for product in products for transaction in product.continuity
        }
        for owner in sorted(set(register.owners) - configured):
            if records := len(register.open_runs(owner)) + register.left_behind(owner):
                product, _, transaction = owner.partition("/")
                yield _sample(_LEFT_BEHIND, records, product=product, transaction=transaction)

    def _samples(self, product: str, transaction: str) -> Iterator[tuple[str, str]]:
        owner, register = owner_of(product, transaction), self._ledger.continuity
        labels = {"product": product, "transaction": transaction}
        yield _sample(_OPEN, len(register.open_runs(owner)), **labels)
        for state in TransactionState:
            if state is not TransactionState.OPEN:
                yield _sample(_CLOSED, register.closed[owner, state], **labels, state=state.value)
        yield _sample(_LEFT_BEHIND, register.left_behind(owner), **labels)
        if (result := self._results.get(owner)) is not None:
            yield _sample(_LOST, result.counts.get(TransactionState.LOST.value, 0), **labels)
            for bound, length in result.recovery_point._asdict().items():
                if length is not None:
                    yield _sample(_RECOVERY_POINT, length / SECOND, **labels, bound=bound)


def _sample(name: str, value: float, **labels: str) -> tuple[str, str]:
    return name, f"{series(name, **labels)}{value!r}\n"
