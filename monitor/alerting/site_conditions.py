"""Alerts about the sites of a product: no active site, several active sites, and not at the primary site.

While the state is unknown, an alert stays as it is, without a time limit: missing observations do not show that the
condition ended, so they must not resolve a page.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from monitor.alerting.alert import Alert
from monitor.ledger.product_sites import active_site_of, is_away
from sla.interval import SECOND
from sla.product_incident import Severity
from sla.sites import SiteState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.sites import ActiveSite

SITES: Final = "sites"
AT_ANOTHER_SITE: Final = "away"
_PREFIX: Final = f"{SITES}:"


def resolved_site_alerts(ledger: Ledger, open_alerts: dict[str, Alert], now: int) -> Iterator[Alert]:
    """Open the alerts that apply to the sites of all products; yield the alerts that are resolved."""
    alerted = {alert.product for key, alert in open_alerts.items() if key.startswith(_PREFIX)}
    for product in ledger.portfolio.products:
        if product.sites or product.id in alerted:
            yield from _update(ledger, product, open_alerts, now)


def _update(ledger: Ledger, product: Product, open_alerts: dict[str, Alert], now: int) -> Iterator[Alert]:
    """Open the alert that applies to the product's sites; yield its resolved alerts."""
    keys = [key for key, alert in open_alerts.items() if key.startswith(_PREFIX) and alert.product == product.id]
    if not product.sites:
        yield from (replace(open_alerts.pop(key), resolved=now) for key in keys)
        return
    active = active_site_of(ledger, product, now)
    if active.state is SiteState.UNKNOWN:
        return
    condition = _condition(product, active)
    current = None
    for key in keys:
        if _condition_of(key, product.id) == condition:
            current = key
        else:
            yield replace(open_alerts.pop(key), resolved=now)
    if condition is not None:
        key = current or f"{_PREFIX}{product.id}:{condition}:{now // SECOND}"
        opened = now if current is None else open_alerts[key].opened
        open_alerts[key] = _alert(key, product, active, opened)


def _condition(product: Product, active: ActiveSite) -> str | None:
    """Return the name of the condition that applies; None if the primary site alone is active."""
    if active.state is SiteState.ONE:
        return f"{AT_ANOTHER_SITE}-{active.site}" if is_away(product, active) else None
    return active.state.value


def _condition_of(key: str, product: str) -> str:
    return key.removeprefix(f"{_PREFIX}{product}:").rpartition(":")[0]


def _alert(key: str, product: Product, active: ActiveSite, opened: int) -> Alert:
    """Return the alert: a page unless exactly one site is active."""
    if active.state is SiteState.ONE:
        names = {site.id: site.name for site in product.sites}
        summary = f"{product.name} runs at {names[active.site]}, not at its primary site {product.sites[0].name}"
        return Alert(key, product.id, Severity.TICKET, opened, None, summary)
    count_text = "No site" if active.state is SiteState.NONE else "More than one site"
    summary = f"{count_text} of {product.name} is active"
    notes = () if active.state is SiteState.NONE else ("Writes to two active sites may be lost.",)
    return Alert(key, product.id, Severity.PAGE, opened, None, summary, notes=notes)
