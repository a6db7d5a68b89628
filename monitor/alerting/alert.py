"""Alerts and the messages of their events."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sla.interval import SECOND, Interval
from sla.product_incident import ProductIncident, Severity
from sla.states import State
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.alerting.dependencies import Dependencies
    from monitor.config.model import Portfolio, Product
    from monitor.ledger.ledger import Ledger
    from monitor.notification import Kind
    from sla.escalation import Progress
    from sla.incident import Incident
    from sla.page_response import Response
    from sla.state_history import History

_MAX_NAMES = 10  # clients or products in one message
_DOUBT_STATES = (State.DOUBT_UP, State.DOUBT_DOWN)


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert. Instants are microseconds since the epoch; `resolved` is None while it is open.

    `product` is empty for an alert about the monitor itself. `summary` is one line.
    """

    key: str
    product: str
    severity: Severity
    opened: int
    resolved: int | None
    summary: str
    incident: ProductIncident | None = None
    checks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def suppressed_up_to(self) -> Severity | None:
        """The highest severity at which the alert is not announced, None if all are (see `ProductIncident`)."""
        return None if self.incident is None else self.incident.suppressed_up_to


def incident_alert(incident: ProductIncident, product: Product | None) -> Alert:
    """Return the alert of a product incident; `product` is None if it is no longer in the configuration."""
    name = incident.product if product is None else product.name
    state = "is down" if incident.severity is Severity.PAGE else "has a failing check and is up by its rule"
    return Alert(
        incident.id,
        incident.product,
        incident.severity,
        incident.opened,
        incident.resolved,
        f"{name} {state}" if incident.resolved is None else f"{name} is up again",
        incident,
        notes=() if product is not None else ("The product is not in the configuration any more.",),
    )


def body_of(
    alert: Alert,
    event: Kind,
    earlier_severities: tuple[str, ...],
    progress: Progress | None = None,
    *,
    ledger: Ledger,
    dependencies: Dependencies,
    now: int,
    response: Response | None = None,
) -> str:
    """Return the JSON message of an event, which is the webhook's body. Its `extra` has fields for some receivers only.

    `earlier_severities` are the severities already sent to the receiver, oldest first. `progress` is the escalation
    step that calls the receiver.
    """
    portfolio, product = ledger.portfolio, ledger.products.get(alert.product)
    checks = _checks(ledger, alert)
    down = alert.incident is not None and Severity.PAGE in (alert.severity, alert.incident.severity)
    body = {
        "version": 1,
        "event": event.value,
        "key": alert.key,
        "severity": alert.severity.value,
        "product": _product(alert, product),
        "checks": [incident.check.partition("/")[2] for incident in checks] or list(alert.checks),
        "incident": _incident(alert, checks),
        "downtime_seconds": _downtime(alert, ledger, now),
        "budget": _budget(alert, ledger, now),
        "links": _links(portfolio, product, alert.incident),
        **response_fields(response),
        **_escalation(portfolio, progress),
        "extra": {
            "summary": alert.summary,
            "team": None if product is None else product.team,
            "for": _first_names(dependencies.clients(alert.product)),
            "muted": _first_names(dependencies.dependents(alert.product)) if down else [],
            "notes": list(alert.notes),
            "former_severities": list(earlier_severities),
        },
    }
    return json.dumps(body, ensure_ascii=False)


def response_fields(response: Response | None) -> dict[str, Any]:
    """Return the response's priority, acknowledgement deadline and acknowledgement, as far as they exist."""
    if response is None:
        return {}
    fields: dict[str, Any] = {}
    if response.priority:
        fields["priority"] = response.priority
    if response.target is not None:
        fields["acknowledge_by"] = format_instant(response.started + response.target)
    if response.acknowledged is not None:
        at = format_instant(response.acknowledged)
        fields["acknowledged"] = {"at": at, "by": response.author, "via": response.via}
    return fields


def _escalation(portfolio: Portfolio, progress: Progress | None) -> dict[str, Any]:
    if progress is None:
        return {}
    configured = (escalation for escalation in portfolio.escalations if escalation.id == progress.plan)
    steps = next((len(escalation.steps) for escalation in configured), progress.step)
    step = {"id": progress.plan, "step": progress.step, "steps": steps, "person": progress.person or None}
    return {"escalation": step}


def _checks(ledger: Ledger, alert: Alert) -> Sequence[Incident]:
    """Return the check incidents of the product incident, oldest first, with their newest failing probes."""
    if alert.incident is None:
        return ()
    known = {incident.id: incident for incident in ledger.all_incidents() if incident.product == alert.product}
    return [ledger.with_last_failure(known[name]) for name in alert.incident.members if name in known]


def _product(alert: Alert, product: Product | None) -> dict[str, str] | None:
    if not alert.product:
        return None
    return {"id": alert.product, "name": alert.product if product is None else product.name}


def _incident(alert: Alert, checks: Sequence[Incident]) -> dict[str, Any] | None:
    if alert.incident is None:
        return None
    first = checks[0] if checks else None
    failure = None if first is None else first.first or first.last
    return {
        "id": alert.incident.id,
        "opened": format_instant(alert.opened),
        "resolved": None if alert.resolved is None else format_instant(alert.resolved),
        "reason": "" if first is None else first.reason,
        "detail": "" if failure is None else failure.detail,
    }


def _downtime(alert: Alert, ledger: Ledger, now: int) -> dict[str, float] | None:
    """Return the product's downtime in seconds since its last known state before the incident."""
    if alert.incident is None or alert.product not in ledger.products:
        return None
    end = now if alert.resolved is None else alert.resolved
    start = _last_known_end(ledger.compositions[alert.product], alert.opened)
    downtime = ledger.measured(alert.product, Interval(start, max(start, end)), end, now).downtime
    return {name: microseconds / SECOND for name, microseconds in downtime._asdict().items()}


def _last_known_end(history: History, opened: int) -> int:
    """Return the start of the time in doubt before `opened` (measurement.md, section 2); `opened` if there is none."""
    start = opened
    for _ in _DOUBT_STATES:
        if history.state(start - 1) in _DOUBT_STATES:
            start = history.state_start(start)
    return start


def _budget(alert: Alert, ledger: Ledger, now: int) -> dict[str, float] | None:
    product = ledger.products.get(alert.product)
    if product is None:
        return None
    budget = ledger.measured(product.id, ledger.own_window(product.id, now), now).budget
    return {
        "allowed_seconds": float(budget.allowed / SECOND),
        "remaining_seconds": float(budget.remaining / SECOND),
    }


def _links(portfolio: Portfolio, product: Product | None, incident: ProductIncident | None) -> dict[str, str | None]:
    base = portfolio.public_url
    page = None if base is None or product is None else f"{base}/products/{product.id}"
    runbook = None if product is None else product.runbook
    if runbook is None and base is not None:
        runbook = f"{base}/runbook"
    outage = None if base is None or incident is None else f"{base}/incidents/{incident.id}"
    return {"product": page, "incident": outage, "runbook": runbook, "acknowledge": None}


def _first_names(names: list[str]) -> list[str]:
    excess = len(names) - _MAX_NAMES
    return names if excess <= 0 else [*names[:_MAX_NAMES], f"{excess} more"]
