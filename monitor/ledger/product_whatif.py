"""Estimate the downtime that changes would have avoided, by replaying the changes on a product's histories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.ledger.product_readiness import evidence_facts
from sla.evidence import deployments
from sla.interval import MINUTE, Interval
from sla.whatif import Replay, WhatIf, replayed_time
from sla.whatif_changes import (
    FAILOVER_WITHIN,
    ChangeKind,
    Decoupling,
    DeploymentsWithoutDowntime,
    Failover,
    SecondReplica,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.whatif_changes import Change, ChangeName

DEFAULT_SETTLING_TIME: Final = 15 * MINUTE  # for products without a readiness block


class ProductReplay:
    """The replay of changes of a product over a window, as known at `at`. Call `extend` for each part of `replayed`.

    `name` selects one change. Without it, all changes that the record supports are replayed.

    Raises:
        ValueError: the product does not have the dependency of `name`.
    """

    def __init__(
        self, ledger: Ledger, product: Product, window: Interval, at: int, name: ChangeName | None = None
    ) -> None:
        history = ledger.compositions[product.id]
        self._product, self._window = product, window
        self._name = name
        self.replayed = replayed_time(history, window, at)
        changes = tuple(_changes(ledger, product, self.replayed, at, name))
        dependencies = {dependency: ledger.compositions[dependency] for dependency in product.depends_on}
        self._replay = Replay(history, dependencies, changes)
        self._replay.begin(self.replayed.start)

    def extend(self, part: Interval) -> None:
        """Replay the next part of the time."""
        self._replay.extend(part)

    def result(self) -> WhatIf:
        """Return the ranked effects; without a name, only of changes that may have helped."""
        product, plan = self._product, self._product.plan
        effects = self._replay.effects({} if plan is None else plan.costs)
        return WhatIf(
            product.id,
            self._window,
            self.replayed,
            self._replay.before,
            tuple(effect for effect in effects if effect.helps or self._name is not None),
            None if plan is None else plan.plain(),
            None if product.value_per_hour is None else product.value_per_hour.rate,
            "CAD" if plan is None else plan.currency,
        )


def _changes(ledger: Ledger, product: Product, window: Interval, at: int, name: ChangeName | None) -> Iterator[Change]:
    kinds = tuple(ChangeKind) if name is None else (name.kind,)
    if ChangeKind.DECOUPLE in kinds:
        for dependency in _dependencies(product, name):
            yield Decoupling(dependency, ledger.products[dependency].name)
    if ChangeKind.FAILOVER in kinds:
        yield Failover((product.drills.rto or FAILOVER_WITHIN) if name is None else name.within)
    if ChangeKind.ZERO_DOWNTIME in kinds:
        yield _deployments_without_downtime(ledger, product, window, at)
    if ChangeKind.REPLICA in kinds:
        yield SecondReplica()


def _dependencies(product: Product, name: ChangeName | None) -> tuple[str, ...]:
    if name is None:
        return product.depends_on
    if name.dependency not in product.depends_on:
        known = ", ".join(product.depends_on) or "nothing"
        raise ValueError(f"{product.id} does not depend on {name.dependency}; it depends on {known}")
    return (name.dependency,)


def _deployments_without_downtime(
    ledger: Ledger, product: Product, window: Interval, at: int
) -> DeploymentsWithoutDowntime:
    """Return the change with all deployments until the end of the window.

    An outage in the window may have been caused by an earlier deployment.
    """
    settle = DEFAULT_SETTLING_TIME if product.readiness is None else product.readiness.settle
    marked = [
        deployment.at
        for deployment in deployments(evidence_facts(ledger, product.id, at))
        if deployment.at < window.end
    ]
    spans = tuple(Interval(instant, instant + settle) for instant in marked)
    return DeploymentsWithoutDowntime(spans, settle, sum(instant >= window.start for instant in marked))
