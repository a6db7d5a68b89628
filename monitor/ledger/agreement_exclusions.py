"""Compute the exclusions of a product in a window, for each part of the window by the agreement of that time.

Maintenance that an agreement does not exclude is listed with the reasons.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor import zones
from monitor.config.agreement import Agreement, Dependency, FailoverOf
from monitor.config.agreement_meaning import agreement_of
from monitor.config.service_hours_exclusions import service_hours_exclusions
from monitor.facts.announced_maintenance import announced_maintenance
from monitor.facts.planned_maintenance import maintenance_exclusions
from sla.calendar import Period, calendar_window
from sla.down_by_design import excluded_by_design
from sla.exclusion import Exclusion, dependency_downtime
from sla.interval import Interval
from sla.maintenance_terms import AgreedMaintenance, agreed_maintenance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.config.model import Portfolio, Product
    from monitor.facts.fact_index import Facts
    from monitor.ledger.product_histories import ProductHistories
    from sla.definition import Definition
    from sla.maintenance_terms import MaintenanceNotExcluded


def agreed_exclusions(
    product: Product, window: Interval, portfolio: Portfolio, facts: Facts, histories: ProductHistories
) -> list[Exclusion]:
    """Return the exclusions of the product in the window, one per cause and interval."""
    exclusions: list[Exclusion] = []
    for agreement, part in _agreements(product, window, histories):
        clipped = (_clip(entry, part) for entry in _exclusions(product, agreement, part, portfolio, facts, histories))
        exclusions += (exclusion for exclusion in clipped if exclusion.interval.length)
    return exclusions


def not_excluded_maintenance(
    product: Product, window: Interval, portfolio: Portfolio, facts: Facts, histories: ProductHistories
) -> list[MaintenanceNotExcluded]:
    """Return the maintenance in the window that counts in the contractual figure, in order of time."""
    listed: list[MaintenanceNotExcluded] = []
    for agreement, part in _agreements(product, window, histories):
        if "maintenance" in agreement.excludes:
            kept = maintenance_by(agreement, product, part, portfolio, facts).not_excluded
            listed += [replace(entry, exclusion=_clip(entry.exclusion, part)) for entry in kept]
    return [entry for entry in listed if entry.exclusion.interval.length]


def _agreements(
    product: Product, window: Interval, histories: ProductHistories
) -> Iterator[tuple[Agreement, Interval]]:
    """Yield the parts of the window, each with the agreement of that time."""
    for text, part in histories.configured[product.id].agreements(window):
        yield product.agreement if text is None else _agreement(text), part


def maintenance_by(
    agreement: Agreement, product: Product, window: Interval, portfolio: Portfolio, facts: Facts
) -> AgreedMaintenance:
    """Return the maintenance of the product in the window: excluded by the agreement, and not excluded."""
    block = agreement.maintenance
    if block is None:
        return AgreedMaintenance(
            tuple(maintenance_exclusions(facts, portfolio, product.id, product.maintenance, window))
        )
    zone = zones.zone(agreement.zone or portfolio.time_zone)

    def month(at: int) -> Interval:
        return calendar_window(Period.MONTH, at, zone).full

    since = window.start if block.at_most is None else month(window.start).start
    announced = announced_maintenance(facts, portfolio, product.id, product.maintenance, Interval(since, window.end))
    return agreed_maintenance(block.terms, announced, month)


def excluded_dependencies(definitions: Sequence[Definition], product: Product | None) -> set[str]:
    """Return the other products whose downtime or failovers the exclusions depend on.

    The agreements are those of the definitions and of `product`, the current configuration.
    """
    agreements = [_agreement(definition.agreement) for definition in definitions]
    agreements += [] if product is None else [product.agreement]
    causes = (cause for agreement in agreements for cause in agreement.excludes)
    return {cause.product for cause in causes if not isinstance(cause, str)}


def _exclusions(
    product: Product,
    agreement: Agreement,
    window: Interval,
    portfolio: Portfolio,
    facts: Facts,
    histories: ProductHistories,
) -> Iterator[Exclusion]:
    yield from service_hours_exclusions(agreement, window, portfolio.time_zone)
    for cause in agreement.excludes:
        if isinstance(cause, Dependency):
            history = histories.find(cause.product)
            if history is not None:  # a record of an earlier version may lack the dependency's definition
                yield from dependency_downtime(history, window, cause.product)
        elif isinstance(cause, FailoverOf):
            changes = facts.site_changes.get(cause.product, ())
            yield from excluded_by_design(histories.contractual[product.id], changes, window, cause.product)
        elif cause == "corrections":
            yield from facts.corrections.of(product.id)
        else:
            yield from maintenance_by(agreement, product, window, portfolio, facts).excluded


@lru_cache(maxsize=1_024)
def _agreement(text: str) -> Agreement:
    return agreement_of(json.loads(text))


def _clip(exclusion: Exclusion, part: Interval) -> Exclusion:
    """Return the exclusion limited to the part of the window. Its interval is empty if they do not overlap."""
    if part.start <= exclusion.interval.start and exclusion.interval.end <= part.end:
        return exclusion
    start = min(max(exclusion.interval.start, part.start), part.end)
    return replace(exclusion, interval=Interval(start, max(start, min(exclusion.interval.end, part.end))))
