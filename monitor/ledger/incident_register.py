"""The open and resolved incidents of all recorded checks, including removed checks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.ledger.renamed_checks import renamed_incident
from sla.incident import Resolved

if TYPE_CHECKING:
    from collections.abc import Container

    from monitor.config.former_ids import FormerIdMap
    from monitor.ledger.check_entry import CheckEntry
    from sla.incident import Incident, Opened


class IncidentRegister:
    """Incidents by their ids."""

    def __init__(self) -> None:
        self._by_id: dict[str, Incident] = {}
        self._newest_first: list[Incident] | None = None
        self._open: list[Incident] = []  # the open incidents of `_newest_first`

    def add(self, incident: Incident) -> None:
        """Add an incident, or replace the incident with the same id."""
        self._by_id[incident.id] = incident
        self._newest_first = None

    def rename(self, former_ids: FormerIdMap) -> None:
        """Replace the former keys of checks and products with the current keys."""
        self._by_id = {name: renamed_incident(incident, former_ids) for name, incident in self._by_id.items()}
        self._newest_first = None

    def all(self) -> list[Incident]:
        """Return all incidents in the order in which they were added."""
        return list(self._by_id.values())

    def newest(self, configured: Container[str]) -> list[Incident]:
        """Return the incidents of the configured checks, newest first.

        The list is cached until an incident changes or `rename` is called, as at every load of a configuration.
        """
        if self._newest_first is None:
            incidents = [incident for incident in self._by_id.values() if incident.check in configured]
            self._newest_first = sorted(incidents, key=lambda incident: (incident.opened, incident.id), reverse=True)
            self._open = [incident for incident in self._newest_first if incident.resolved is None]
        return self._newest_first

    def newest_open(self, configured: Container[str]) -> list[Incident]:
        """Return the open incidents of the configured checks, newest first."""
        self.newest(configured)
        return self._open

    def open(self) -> dict[str, Incident]:
        """Return the open incidents by check key."""
        return {incident.check: incident for incident in self._by_id.values() if incident.resolved is None}

    def apply(self, change: Opened | Resolved, entry: CheckEntry | None) -> Incident:
        """Add the incident of a tracker's decision, and return it with its first and last failing probe.

        An incident that several vantages decided keeps the first failure of their votes.
        """
        incident = change.incident
        if entry is not None and entry.votes is None:
            first = incident.first if isinstance(change, Resolved) else entry.first_failure
            incident = replace(incident, first=first, last=entry.last_failure or incident.last)
            if incident.resolved is None:
                entry.tracker.open = incident
        self.add(incident)
        return incident
