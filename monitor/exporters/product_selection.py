"""Select the products that have samples of a feature, which most products do not use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from monitor.config.model import Portfolio, Product


class ProductSelection:
    """The products of a portfolio that meet a condition, searched once for each loaded portfolio."""

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
