"""One outage as its page shows it: figures, what each check reported, affected clients and cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.config.dependent_clients import dependent_clients
from monitor.views.formatting import Moment, moment
from monitor.views.impact import AffectedClient, affected_clients
from monitor.views.outage_line import longest
from sla.downtime_cost import format_money
from sla.interval import SECOND, Interval
from sla.product_incident import Severity

if TYPE_CHECKING:
    from fractions import Fraction
    from zoneinfo import ZoneInfo

    from monitor.ledger.ledger import Ledger
    from monitor.views.outages import Outage
    from sla.availability import Bounds
    from sla.incident import Failure, Incident
    from sla.page_response import Response


@dataclass(frozen=True, slots=True)
class FailureLine:
    """One failing probe as recorded. `phases` are microseconds by name."""

    label: str
    time: Moment
    reason: str
    status: int | None
    detail: str
    phases: dict[str, int]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The incident of one check with its first and its last failing probe, as far as they are recorded."""

    id: str
    check: str
    reason: str
    opened: Moment
    resolved: Moment | None
    duration: int
    failures: tuple[FailureLine, ...]


@dataclass(frozen=True, slots=True)
class IncidentView:
    """One outage. Durations are microseconds.

    `downtime` is that of the product from the first bad probe to the end. None without figures. `cost` are the bounds
    of its cost as text, empty without a rate. `share` is the part of the allowed downtime that the estimate spent.
    `acknowledged_after` and `public_after` are None if no person did so.
    """

    id: str
    product: str
    name: str
    title: str
    open: bool
    severity: str
    opened: Moment
    resolved: Moment | None
    duration: int
    downtime: Bounds[int] | None
    share: Fraction | None
    cost: tuple[str, ...]
    cost_basis: str
    acknowledged_after: int | None
    target: int | None
    public_after: int | None
    checks: tuple[CheckReport, ...]
    affected: tuple[AffectedClient, ...]
    runbook: str

    @property
    def affected_count(self) -> int:
        """The number of affected clients."""
        return sum(affected.dependent.client.count for affected in self.affected)


def incident_view(ledger: Ledger, outage: Outage, responses: list[Response], now: int) -> IncidentView:
    """Return the outage. `responses` are those to its alert, in the order of their start."""
    zone, product = ledger.portfolio.zone, ledger.products.get(outage.product)
    end = max(outage.opened, now if outage.resolved is None else outage.resolved)
    name = outage.product if product is None else product.name
    downtime = None if product is None else _downtime(ledger, outage, end, now)
    rate = None if product is None or product.value_per_hour is None else product.value_per_hour.rate
    has_cost = rate is not None and downtime is not None
    acknowledged = next((response for response in responses if response.time_to_acknowledge is not None), None)
    first = outage.incidents[0] if outage.incidents else None
    known = product is not None and first is not None
    return IncidentView(
        id=outage.id,
        product=outage.product,
        name=name,
        title=_title(name, outage),
        open=outage.open,
        severity="" if outage.severity is None else outage.severity.value,
        opened=moment(outage.opened, zone),
        resolved=None if outage.resolved is None else moment(outage.resolved, zone),
        duration=end - outage.opened,
        downtime=downtime,
        share=_share(ledger, outage, downtime, now),
        cost=tuple(format_money(rate.cost(us), rate.currency) for us in downtime) if rate and downtime else (),
        cost_basis=f"{format_money(rate.amount, rate.currency)} per hour: {rate.basis}" if rate and has_cost else "",
        acknowledged_after=None if acknowledged is None else acknowledged.time_to_acknowledge,
        target=next((response.target for response in responses if response.target is not None), None),
        public_after=_public_after(ledger, outage),
        checks=tuple(_report(incident, now, zone) for incident in outage.incidents),
        affected=_affected(ledger, outage, now) if known else (),
        runbook=str(product.runbook) if product is not None and product.runbook else "/runbook",
    )


def _title(name: str, outage: Outage) -> str:
    """Return the heading. The severity is that of the last decision, so a resolved outage only has its worst one."""
    if outage.severity is Severity.PAGE:
        return f"{name} {'is' if outage.open else 'was'} down"
    if outage.severity is Severity.TICKET:
        return f"{name} {'has' if outage.open else 'had'} failing checks"
    check = outage.incidents[0].check.partition("/")[2] if outage.incidents else ""
    return f"{check} of {name} {'fails' if outage.open else 'failed'}"


def _downtime(ledger: Ledger, outage: Outage, end: int, now: int) -> Bounds[int]:
    """Return the product's downtime from the estimated start of the first failure to the end."""
    starts = [incident.span_until(end, ledger.states_of(incident.check)).start for incident in outage.incidents]
    start = min([outage.opened, *starts])
    return ledger.measured(outage.product, Interval(start, max(start, end)), now, now).downtime


def _share(ledger: Ledger, outage: Outage, downtime: Bounds[int] | None, now: int) -> Fraction | None:
    if downtime is None:
        return None
    budget = ledger.measured(outage.product, ledger.own_window(outage.product, now), now).budget
    return None if not budget.allowed else downtime.point / budget.allowed


def _affected(ledger: Ledger, outage: Outage, now: int) -> tuple[AffectedClient, ...]:
    """Return the clients that the longest of its check incidents affected."""
    if not any(dependent_clients(ledger.portfolio, outage.product)):
        return ()
    return tuple(affected_clients(ledger, longest(outage.incidents, now), now))


def _public_after(ledger: Ledger, outage: Outage) -> int | None:
    """Return the time from the first bad probe to the first public update, None without one."""
    public = ledger.facts.public_incidents
    opened = [incident.opened for incident in public if incident.product_incident == outage.id]
    return max(0, min(opened) - outage.opened) if opened else None


def _report(incident: Incident, now: int, zone: ZoneInfo) -> CheckReport:
    recorded = {"First failing probe": incident.first, "Last failing probe": incident.last}
    failures = [(label, failure) for label, failure in recorded.items() if failure is not None]
    if len(failures) > 1 and failures[0][1] == failures[1][1]:
        failures = [("Failing probe", failures[0][1])]
    return CheckReport(
        incident.id,
        incident.check.partition("/")[2],
        incident.reason,
        moment(incident.opened, zone),
        None if incident.resolved is None else moment(incident.resolved, zone),
        (incident.resolved or now) - incident.opened,
        tuple(_failure(label, failure, zone) for label, failure in failures),
    )


def _failure(label: str, failure: Failure, zone: ZoneInfo) -> FailureLine:
    phases = {name: round(seconds * SECOND) for name, seconds in failure.phases.items()}
    return FailureLine(label, moment(failure.at, zone), failure.reason, failure.status, failure.detail, phases)
