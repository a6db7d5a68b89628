"""Find the clients that depend on a product, and check its stage and objective against their risk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sla.dependency_paths import DependencyPath, reversed_dependencies, shortest_paths
from sla.hosting import exceeded_limits
from sla.stage import Risk, Violation, ViolationKind, violations

if TYPE_CHECKING:
    from monitor.config.clients import Client
    from monitor.config.model import Portfolio, Product
    from sla.readiness import Readiness


@dataclass(frozen=True, slots=True)
class DependentClient:
    """A client that a failure of a product affects. `path` leads from that product to the product that it uses."""

    client: Client
    path: DependencyPath

    @property
    def product(self) -> str:
        """The product that the client uses."""
        return self.path[-1]


def dependent_clients(portfolio: Portfolio, product_id: str) -> Iterator[DependentClient]:
    """Yield the clients of the product, then the clients of products that depend on it, nearest products first."""
    products = {product.id: product for product in portfolio.products}
    users = reversed_dependencies({product.id: product.needs for product in portfolio.products})
    for path in ((product_id,), *shortest_paths(users, product_id).values()):
        for client in products[path[-1]].clients:
            yield DependentClient(client, path)


def all_dependencies(portfolio: Portfolio, product_id: str) -> dict[str, DependencyPath]:
    """Return all direct and indirect dependencies, each with a shortest path to it, nearest first."""
    return shortest_paths({product.id: product.needs for product in portfolio.products}, product_id)


def violations_of(portfolio: Portfolio, product: Product, readiness: Readiness | None) -> tuple[Violation, ...]:
    """Return the conflicts of the product's objective with its stage, clients (also indirect), ceiling and hosting."""
    risk = Risk.highest(dependent.client.risk_level for dependent in dependent_clients(portfolio, product.id))
    ceiling = None if readiness is None else readiness.ceiling
    conflicts = violations(product.objective, product.stage, portfolio.stages, risk, ceiling)
    return (*conflicts, *_hosting_violations(portfolio, product))


def _hosting_violations(portfolio: Portfolio, product: Product) -> Iterator[Violation]:
    if product.hosting is None:
        return
    tier = portfolio.hosting_tiers.of(product.hosting)
    for text in exceeded_limits(tier, product.objective, product.agreement.longest_outage):
        yield Violation(ViolationKind.HOSTING, text)
