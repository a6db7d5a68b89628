"""Compute what a product's agreements exclude from a window: each part of it by the agreement of that time."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.config.agreement import Agreement, Dependency
from monitor.config.agreement_meaning import agreement_of
from monitor.facts.planned_maintenance import maintenance_exclusions
from sla.exclusion import Exclusion, dependency_downtime
from sla.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.config.model import Portfolio, Product
    from monitor.facts.known_facts import Facts
    from monitor.ledger.product_histories import ProductHistories
    from sla.definition import Definition


def agreed_exclusions(
    product: Product, window: Interval, portfolio: Portfolio, facts: Facts, histories: ProductHistories
) -> list[Exclusion]:
    """Return what the product's agreement excludes from the window, cause by cause."""
    found: list[Exclusion] = []
    for written, part in histories.configured[product.id].agreements(window):
        agreement = product.agreement if written is None else _agreement(written)
        cut = (_within(each, part) for each in _excluded(product, agreement, part, portfolio, facts, histories))
        found += (each for each in cut if each.interval.length)
    return found


def excluded_dependencies(definitions: Sequence[Definition], product: Product | None) -> set[str]:
    """Return the products whose downtime one of the agreements excludes; `product` is configured now."""
    agreements = [_agreement(each.agreement) for each in definitions]
    agreements += [] if product is None else [product.agreement]
    return {cut.product for each in agreements for cut in each.excludes if isinstance(cut, Dependency)}


def _excluded(
    product: Product,
    agreement: Agreement,
    window: Interval,
    portfolio: Portfolio,
    facts: Facts,
    histories: ProductHistories,
) -> Iterator[Exclusion]:
    yield from agreement.out_of_hours(window, portfolio.time_zone)
    for each in agreement.excludes:
        if isinstance(each, Dependency):
            found = histories.find(each.product)
            if found is not None:  # else a record of an earlier version does not know what it was
                yield from dependency_downtime(found, window, each.product)
        elif each == "corrections":
            yield from facts.corrections.of(product.id)
        else:
            yield from maintenance_exclusions(facts, portfolio, product.id, product.maintenance, window)


@lru_cache(maxsize=1_024)
def _agreement(written: str) -> Agreement:
    return agreement_of(json.loads(written))


def _within(exclusion: Exclusion, part: Interval) -> Exclusion:
    """Return what of the exclusion lies in the part; nothing of it is an interval without length."""
    if part.start <= exclusion.interval.start and exclusion.interval.end <= part.end:
        return exclusion
    start = min(max(exclusion.interval.start, part.start), part.end)
    return replace(exclusion, interval=Interval(start, max(start, min(exclusion.interval.end, part.end))))
