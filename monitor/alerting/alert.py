"""What an alert is about, and the message that each of its events carries."""

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

_MOST_NAMES = 10  # clients or products that one message names
_DOUBT = (State.DOUBT_UP, State.DOUBT_DOWN)


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to notify of, as it stands: open, or `resolved` at an instant (microseconds since the epoch).

    `product` is empty for an alert about the monitor itself. `summary` says in a few words what it is about while it is
    open. `unannounced` is the severity at which it is not announced, as in `ProductIncident`.
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
    def unannounced(self) -> Severity | None:
        """The severity at which it is not announced."""
        return None if self.incident is None else self.incident.unannounced


def incident_alert(incident: ProductIncident, product: Product | None) -> Alert:
    """Return the alert that a product incident is; `product` is None once it left the configuration."""
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
    former: tuple[str, ...],
    progress: Progress | None = None,
    *,
    ledger: Ledger,
    dependencies: Dependencies,
    now: int,
    response: Response | None = None,
) -> str:
    """Return the message of an event as JSON: the webhook's body, and under `extra` what only some receivers need.

    `former` are the severities that the receiver was notified of besides the present one. `progress` is the step of an
    escalation that calls the receiver.
    """
    portfolio, product = ledger.portfolio, ledger.products.get(alert.product)
    checks = _checks(ledger, alert)
    paging = alert.severity is Severity.PAGE and alert.incident is not None
    body = {
        "version": 1,
        "event": event.value,
        "key": alert.key,
        "severity": alert.severity.value,
        "product": _product(alert, product),
        "checks": [each.check.partition("/")[2] for each in checks] or list(alert.checks),
        "incident": _incident(alert, checks),
        "downtime_seconds": _downtime(alert, ledger, now),
        "budget": _budget(alert, ledger, now),
        "links": _links(portfolio, product),
        **response_fields(response),
        **_escalation(portfolio, progress),
        "extra": {
            "summary": alert.summary,
            "team": None if product is None else product.team,
            "for": _few(dependencies.clients(alert.product)),
            "muted": _few(dependencies.dependents(alert.product)) if paging else [],
            "notes": list(alert.notes),
            "former_severities": list(former),
        },
    }
    return json.dumps(body, ensure_ascii=False)


def response_fields(response: Response | None) -> dict[str, Any]:
    """Return the priority, the time to acknowledge by, and who acknowledged the alert; only what there is."""
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
    steps = next((len(each.steps) for each in portfolio.escalations if each.id == progress.plan), progress.step)
    step = {"id": progress.plan, "step": progress.step, "steps": steps, "person": progress.person or None}
    return {"escalation": step}


def _checks(ledger: Ledger, alert: Alert) -> Sequence[Incident]:
    """Return the check incidents inside the product incident, in its order, with their newest failing probes."""
    if alert.incident is None:
        return ()
    known = {each.id: each for each in ledger.all_incidents() if each.product == alert.product}
    return [ledger.with_newest_failure(known[name]) for name in alert.incident.members if name in known]


def _product(alert: Alert, product: Product | None) -> dict[str, str] | None:
    if not alert.product:
        return None
    return {"id": alert.product, "name": alert.product if product is None else product.name}


def _incident(alert: Alert, checks: Sequence[Incident]) -> dict[str, Any] | None:
    if alert.incident is None:
        return None
    first = checks[0] if checks else None
    seen = None if first is None else first.first or first.last
    return {
        "id": alert.incident.id,
        "opened": format_instant(alert.opened),
        "resolved": None if alert.resolved is None else format_instant(alert.resolved),
        "reason": "" if first is None else first.reason,
        "detail": "" if seen is None else seen.detail,
    }


def _downtime(alert: Alert, ledger: Ledger, now: int) -> dict[str, float] | None:
    """Return the downtime of the product from the last instant before the incident that is known, so far or in all."""
    if alert.incident is None or alert.product not in ledger.products:
        return None
    end = now if alert.resolved is None else alert.resolved
    start = _last_known(ledger.compositions[alert.product], alert.opened)
    found = ledger.measured(alert.product, Interval(start, max(start, end)), end, now).downtime
    return {name: us / SECOND for name, us in found._asdict().items()}


def _last_known(history: History, opened: int) -> int:
    """Return the start of the doubt before the instant (measurement.md, section 2), the instant itself if none is."""
    start = opened
    for _ in _DOUBT:
        if history.state(start - 1) in _DOUBT:
            start = history.state_start(start)
    return start


def _budget(alert: Alert, ledger: Ledger, now: int) -> dict[str, float] | None:
    product = ledger.products.get(alert.product)
    if product is None:
        return None
    held = ledger.measured(product.id, Interval(now - product.window, now), now).budget
    if held is None:
        return None
    return {
        "allowed_seconds": float(held.allowed / SECOND),
        "remaining_seconds": float(held.remaining / SECOND),
    }


def _links(portfolio: Portfolio, product: Product | None) -> dict[str, str | None]:
    base = portfolio.public_url
    page = None if base is None or product is None else f"{base}/products/{product.id}"
    runbook = None if product is None else product.runbook
    if runbook is None and base is not None:
        runbook = f"{base}/runbook"
    return {"product": page, "incident": None, "runbook": runbook, "acknowledge": None}


def _few(names: list[str]) -> list[str]:
    left = len(names) - _MOST_NAMES
    return names if left <= 0 else [*names[:_MOST_NAMES], f"{left} more"]
