"""Definitions of the configured products, and the definitions that a load of the configuration adds to the record.

A definition is added if the meaning of a product's figures changes. Another notation of the same configuration adds
none (`sla/definition.py`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.config.agreement_meaning import agreement_meaning
from monitor.config.latency_objectives import latency_terms
from sla.definition import Definition, Member
from sla.fact import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from monitor.config.model import Portfolio, Product


def definition_of(product: Product, zone: str, made: int) -> Definition:
    """Return the definition of a product from `made` on. `zone` is used if the agreement has no zone."""
    members = (
        Member(f"{product.id}/{check.id}", vantage, check.effective_hold, check.interval)
        for check in product.checks
        for vantage in check.vantages
    )
    meaning = canonical(agreement_meaning(product.agreement, zone))
    rule, objective, window = product.rule, product.objective, product.window
    return Definition(
        product.id,
        made,
        rule,
        tuple(sorted(members)),
        objective,
        window,
        meaning,
        latency=latency_terms(product),
        quorum=max(check.quorum.votes for check in product.checks),
    )


def added_definitions(
    portfolio: Portfolio,
    recorded: Callable[[str], Sequence[Definition]],
    began: Callable[[str], int | None],
    products: Sequence[str],
    now: int,
) -> Iterator[Definition]:
    """Yield the definitions that a load of the portfolio at `now` adds: one for each product whose meaning changed.

    `recorded` returns the definitions of a product. `began` returns the first instant of its record, where its first
    definition begins. `products` have definitions already; a product that is not in the portfolio any more gets a
    definition without members. Definitions that a wrong clock dated later than `now` are superseded.
    """
    configured = {product.id: product for product in portfolio.products}
    for name in dict.fromkeys((*configured, *products)):
        definitions = recorded(name)
        ahead = tuple(definition.id for definition in definitions if definition.made > now)
        current = next((definition for definition in reversed(definitions) if definition.made <= now), None)
        new_definition = _definition_to_add(configured.get(name), portfolio.time_zone, definitions[-1:], now)
        if new_definition is None:
            continue
        if not definitions:
            new_definition = replace(
                new_definition, made=min(now, first) if (first := began(name)) is not None else now
            )
        if ahead or current is None or current.digest != new_definition.digest:
            yield replace(new_definition, supersedes=ahead)


def _definition_to_add(
    product: Product | None, zone: str, definitions: Sequence[Definition], now: int
) -> Definition | None:
    if product is not None:
        return definition_of(product, zone, now)
    return replace(definitions[0], made=now, members=(), supersedes=(), id="") if definitions else None
