"""Outages: one per product incident, with the incidents of its checks; the pages about incidents show these."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from monitor.ledger.ledger import Ledger
    from sla.incident import Incident
    from sla.product_incident import ProductIncident, Severity


@dataclass(frozen=True, slots=True)
class Outage:
    """One outage of a product, from `opened` to `resolved` (None while it is open); microseconds since the epoch.

    Its id is that of the product incident. Records of earlier versions, and seeded histories, have check incidents
    without a product incident: each of these is an outage with the id of the check incident, and `severity` is None.
    """

    id: str
    product: str
    opened: int
    resolved: int | None
    severity: Severity | None
    incidents: tuple[Incident, ...]

    @property
    def open(self) -> bool:
        """Whether the outage continues."""
        return self.resolved is None


def outage_ids(product_incidents: Iterable[ProductIncident]) -> dict[str, str]:
    """Return the id of the outage by the ids of its check incidents."""
    return {member: incident.id for incident in product_incidents for member in incident.members}


def open_outages(open_incidents: Iterable[Incident], ids: Mapping[str, str]) -> Counter[str]:
    """Return the number of open outages per product."""
    outages = {(incident.product, ids.get(incident.id, incident.id)) for incident in open_incidents}
    return Counter(product for product, _ in outages)


def outage_path(incident_id: str, ids: Mapping[str, str]) -> str:
    """Return the path of the page about the outage that contains the check incident."""
    return f"/incidents/{ids.get(incident_id, incident_id)}"


def newest_outages(ledger: Ledger, product: str, limit: int, chosen: str) -> list[ProductIncident]:
    """Return the newest product incidents of a product, or of all if it is empty, and the one with the id `chosen`."""
    incidents = (incident for incident in ledger.product_incidents.values() if product in ("", incident.product))
    newest = sorted(incidents, key=lambda incident: (incident.opened, incident.id), reverse=True)
    return [*newest[:limit], *(incident for incident in newest[limit:] if incident.id == chosen)]


def find_outage(ledger: Ledger, name: str) -> Outage | None:
    """Return the outage with this id, or the one that contains the check incident with this id. None if unknown."""
    product_incident = ledger.product_incidents.get(name)
    if product_incident is None:
        member_of = (incident for incident in ledger.product_incidents.values() if name in incident.members)
        product_incident = next(member_of, None)
    if product_incident is not None:
        return _of_product(ledger, product_incident)
    incident = next((incident for incident in ledger.all_incidents() if incident.id == name), None)
    if incident is None:
        return None
    incident = ledger.with_last_failure(incident)
    return Outage(incident.id, incident.product, incident.opened, incident.resolved, None, (incident,))


def _of_product(ledger: Ledger, outage: ProductIncident) -> Outage:
    """Return the outage with its check incidents by start. Incidents that were pruned are missing."""
    members = frozenset(outage.members)
    known = (incident for incident in ledger.all_incidents() if incident.id in members)
    incidents = tuple(sorted(map(ledger.with_last_failure, known), key=lambda incident: (incident.opened, incident.id)))
    return Outage(outage.id, outage.product, outage.opened, outage.resolved, outage.severity, incidents)
