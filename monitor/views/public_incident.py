"""Incidents of a public status page, without authors and without the internal incident."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from monitor.config.status_pages import MAX_TEXT
from monitor.language import translatable
from monitor.views.formatting import Moment, moment, shorten
from monitor.views.service_state import ServiceState, worst
from sla.localtime import local
from sla.public_incident import Impact, Phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from zoneinfo import ZoneInfo

    from monitor.config.status_pages import StatusPage
    from monitor.facts.fact_index import Facts
    from monitor.language import Language
    from sla.public_incident import PublicIncident, PublicUpdate

PHASES: Final = {
    Phase.INVESTIGATING: translatable("Investigating"),
    Phase.IDENTIFIED: translatable("Identified"),
    Phase.MONITORING: translatable("Monitoring"),
    Phase.RESOLVED: translatable("Resolved"),
}
STATE_OF_IMPACT: Final = {Impact.OUTAGE: ServiceState.OUTAGE, Impact.DEGRADED: ServiceState.DEGRADED}


@dataclass(frozen=True, slots=True)
class UpdateView:
    """One update: its time, the word of its phase, and its text in paragraphs."""

    made: Moment
    word: str
    paragraphs: Sequence[str]


@dataclass(frozen=True, slots=True)
class IncidentView:
    """An incident with its updates, the newest first."""

    id: str
    title: str
    impact: Impact
    names: Sequence[str]
    component_ids: Sequence[str]
    updates: Sequence[UpdateView]
    opened: Moment
    resolved: Moment | None
    next_due: Moment | None
    overdue: bool

    @property
    def phase(self) -> str:
        """The phase of the newest update, in JSON."""
        return self.updates[0].word.lower()


@dataclass(frozen=True, slots=True)
class Month:
    """The incidents that were opened in one month, the newest first."""

    name: str
    incidents: Sequence[IncidentView]


def incidents_of(facts: Facts, page_id: str) -> list[PublicIncident]:
    """Return the incidents of the page, the newest first."""
    return [incident for incident in reversed(facts.public_incidents) if incident.page == page_id]


def incident_view(incident: PublicIncident, page: StatusPage, zone: ZoneInfo, now: int) -> IncidentView:
    """Return the view of an incident. Components that were removed from the page have no name there."""
    components = [component for component in page.components if component.id in incident.components]
    due, resolved = incident.next_due, incident.resolved
    return IncidentView(
        id=incident.id,
        title=shorten(incident.title),
        impact=incident.impact,
        names=[component.name for component in components],
        component_ids=[component.id for component in components],
        updates=[_update(update, zone) for update in reversed(incident.updates)],
        opened=moment(incident.opened, zone),
        resolved=None if resolved is None else moment(resolved, zone),
        next_due=None if due is None else moment(due, zone),
        overdue=due is not None and due <= now,
    )


def _update(update: PublicUpdate, zone: ZoneInfo) -> UpdateView:
    return UpdateView(moment(update.made, zone), PHASES[update.phase], list(_paragraphs(update.text)))


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a text, without control characters and bidirectional overrides. It has no markup."""
    for part in text.replace("\r\n", "\n").split("\n\n"):
        if paragraph := shorten(part, MAX_TEXT):
            yield paragraph


def by_month(incidents: Iterable[IncidentView], language: Language) -> list[Month]:
    """Return the incidents by the month in which they were opened, in their order."""

    def month(incident: IncidentView) -> str:
        return language.month(local(incident.opened.at, incident.opened.zone))

    return [Month(name, list(group)) for name, group in groupby(incidents, key=month)]


def stated_state(measured: ServiceState, incidents: Iterable[PublicIncident], component_id: str) -> ServiceState:
    """Return the worst of the measured state and the impacts that open incidents state for the component."""
    open_ones = (incident for incident in incidents if incident.resolved is None)
    impacts = [incident.impact for incident in open_ones if component_id in incident.components]
    return worst([measured, *(STATE_OF_IMPACT[impact] for impact in impacts if impact in STATE_OF_IMPACT)])
