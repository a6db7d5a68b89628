"""Why an alert is not announced at present: planned maintenance, a silence, a dependency that is down, or flapping.

A mute delays `opened` until it is over; it never holds back the end of what was announced, and changes no figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.facts.planned_maintenance import maintenance_exclusions
from sla.interval import Interval
from sla.silence import Silence, silences

if TYPE_CHECKING:
    from monitor.alerting.alert import Alert
    from monitor.alerting.dependencies import Dependencies
    from monitor.alerting.outages import Outages
    from monitor.facts.known_facts import Facts
    from monitor.ledger.ledger import Ledger


class Mutes:
    """Decides whether an alert is muted. The silences are read once for each set of facts."""

    def __init__(self, ledger: Ledger, outages: Outages) -> None:
        self._ledger, self._outages = ledger, outages
        self._facts: Facts | None = None
        self._silences: list[Silence] = []

    def of(self, alert: Alert, dependencies: Dependencies, now: int) -> str:
        """Return why the alert is not announced at the instant, empty if it is."""
        ledger = self._ledger
        if any(silence.covers(alert.key, alert.product, now) for silence in self.in_force()):
            return "silenced"
        if alert.product not in ledger.products:
            return ""
        if in_maintenance(ledger, alert.product, now):
            return "maintenance"
        if alert.incident is not None:
            down = (name for name in dependencies.needs(alert.product) if self._outages.paging(name))
            if (parent := next(down, None)) is not None:
                return f"dependency {parent} is down"
        return ""

    def in_force(self) -> list[Silence]:
        """Return the silences that were not ended."""
        if self._ledger.facts is not self._facts:
            self._facts, self._silences = self._ledger.facts, silences(self._ledger.facts.all)
        return self._silences


def in_maintenance(ledger: Ledger, product: str, now: int) -> bool:
    """Return whether planned maintenance of the product, or of all products, is under way."""
    configured = ledger.products[product].maintenance
    planned = maintenance_exclusions(ledger.facts, ledger.portfolio, product, configured, Interval(now, now + 1))
    return any(True for _ in planned)


def flapping(ledger: Ledger, outages: Outages, product: str, now: int) -> bool:
    """Return whether the product had so many incidents of late that their notifications are damped."""
    damping = ledger.portfolio.alerting.damping
    return sum(1 for _ in outages.recent(product, now - damping.within)) >= damping.incidents
