"""Flap damping: one alert of a flapping product stays open until the product has been up for a while."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.alerting.alert import Alert, incident_alert
from monitor.alerting.mutes import flapping
from sla.product_incident import Severity

if TYPE_CHECKING:
    from monitor.alerting.announcements import Announcements
    from monitor.alerting.product_incidents import ProductIncidents
    from monitor.ledger.ledger import Ledger
    from sla.product_incident import ProductIncident


class FlapDamping:
    """Combines the incidents of a flapping product into one alert."""

    def __init__(self, ledger: Ledger, product_incidents: ProductIncidents, announced: Announcements) -> None:
        self._ledger, self._product_incidents, self._announced = ledger, product_incidents, announced

    def absorbs(self, alert: Alert, now: int) -> bool:
        """Return whether an earlier, still open alert of the flapping product covers this one."""
        if alert.incident is None or self._announced.of(alert.key):
            return False
        return bool(self.kept_open(alert.incident, now))

    def damped(self, alert: Alert, now: int) -> Alert:
        """Return the alert, kept open if it was announced and its product is still flapping.

        The severity does not decrease while the alert is kept open.
        """
        if alert.incident is None or not self._announced.of(alert.key) or not self._unstable(alert, now):
            return alert
        announced = Severity(self._announced.severity(alert.key))
        severity = Severity.PAGE if self._product_incidents.paging(alert.product) else announced
        product = self._ledger.products.get(alert.product)
        reopened = incident_alert(replace(alert.incident, resolved=None, severity=severity), product)
        return replace(reopened, notes=(*reopened.notes, "The product is flapping: it was up in between."))

    def kept_open(self, incident: ProductIncident, now: int) -> list[ProductIncident]:
        """Return the earlier incidents of the product whose alerts stay open because the product is flapping."""
        if not flapping(self._ledger, self._product_incidents, incident.product, now):
            return []
        announced = (self._product_incidents.all.get(key) for key in self._announced.keys)
        earlier = (other for other in announced if other is not None and other.id != incident.id)
        return [other for other in earlier if other.product == incident.product]

    def _unstable(self, alert: Alert, now: int) -> bool:
        """Return whether the end of the alert is not announced yet because its product is flapping."""
        if alert.incident is None or alert.resolved is None or alert.product not in self._ledger.products:
            return False
        stable_after = self._ledger.portfolio.alerting.damping.stable_after
        last = next(self._product_incidents.recent(alert.product, 0), alert.incident)
        if last.id != alert.key and last.resolved is None:
            return True
        end = alert.resolved if last.resolved is None else last.resolved
        return now < end + stable_after and flapping(self._ledger, self._product_incidents, alert.product, now)
