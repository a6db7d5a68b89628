"""The sites and failovers of a product as the API's object, as text lines, and as rows of its page."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from monitor.ledger.product_sites import active_site_of, direct_states, is_away, measured_failover, recorded_failovers
from monitor.views.formatting import moment
from sla.drill import as_seconds
from sla.duration import format_bounds, format_duration
from sla.sites import SiteState
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.availability import Bounds
    from sla.failover import FailoverResult
    from sla.failover_facts import FailoverRecord
    from sla.sites import ActiveSite

MAX_ROWS: Final = 10
VERDICT_TEXTS: Final = {True: "met", False: "missed", None: "undecided"}


def measured_failovers(ledger: Ledger, product_id: str, at: int) -> list[tuple[FailoverRecord, FailoverResult]]:
    """Return the failovers of a configured product with their figures as of the instant, oldest first."""
    records = recorded_failovers(ledger, at, product_id)
    return [(record, measured_failover(ledger, record, at, records)) for record in records]


def sites_json(ledger: Ledger, product: Product, at: int) -> dict[str, Any]:
    """Return the sites and failovers of the product as of the instant as the object of the API."""
    active, direct = active_site_of(ledger, product, at), direct_states(ledger, product, at)
    return {
        "product": product.id,
        "at": format_instant(at),
        "state": active.state.value,
        "active": active.site or None,
        "on_primary": _on_primary(product, active),
        "failover_within_seconds": as_seconds(product.failover.within),
        "sites": [{"id": site.id, "name": site.name, "direct": direct[site.id]} for site in product.sites],
        "failovers": [failover_json(*failover) for failover in measured_failovers(ledger, product.id, at)],
    }


def _on_primary(product: Product, active: ActiveSite) -> bool | None:
    return None if active.state is not SiteState.ONE else not is_away(product, active)


def failover_json(record: FailoverRecord, result: FailoverResult) -> dict[str, Any]:
    """Return a failover as the object of the API."""
    change = record.change
    return {
        "id": record.id,
        "kind": change.kind.value,
        "from": change.source,
        "to": change.target,
        "left": format_instant(change.left),
        "arrived": format_instant(change.arrived),
        **result.as_json(),
        "provisional": not result.final,
    }


def active_text(product: Product, active: ActiveSite) -> str:
    """Return the state of the sites as a sentence without a full stop."""
    names = {site.id: site.name for site in product.sites}
    if active.state is SiteState.ONE:
        other = "not the primary site" if is_away(product, active) else "the primary site"
        return f"{names[active.site]} is active ({other})"
    return {
        SiteState.SEVERAL: "several sites are active",
        SiteState.NONE: "no site is active",
        SiteState.UNKNOWN: "the active site is unknown",
    }[active.state]


def sites_lines(ledger: Ledger, product: Product, at: int) -> Iterator[str]:
    """Yield the sites and the newest failovers of the product as lines."""
    promised = product.failover.within
    promise = "" if promised is None else f"; failover within {format_duration(promised)}"
    yield f"{product.id}: {active_text(product, active_site_of(ledger, product, at))}{promise}"
    for site, direct in direct_states(ledger, product, at).items():
        yield f"  {site:<12}  {'not probed directly' if direct is None else f'directly: {direct}'}"
    for record, result in measured_failovers(ledger, product.id, at)[-MAX_ROWS:]:
        change = record.change
        yield (
            f"  {format_instant(result.started)}  {change.kind} from {change.source} to {change.target}: "
            f"{duration_text(result.duration)}, downtime {duration_text(result.downtime)}; "
            f"{VERDICT_TEXTS[result.met]}: {result.reason}"
        )


def duration_text(figure: Bounds[int | None]) -> str:
    """Return a duration with its bounds as text; the lower bound alone while the others are unknown."""
    low, point, high = figure
    if low is None:
        return "unknown"
    if point is None or high is None:
        return f"at least {format_duration(low)}"
    least, estimate, most = format_bounds(low, max(point, low), max(high, point, low))
    return estimate if least == most else f"{estimate} ({least} to {most})"


def site_rows(ledger: Ledger, product: Product, now: int) -> SimpleNamespace | None:
    """Return the sites and the newest failovers of the product for its page, None without sites."""
    if not product.sites:
        return None
    direct, zone = direct_states(ledger, product, now), ledger.portfolio.zone
    active = active_site_of(ledger, product, now)
    failovers = [
        SimpleNamespace(
            started=moment(result.started, zone),
            kind=record.change.kind.value,
            change=f"{record.change.source} to {record.change.target}",
            duration=duration_text(result.duration),
            downtime=duration_text(result.downtime),
            verdict=VERDICT_TEXTS[result.met],
            reason=result.reason,
        )
        for record, result in reversed(measured_failovers(ledger, product.id, now)[-MAX_ROWS:])
    ]
    sites = [(site.name, direct[site.id] or "not probed directly") for site in product.sites]
    within = None if product.failover.within is None else format_duration(product.failover.within)
    text = active_text(product, active)
    return SimpleNamespace(text=text[:1].upper() + text[1:], sites=sites, failovers=failovers, within=within)
