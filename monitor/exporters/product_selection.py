"""Select the products that use a feature. Most products use few features."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from monitor.config.model import Portfolio, Product


class ProductSelection:
    """The products of a portfolio that meet a condition, selected once per loaded portfolio."""

    def __init__(self, condition: Callable[[Product], bool]) -> None:
        self._condition = condition
        self._portfolio: Portfolio | None = None
        self._products: Sequence[Product] = ()

    def of(self, portfolio: Portfolio) -> Sequence[Product]:
        """Return the selected products in the order of the portfolio."""
        if self._portfolio is not portfolio:
            self._products = [product for product in portfolio.products if self._condition(product)]
            self._portfolio = portfolio
        return self._products
