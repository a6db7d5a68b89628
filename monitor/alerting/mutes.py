"""Mutes of alerts: planned maintenance, silences, and dependencies that are down.

A mute delays the announcement of an alert. It does not delay the end of an announced alert and changes no figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.facts.planned_maintenance import maintenance_exclusions
from sla.interval import Interval
from sla.product_incident import Severity
from sla.silence import Silence, silences

if TYPE_CHECKING:
    from monitor.alerting.alert import Alert
    from monitor.alerting.dependencies import Dependencies
    from monitor.alerting.product_incidents import ProductIncidents
    from monitor.facts.fact_index import Facts
    from monitor.ledger.ledger import Ledger


class Mutes:
    """Decides whether an alert is muted. The silences are read again only when the facts change."""

    def __init__(self, ledger: Ledger, product_incidents: ProductIncidents) -> None:
        self._ledger, self._product_incidents = ledger, product_incidents
        self._facts: Facts | None = None
        self._silences: list[Silence] = []

    def of(self, alert: Alert, dependencies: Dependencies, now: int) -> str:
        """Return the reason why the alert is muted at the instant; empty if it is not muted."""
        ledger = self._ledger
        if any(silence.covers(alert.key, alert.product, now) for silence in self.in_force()):
            return "silenced"
        if alert.product not in ledger.products or alert.severity is Severity.NOTE:
            return ""
        if in_maintenance(ledger, alert.product, now):
            return "maintenance"
        if is_paused(ledger, alert, now):
            return "paused"
        if alert.incident is not None:
            down = (name for name in dependencies.needs(alert.product) if self._product_incidents.paging(name))
            if (dependency := next(down, None)) is not None:
                return f"dependency {dependency} is down"
        return ""

    def in_force(self) -> list[Silence]:
        """Return the silences that were not ended early."""
        if self._ledger.facts is not self._facts:
            self._facts, self._silences = self._ledger.facts, silences(self._ledger.facts.all)
        return self._silences


def in_maintenance(ledger: Ledger, product: str, now: int) -> bool:
    """Return whether the instant is in planned maintenance of the product or of all products."""
    configured = ledger.products[product].maintenance
    planned = maintenance_exclusions(ledger.facts, ledger.portfolio, product, configured, Interval(now, now + 1))
    return any(True for _ in planned)


def is_paused(ledger: Ledger, alert: Alert, now: int) -> bool:
    """Return whether all checks with an open incident are paused; for an alert without incident, all checks."""
    keys = [incident.check for incident in ledger.open_incidents(alert.product)] if alert.incident is not None else []
    keys = keys or [entry.key for entry in ledger.entries_of(alert.product)]
    return all(ledger.facts.pause(key, now) is not None for key in keys)


def flapping(ledger: Ledger, product_incidents: ProductIncidents, product: str, now: int) -> bool:
    """Return whether the product had so many recent incidents that their notifications are damped."""
    damping = ledger.portfolio.alerting.damping
    return sum(1 for _ in product_incidents.recent(product, now - damping.within)) >= damping.incidents
