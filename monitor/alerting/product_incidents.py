"""The product incidents of a ledger. They open, escalate and resolve with the incidents of the product's checks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sla.alerting import outage
from sla.product_incident import ProductIncident, Severity, update_product_incident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from monitor.ledger.ledger import Ledger
    from sla.incident import Incident


class ProductIncidents:
    """All product incidents by id and by product. Not thread-safe: use it on the event loop's thread only."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.all = ledger.product_incidents
        self._open: dict[str, str] = {}
        self._ids: dict[str, list[str]] = {}

    def restore(self, recorded: Iterable[ProductIncident], now: int) -> list[ProductIncident]:
        """Add the recorded product incidents; return those that changed.

        Open check incidents recorded by an earlier version get a product incident that is not announced. An open
        product incident without a check that is down (the record was edited, a clock was wrong) is resolved.
        """
        for incident in recorded:
            self._add(replace(incident, product=self._ledger.former_ids.product(incident.product)))
        created = (self._add_unannounced(product, now) for product in self._products())
        return [*(incident for incident in created if incident is not None), *self.reconcile(now)]

    def _add_unannounced(self, product: str, now: int) -> ProductIncident | None:
        """Add an unannounced incident for check incidents that no product incident contains; return it, or None."""
        if product in self._open or product not in self._ledger.products or not self._open_check_incidents(product):
            return None
        members = {name for incident_id in self._ids.get(product, ()) for name in self.all[incident_id].members}
        if any(incident.id in members for incident in self._open_check_incidents(product)):
            return None  # the product was removed while it was down and added again: this is announced
        incident = self._advance(product, now)
        if incident is None:
            return None
        return self._add(
            ProductIncident(
                incident.id,
                incident.product,
                incident.opened,
                None,
                incident.severity,
                incident.members,
                suppressed_up_to=incident.severity,
            )
        )

    def reconcile(self, now: int) -> list[ProductIncident]:
        """Update all incidents after the portfolio changed; return the changed incidents.

        The incidents of removed products and checks end now, because these are no longer monitored.
        """
        self._rename()
        changed = []
        for product in self._products():
            previous = self.open(product)
            incident = self._advance(product, now)
            if incident is not None and incident != previous:
                changed.append(self._add(incident))
        return changed

    def _rename(self) -> None:
        """Replace the former ids of renamed products (`was:`) with the current ids."""
        former_ids = self._ledger.former_ids
        if any(former_ids.product(name) != name for name in self._ids):
            renamed = [
                replace(incident, product=former_ids.product(incident.product)) for incident in self.all.values()
            ]
            self._open, self._ids = {}, {}
            self.all.clear()
            for incident in sorted(renamed, key=lambda incident: incident.opened):
                self._add(incident)

    def _products(self) -> list[str]:
        return list(dict.fromkeys((*self._ledger.products, *self._open)))

    def changed(self, incident: Incident) -> ProductIncident | None:
        """Return the changed product incident after a check incident opened or resolved; None without a change."""
        previous = self.open(incident.product)
        at = incident.opened if incident.resolved is None else incident.resolved
        updated = self._advance(incident.product, at)
        return None if updated is None or updated == previous else self._add(updated)

    def _advance(self, product: str, now: int) -> ProductIncident | None:
        incident, checks = self.open(product), self._open_check_incidents(product)
        end = now if checks else self._end(incident, now)
        down, last_end = self.down(product), self._last_end(product)
        return update_product_incident(incident, product, checks, end, down=down, previous_end=last_end)

    def _end(self, incident: ProductIncident | None, now: int) -> int:
        """Return the latest end of the incident's check incidents; at least `now` if one has no known end."""
        if incident is None:
            return now
        checks = (check for check in self._ledger.all_incidents() if check.product == incident.product)
        ends = [check.resolved for check in checks if check.id in incident.members and check.resolved is not None]
        incomplete = len(ends) < len(incident.members)
        return max([*ends, now]) if incomplete or not ends else max(ends)

    def _last_end(self, product: str) -> int:
        """Return the end of the product's previous incident, 0 without a previous incident."""
        ends = (self.all[incident_id].resolved for incident_id in self._ids.get(product, ()))
        return max((end for end in ends if end is not None), default=0)

    def down(self, product: str) -> bool | None:
        """Return whether the open incidents of its checks violate the product's rule; None if unknown."""
        configured = self._ledger.products.get(product)
        if configured is None:
            return None
        entries = self._ledger.entries_of(product)
        return outage(configured.rule, ((entry.incident_tracker, entry.states) for entry in entries))

    def _open_check_incidents(self, product: str) -> list[Incident]:
        if product not in self._ledger.products:
            return []
        incidents = (entry.incident_tracker.open for entry in self._ledger.entries_of(product))
        return [incident for incident in incidents if incident is not None]

    def open(self, product: str) -> ProductIncident | None:
        """Return the product's open incident, or None."""
        incident_id = self._open.get(product)
        return None if incident_id is None else self.all[incident_id]

    def all_open(self) -> list[ProductIncident]:
        """Return the open incidents of all products."""
        return [self.all[incident_id] for incident_id in self._open.values()]

    def paging(self, product: str) -> bool:
        """Return whether the product has an open incident with severity page."""
        incident = self.open(product)
        return incident is not None and incident.severity is Severity.PAGE

    def recent(self, product: str, since: int) -> Iterator[ProductIncident]:
        """Yield the product's incidents that opened at the instant `since` or later, newest first."""
        for incident_id in reversed(self._ids.get(product, ())):
            if self.all[incident_id].opened < since:
                return
            yield self.all[incident_id]

    def _add(self, incident: ProductIncident) -> ProductIncident:
        if incident.id not in self.all:
            self._ids.setdefault(incident.product, []).append(incident.id)
        self.all[incident.id] = incident
        if incident.resolved is None:
            self._open[incident.product] = incident.id
        elif self._open.get(incident.product) == incident.id:
            del self._open[incident.product]
        return incident
