"""Alerts about the other vantages: a ticket per vantage that does not deliver, one page while checks lack a quorum.

Both open after `OPEN_AFTER`. Only observations resolve them, not a restart of the daemon.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from monitor.alerting.alert import Alert
from monitor.delivery_status import named
from monitor.probe_result import VANTAGE
from sla.interval import SECOND
from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.delivery_status import Deliveries, DeliveryStatus
    from monitor.ledger.ledger import Ledger

SILENT_VANTAGE, QUORUM = "vantage", "quorum"
OPEN_AFTER: Final = 30 * SECOND
_MAX_NOTES: Final = 5  # checks that a page lists


def resolved_vantage_alerts(
    ledger: Ledger, deliveries: Deliveries, open_alerts: dict[str, Alert], now: int
) -> Iterator[Alert]:
    """Open the alerts that apply to the other vantages; yield the alerts that are resolved."""
    configured = {vantage.id for vantage in ledger.portfolio.vantages}
    for known in [key for key in open_alerts if key.startswith(f"{SILENT_VANTAGE}:")]:
        if known.split(":")[1] not in configured:
            yield replace(open_alerts.pop(known), resolved=now)
    for status in deliveries.vantages:
        key = _open_key(open_alerts, f"{SILENT_VANTAGE}:{status.id}:")
        if status.state.failing and (key is not None or now - status.since >= OPEN_AFTER):
            key = key or f"{SILENT_VANTAGE}:{status.id}:{status.since // SECOND}"
            open_alerts[key] = _vantage_alert(key, status, open_alerts.get(key))
        elif key is not None and status.restored(now):
            yield replace(open_alerts.pop(key), resolved=now)
    yield from _update_quorum_alert(deliveries, open_alerts, now, several=bool(configured))


def _update_quorum_alert(
    deliveries: Deliveries, open_alerts: dict[str, Alert], now: int, *, several: bool
) -> Iterator[Alert]:
    """Open one page while checks lack their quorum; yield it when it is resolved."""
    key = _open_key(open_alerts, f"{QUORUM}:{VANTAGE}:")
    begun = min((loss.since for loss in deliveries.losses), default=now)
    assured = deliveries.assured_since
    if deliveries.losses and (key is not None or now - begun >= OPEN_AFTER):
        key = key or f"{QUORUM}:{VANTAGE}:{begun // SECOND}"
        open_alerts[key] = _quorum_alert(key, deliveries, open_alerts.get(key), begun)
    elif key is not None and (not several or (assured is not None and now - assured >= deliveries.settle)):
        yield replace(open_alerts.pop(key), resolved=now)


def _open_key(open_alerts: dict[str, Alert], prefix: str) -> str | None:
    return next((key for key in open_alerts if key.startswith(prefix)), None)


def _vantage_alert(key: str, status: DeliveryStatus, known: Alert | None) -> Alert:
    summary = f"The vantage {status.id} is {status.state.value}: {status.summary}"
    votes = f"It has no vote on {len(status.missing)} of {status.checks} checks: {named(status.missing)}."
    notes = ((f"{status.problem}.",) if status.problem else ()) + ((votes,) if status.missing else ())
    return Alert(key, "", Severity.TICKET, known.opened if known else status.since, None, summary, notes=notes)


def _quorum_alert(key: str, deliveries: Deliveries, known: Alert | None, begun: int) -> Alert:
    checks = tuple(loss.check for loss in deliveries.losses)
    summary = f"Too few vantages deliver: an outage of {named(checks)} would not be detected"
    notes = tuple(f"{loss.summary}." for loss in deliveries.losses[:_MAX_NOTES])
    return Alert(key, "", Severity.PAGE, known.opened if known else begun, None, summary, notes=notes)
