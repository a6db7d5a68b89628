"""Find mistakes in `down_by_design` and in the exclusion of downtime by design."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.config.agreement import FailoverOf
from monitor.config.errors import Loc, Problem, quoted
from monitor.config.yaml_nodes import Node, key_path, locate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from monitor.config.model import Portfolio, Product

LocatedMessage = tuple[Loc, str]


def design_problems(portfolio: Portfolio, root: Node) -> Iterator[Problem]:
    """Yield the problems of downtime by design in an otherwise valid portfolio."""
    for loc, message in _mistakes(portfolio):
        yield Problem(locate(root, loc)[0], key_path(root, loc), message)


def _mistakes(portfolio: Portfolio) -> Iterator[LocatedMessage]:
    """Yield declarations whose failovers cannot be observed, and exclusions without a declaration."""
    products = {product.id: product for product in portfolio.products}
    for number, product in enumerate(portfolio.products):
        if (message := _declaration_mistake(product, products)) is not None:
            yield ("products", number, "down_by_design", "failover_of"), message
        yield from _exclusion_mistakes(number, product)


def _declaration_mistake(product: Product, products: Mapping[str, Product]) -> str | None:
    if product.down_by_design is None:
        return None
    other = product.down_by_design.failover_of
    if other == product.id:
        return "is the product itself; specify the id of the product that fails over"
    if other not in products:
        return f"unknown product {quoted(other)}; known products: {', '.join(sorted(products))}"
    if len(products[other].sites) < 2:
        return f"{quoted(other)} has fewer than two sites, so its failovers are not observed; add sites to it"
    return None


def _exclusion_mistakes(number: int, product: Product) -> Iterator[LocatedMessage]:
    declared = None if product.down_by_design is None else product.down_by_design.failover_of
    for index, excluded in enumerate(product.agreement.excludes):
        if isinstance(excluded, FailoverOf) and excluded.product != declared:
            loc: Loc = ("products", number, "agreement", "excludes", index, "failover_of")
            yield loc, f"is excluded but not declared; add down_by_design: {{failover_of: {excluded.product}}}"
