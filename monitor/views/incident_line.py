"""One incident as pages list it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.views.formatting import Moment, moment
from sla.interval import Interval

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger
    from sla.incident import Failure, Incident


DURATION_NOTE = (
    "Duration: from the first bad probe to the first good one. Downtime: as in the figures, where a change of state is "
    "estimated half-way between the two probes that differ."
)


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """One incident; durations are microseconds.

    `seen` has the results of its first and last failing probes. `downtime` is None until it is settled. `part` is the
    downtime inside the product's own window, of the length `window`; None if all of it is inside.
    """

    product: str
    check: str
    opened: Moment
    open: bool
    reason: str
    seen: list[str]
    lasted: int
    downtime: int | None
    part: int | None
    window: int


def open_incidents(ledger: Ledger) -> Counter[str]:
    """Return the number of open incidents per product, in one pass over all incidents."""
    return Counter(incident.product for incident in ledger.incidents if incident.resolved is None)


def failure_texts(incident: Incident) -> list[str]:
    """Return the results of the first and the last failing probe as text, each once, as far as they are recorded."""
    found = [_failure_text(each) for each in (incident.first, incident.last) if each is not None]
    return list(dict.fromkeys(filter(None, found)))


def _failure_text(failure: Failure) -> str:
    status = "" if failure.status is None else f"status {failure.status}"
    return ": ".join(filter(None, (status, failure.detail)))


def incident_line(ledger: Ledger, incident: Incident, now: int) -> IncidentLine:
    """Return the incident as pages list it; an open one lasts up to now."""
    downtime, window = downtime_so_far(ledger, incident, now), ledger.products[incident.product].window
    found = incident.part(Interval(now - window, now), now, ledger.history(incident.check).timeline)
    part = 0 if found is None else found.part
    return IncidentLine(
        product=incident.product,
        check=incident.check.partition("/")[2],
        opened=moment(incident.opened, ledger.portfolio.zone),
        open=incident.resolved is None,
        reason=incident.reason,
        seen=failure_texts(ledger.current(incident)),
        lasted=(incident.resolved or now) - incident.opened,
        downtime=downtime,
        part=None if part == downtime else part,
        window=window,
    )


def downtime_so_far(ledger: Ledger, incident: Incident, now: int) -> int | None:
    """Return the incident's downtime (microseconds), up to now while it is open; None without a timeline."""
    entry = ledger.entries.get(incident.check)
    if incident.downtime is not None or entry is None:
        return incident.downtime
    return incident.downtime_until(incident.resolved or now, entry.timeline)
