"""The sites of the ledger's products: the active site, recorded site changes, and the figures of failovers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sla.failover import FailoverTerms, failover_result
from sla.failover_facts import failovers
from sla.sites import UNKNOWN_SITE, SiteState, current_site

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.failover import FailoverResult
    from sla.failover_facts import FailoverRecord
    from sla.interval import Interval
    from sla.sites import ActiveSite
    from sla.state_history import History


def site_histories(ledger: Ledger, product: Product) -> dict[str, History]:
    """Return the histories of the checks that show which site is active, by site, the primary site first."""
    return {site.id: ledger.history(f"{product.id}/{site.active.id}").timeline for site in product.sites}


def active_site_of(ledger: Ledger, product: Product, now: int) -> ActiveSite:
    """Return the active site of the product; unknown without sites."""
    return current_site(site_histories(ledger, product), now) if product.sites else UNKNOWN_SITE


def is_away(product: Product, active: ActiveSite) -> bool:
    """Return whether the product runs at another site than its primary site."""
    return active.state is SiteState.ONE and active.site != product.sites[0].id


def recorded_failovers(ledger: Ledger, at: int, product_id: str | None = None) -> list[FailoverRecord]:
    """Return the site changes as of the instant, oldest first, with current ids. `product_id`: only of this product."""
    former_ids = ledger.former_ids
    records = (
        replace(record, product=former_ids.product(record.product)) for record in failovers(ledger.facts.all, at)
    )
    return [record for record in records if product_id in (None, record.product)]


def measured_failover(
    ledger: Ledger, record: FailoverRecord, at: int, changes: Sequence[FailoverRecord]
) -> FailoverResult:
    """Return the figures of a failover of a configured product. `at` is the instant of the ledger.

    `changes` are the recorded site changes of the product, because a failover ends before the next change.

    Raises:
        KeyError: the product is not configured.
    """
    if record.result is not None:
        return record.result
    product = ledger.products[record.product]
    later = (other.change.left for other in changes if other.change.arrived > record.change.arrived)
    terms = FailoverTerms(product.failover.within, product.failover.settle)
    sites = site_histories(ledger, product)
    return failover_result(record.change, ledger.compositions[product.id], sites, at, terms, min(later, default=None))


def changed_during(ledger: Ledger, product_id: str, span: Interval, at: int) -> bool:
    """Return whether the active site may have changed in the interval, according to the changes recorded until `at`."""
    changes = (record.change for record in recorded_failovers(ledger, at, product_id))
    return any(change.left < span.end and change.arrived > span.start for change in changes)


def direct_states(ledger: Ledger, product: Product, now: int) -> Mapping[str, str | None]:
    """Return the state of each site: `up`, `down` or `unknown`. None for a site that is not probed directly."""
    states: dict[str, str | None] = {}
    for site in product.sites:
        if site.direct is None:
            states[site.id] = None
        else:
            history = ledger.history(f"{product.id}/{site.direct.id}").timeline
            states[site.id] = history.state(now).estimate.name.lower()
    return states
