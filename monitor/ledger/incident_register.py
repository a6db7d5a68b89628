"""The incidents of all recorded checks, open and resolved, those of checks that were removed included."""

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
        self._newest: list[Incident] | None = None

    def add(self, incident: Incident) -> None:
        """Add an incident, or replace the one with its id."""
        self._by_id[incident.id] = incident
        self._newest = None

    def rename(self, former: FormerIdMap) -> None:
        """Replace the former keys of checks and products by the present ones."""
        self._by_id = {name: renamed_incident(each, former) for name, each in self._by_id.items()}
        self._newest = None

    def all(self) -> list[Incident]:
        """Return all incidents, in the order in which they became known."""
        return list(self._by_id.values())

    def newest(self, configured: Container[str]) -> list[Incident]:
        """Return those of the configured checks, newest first; the same list as before until one changes.

        `rename` is called when what is configured changes.
        """
        if self._newest is None:
            seen = [incident for incident in self._by_id.values() if incident.check in configured]
            self._newest = sorted(seen, key=lambda incident: (incident.opened, incident.id), reverse=True)
        return self._newest

    def ongoing(self) -> dict[str, Incident]:
        """Return the open incidents, by the keys of their checks."""
        return {incident.check: incident for incident in self._by_id.values() if incident.resolved is None}

    def decide(self, change: Opened | Resolved, entry: CheckEntry | None) -> Incident:
        """Add what the tracker of the entry decided, and return it with the failing probes that it keeps."""
        incident = change.incident
        if entry is not None:
            first = incident.first if isinstance(change, Resolved) else entry.first_failure
            incident = replace(incident, first=first, last=entry.last_failure or incident.last)
            if incident.resolved is None:
                entry.tracker.open = incident
        self.add(incident)
        return incident
