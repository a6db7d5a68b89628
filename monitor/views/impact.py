"""The impact of an incident: the clients that it affected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.config.dependent_clients import DependentClient, dependent_clients
from sla.availability import downtime
from sla.interval import SECOND, Interval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.ledger.ledger import Ledger
    from sla.incident import Incident


@dataclass(frozen=True, slots=True)
class AffectedClient:
    """A client that an incident may have affected, with the dependency path to the product that the client uses.

    `downtime` is the estimated downtime of that product during the incident, microseconds.
    """

    dependent: DependentClient
    downtime: int

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return client_json(self.dependent) | {"product_downtime_seconds": self.downtime / SECOND}


def affected_among(
    dependents: Iterable[DependentClient], ledger: Ledger, incident: Incident, now: int
) -> list[AffectedClient]:
    """Return the clients that used their product before the incident ended. An open incident ends at `now`."""
    end = max(incident.opened, now if incident.resolved is None else incident.resolved)
    span, zone = Interval(incident.opened, end), ledger.portfolio.zone
    return [
        AffectedClient(dependent, downtime(ledger.compositions[dependent.product].durations(span)).point)
        for dependent in dependents
        if dependent.client.used_before(end, zone)
    ]


def affected_clients(ledger: Ledger, incident: Incident, now: int) -> list[AffectedClient]:
    """Return the affected clients of the incident's product and of the products that depend on it."""
    return affected_among(dependent_clients(ledger.portfolio, incident.product), ledger, incident, now)


def client_json(dependent: DependentClient) -> dict[str, Any]:
    """Return the object of a client in the API, without contact details."""
    client = dependent.client
    return {
        "client": client.name,
        "count": client.count,
        "risk": client.risk,
        "since": None if client.since is None else client.since.isoformat(),
        "product": dependent.product,
        "path": list(dependent.path),
    }
