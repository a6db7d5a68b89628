"""One incident as a line of a page's table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.views.formatting import Moment, moment
from monitor.views.outages import outage_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.ledger.ledger import Ledger
    from sla.budget_window import BudgetWindow
    from sla.incident import Failure, Incident


DURATION_NOTE = (
    "Duration: from the first bad probe to the first good one. Downtime: as in the figures, where a change of state is "
    "estimated half-way between the two probes that differ."
)


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """One incident; durations are microseconds.

    `path` is the page about the outage that contains it. `failures` are the results of the first and the last failing
    probe. `downtime` is None while it may still change. `window` is the product's own window. `downtime_in_window` is
    None if the window contains all of the downtime, or if the incident lies before the window (`before_window`).
    """

    id: str
    path: str
    product: str
    check: str
    opened: Moment
    open: bool
    reason: str
    failures: list[str]
    duration: int
    downtime: int | None
    downtime_in_window: int | None
    before_window: bool
    window: BudgetWindow


def open_incidents(ledger: Ledger) -> Counter[str]:
    """Return the number of open incidents per product, in one pass over all incidents."""
    return Counter(incident.product for incident in ledger.incidents if incident.resolved is None)


def failure_texts(incident: Incident) -> list[str]:
    """Return the recorded results of the first and the last failing probe as text, without repetitions."""
    texts = [_failure_text(failure) for failure in (incident.first, incident.last) if failure is not None]
    return list(dict.fromkeys(filter(None, texts)))


def _failure_text(failure: Failure) -> str:
    status = "" if failure.status is None else f"status {failure.status}"
    return ": ".join(filter(None, (status, failure.detail)))


def incident_line(ledger: Ledger, incident: Incident, now: int, outage_ids: Mapping[str, str]) -> IncidentLine:
    """Return the line of the incident. The duration of an open incident ends now.

    `outage_ids` are those of `monitor.views.outages`.
    """
    downtime, window = downtime_so_far(ledger, incident, now), ledger.own_window(incident.product, now).measured
    in_window = incident.part(window, now, ledger.states_of(incident.check))
    part = None if in_window is None else in_window.downtime_in_window
    return IncidentLine(
        id=incident.id,
        path=outage_path(incident.id, outage_ids),
        product=incident.product,
        check=incident.check.partition("/")[2],
        opened=moment(incident.opened, ledger.portfolio.zone),
        open=incident.resolved is None,
        reason=incident.reason,
        failures=failure_texts(ledger.with_last_failure(incident)),
        duration=(incident.resolved or now) - incident.opened,
        downtime=downtime,
        downtime_in_window=None if part == downtime else part,
        before_window=in_window is None,
        window=ledger.products[incident.product].window,
    )


def downtime_so_far(ledger: Ledger, incident: Incident, now: int) -> int | None:
    """Return the incident's downtime (microseconds), until now if it is open. None without a timeline."""
    entry = ledger.entries.get(incident.check)
    if incident.downtime is not None or entry is None:
        return incident.downtime
    return incident.downtime_until(incident.resolved or now, ledger.states_of(incident.check))
