"""Which products need which, and the clients that a product's failure reaches; computed once per portfolio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.dependency_paths import reversed_dependencies, shortest_paths

if TYPE_CHECKING:
    from monitor.config.model import Portfolio


class Dependencies:
    """The dependencies of one portfolio. An alert of each of 1,000 products asks for its own."""

    def __init__(self, portfolio: Portfolio) -> None:
        self.portfolio = portfolio
        self._products = {product.id: product for product in portfolio.products}
        self._needs = {product.id: product.needs for product in portfolio.products}
        self._users = reversed_dependencies(self._needs)

    def needs(self, product: str) -> list[str]:
        """Return the ids of the products that this one needs, directly or not, nearest first."""
        return list(shortest_paths(self._needs, product))

    def dependents(self, product: str) -> list[str]:
        """Return the names of the products that need this one, directly or not, nearest first."""
        return [self._products[name].name for name in shortest_paths(self._users, product) if name in self._products]

    def clients(self, product: str) -> list[str]:
        """Return the names of the product's clients, then of those of products that need it; each once."""
        names = (product, *shortest_paths(self._users, product))
        held = (client.name for name in names if name in self._products for client in self._products[name].clients)
        return list(dict.fromkeys(held))
