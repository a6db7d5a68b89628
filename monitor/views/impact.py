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
    """A client that an incident may have affected, by the dependency path to the product that the client uses.

    `downtime` (microseconds, estimate) is the observed downtime of that product during the incident.
    """

    dependent: DependentClient
    downtime: int

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return client_json(self.dependent) | {"product_downtime_seconds": self.downtime / SECOND}


def affected_clients(
    ledger: Ledger, incident: Incident, found: Iterable[DependentClient], now: int
) -> list[AffectedClient]:
    """Return the clients that already used their product when the incident ended; `now` while it is open."""
    end = max(incident.opened, now if incident.resolved is None else incident.resolved)
    span, zone = Interval(incident.opened, end), ledger.portfolio.zone
    return [
        AffectedClient(each, downtime(ledger.compositions[each.product].durations(span)).point)
        for each in found
        if each.client.used_before(end, zone)
    ]


def clients_affected(ledger: Ledger, incident: Incident, now: int) -> list[AffectedClient]:
    """Return the affected clients of the incident's product and of the products that need it."""
    return affected_clients(ledger, incident, dependent_clients(ledger.portfolio, incident.product), now)


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
