"""Flap damping: one notification of a flapping product stays open until the product was up for a while."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.alerting.alert import Alert, incident_alert
from monitor.alerting.mutes import flapping
from sla.product_incident import Severity

if TYPE_CHECKING:
    from monitor.alerting.announcements import Announcements
    from monitor.alerting.outages import Outages
    from monitor.ledger.ledger import Ledger
    from sla.product_incident import ProductIncident


class FlapDamping:
    """Decides which incidents of a flapping product are one alert."""

    def __init__(self, ledger: Ledger, outages: Outages, announced: Announcements) -> None:
        self._ledger, self._outages, self._announced = ledger, outages, announced

    def absorbs(self, alert: Alert, now: int) -> bool:
        """Return whether the alert stays inside an earlier one of a flapping product, which is still announced."""
        if alert.incident is None or self._announced.of(alert.key):
            return False
        return bool(self.kept_open(alert.incident, now))

    def damped(self, alert: Alert, now: int) -> Alert:
        """Return the alert; as open if it was announced and its product is flapping and not stable again.

        Its severity does not fall while it is kept open.
        """
        if alert.incident is None or not self._announced.of(alert.key) or not self._unstable(alert, now):
            return alert
        known = Severity(self._announced.severity(alert.key))
        severity = Severity.PAGE if self._outages.paging(alert.product) else known
        product = self._ledger.products.get(alert.product)
        again = incident_alert(replace(alert.incident, resolved=None, severity=severity), product)
        return replace(again, notes=(*again.notes, "The product is flapping: it was up in between."))

    def kept_open(self, outage: ProductIncident, now: int) -> list[ProductIncident]:
        """Return the earlier incidents of the product whose notifications stay open because it is flapping."""
        if not flapping(self._ledger, self._outages, outage.product, now):
            return []
        held = (self._outages.all.get(key) for key in self._announced.keys)
        return [each for each in held if each is not None and each.product == outage.product and each.id != outage.id]

    def _unstable(self, alert: Alert, now: int) -> bool:
        """Return whether the end of the alert is not announced yet, because its product is flapping."""
        if alert.incident is None or alert.resolved is None or alert.product not in self._ledger.products:
            return False
        stable_after = self._ledger.portfolio.alerting.damping.stable_after
        last = next(self._outages.recent(alert.product, 0), alert.incident)
        if last.id != alert.key and last.resolved is None:
            return True
        ended = alert.resolved if last.resolved is None else last.resolved
        return now < ended + stable_after and flapping(self._ledger, self._outages, alert.product, now)
