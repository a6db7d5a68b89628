"""One outage as a row of a page's table, with the incidents of its checks inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from monitor.views.formatting import Moment, moment
from monitor.views.incident_line import IncidentLine, incident_line
from monitor.views.outages import outage_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.ledger.ledger import Ledger
    from sla.incident import Incident

MAX_INCIDENTS: Final = 5  # a check that fails repeatedly during an outage has an incident per failure


@dataclass(frozen=True, slots=True)
class OutageLine:
    """One outage; `duration` is microseconds, from the first bad probe of any check to the last recovery.

    `checks` are the names of all its checks. `incidents` are the open incidents and the first ones of the others,
    `more` is the number of the others.
    """

    path: str
    product: str
    opened: Moment
    open: bool
    duration: int
    checks: list[str]
    incidents: list[IncidentLine]
    more: int

    @property
    def several(self) -> bool:
        """Whether the row has a line per incident of a check."""
        return len(self.incidents) > 1


def incidents_by_outage(incidents: Iterable[Incident], ids: Mapping[str, str]) -> list[list[Incident]]:
    """Return the incidents of each outage by start, the newest outage first. `ids` are those of `outage_ids`."""
    by_outage: dict[str, list[Incident]] = {}
    for incident in incidents:
        by_outage.setdefault(ids.get(incident.id, incident.id), []).append(incident)
    outages = [sorted(members, key=_start) for members in by_outage.values()]
    return sorted(outages, key=lambda members: _start(members[0]), reverse=True)


def longest(incidents: Iterable[Incident], now: int) -> Incident:
    """Return the incident that lasted longest. An open one ends now."""
    return max(incidents, key=lambda incident: (incident.resolved or now) - incident.opened)


def outage_line(ledger: Ledger, incidents: Sequence[Incident], now: int, ids: Mapping[str, str]) -> OutageLine:
    """Return the row of an outage with these incidents. `ids` are those of `outage_ids`."""
    by_state = sorted(incidents, key=lambda incident: incident.resolved is not None)
    shown = [incident_line(ledger, incident, now, ids) for incident in by_state[:MAX_INCIDENTS]]
    first = incidents[0]
    return OutageLine(
        path=outage_path(first.id, ids),
        product=first.product,
        opened=moment(first.opened, ledger.portfolio.zone),
        open=any(incident.resolved is None for incident in incidents),
        duration=max(now if incident.resolved is None else incident.resolved for incident in incidents) - first.opened,
        checks=list(dict.fromkeys(incident.check.partition("/")[2] for incident in incidents)),
        incidents=shown,
        more=len(incidents) - len(shown),
    )


def _start(incident: Incident) -> tuple[int, str]:
    return incident.opened, incident.id
