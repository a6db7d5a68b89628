"""Dependencies between products, and the clients that a product's outage affects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.dependency_paths import reversed_dependencies, shortest_paths

if TYPE_CHECKING:
    from monitor.config.model import Portfolio


class Dependencies:
    """The dependencies of one portfolio, computed once so that alerts of 1,000 products can look them up."""

    def __init__(self, portfolio: Portfolio) -> None:
        self.portfolio = portfolio
        self._products = {product.id: product for product in portfolio.products}
        self._needs = {product.id: product.needs for product in portfolio.products}
        self._needed_by = reversed_dependencies(self._needs)

    def needs(self, product: str) -> list[str]:
        """Return the ids of the product's direct and indirect dependencies, nearest first."""
        return list(shortest_paths(self._needs, product))

    def dependents(self, product: str) -> list[str]:
        """Return the names of the products that directly or indirectly depend on the product, nearest first."""
        return [
            self._products[name].name for name in shortest_paths(self._needed_by, product) if name in self._products
        ]

    def clients(self, product: str) -> list[str]:
        """Return the names of the product's clients, then of its dependents' clients, without duplicates."""
        names = (product, *shortest_paths(self._needed_by, product))
        products = (self._products[name] for name in names if name in self._products)
        return list(dict.fromkeys(client.name for product in products for client in product.clients))
