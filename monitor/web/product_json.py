"""The JSON objects of /api/v1 for products, checks and incidents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.ledger.degraded import degradations
from monitor.ledger.designed_downtime import designed_downtime
from monitor.ledger.product_readiness import readiness_of
from monitor.views.incident_line import downtime_so_far
from monitor.views.journey_figures import journey_figures
from monitor.views.pauses import pause_json
from monitor.views.vantage_line import disagree, vantage_lines
from monitor.views.waterfall import steps_as_json
from sla.interval import SECOND
from sla.window import format_instant

if TYPE_CHECKING:
    from collections import Counter

    from monitor.config.model import Product
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.ledger import Ledger
    from monitor.web.context import WebContext
    from sla.budget import Forecast
    from sla.calendar import Window
    from sla.incident import Incident


def contractual_json(ledger: Ledger, product: Product, window: Window, at: int, now: int) -> dict[str, Any]:
    """Return the contractual figures with the limits on outages, the exclusions, and maintenance not excluded."""
    figures = ledger.agreement_figures(product.id, window, at, now)
    not_excluded = ledger.not_excluded_maintenance(product.id, window.measured)
    lists = {
        "outage_limits": [outage.as_json() for outage in figures.outages],
        "exclusions": [excluded.as_json() for excluded in figures.excluded_pieces],
        "maintenance_not_excluded": [entry.as_json() for entry in not_excluded],
    }
    return figures.contractual.as_json(product=product.id) | lists


def summary_json(context: WebContext, product: Product, open_counts: Counter[str], now: int) -> dict[str, Any]:
    """Return a product with its state and its figures over its own window."""
    ledger, readiness = context.ledger, readiness_of(context.ledger, product.id, now)
    ceiling = readiness.ceiling if readiness else None
    designed = designed_downtime(ledger, product, now)
    figures = ledger.measured(product.id, ledger.own_window(product.id, now), now).as_json(product=product.id)
    names = ("window", "availability", "coverage", "downtime_seconds", "objective", "budget", "verdict")
    newest = max(
        (at for entry in ledger.entries_of(product.id) if (at := entry.timeline.last_at) is not None), default=None
    )
    return {
        "id": product.id,
        "name": product.name,
        "team": product.team,
        "state": ledger.state(product.id, now).point.name.lower(),
        "down_by_design": None if designed is None else designed.as_json(),
        "degraded": [cause.as_json() for cause in degradations(ledger, product.id, now)],
        "rule": str(product.rule),
        "claim_ceiling": None if ceiling is None else float(ceiling),
        "incidents_open": open_counts[product.id],
        "alerts_that_cannot_fire": product.burn_obstacles,
        "last_observed": optional_instant(newest),
    } | {name: figures[name] for name in (*names, "watched") if name in figures}


def forecast_json(forecast: Forecast) -> dict[str, Any]:
    """Return the forecast of the error budget."""
    return {
        "pace_seconds": forecast.lookback / SECOND,
        "burn_rate": None if forecast.burn is None else float(forecast.burn),
        "exhausted_at": optional_instant(forecast.exhausted_at),
    }


def check_json(ledger: Ledger, entry: CheckEntry, now: int) -> dict[str, Any]:
    """Return a check with its last result."""
    last, pause = entry.last, ledger.facts.pause(entry.key, now)
    lines = vantage_lines(entry, now)
    described: dict[str, Any] = {
        "id": entry.check.id,
        "kind": entry.check.kind,
        "target": entry.check.target,
        "state": entry.states.state(now).point.name.lower() if pause is None else "unknown",
        "interval_seconds": entry.check.interval / SECOND,
        "paused": None if pause is None else pause_json(pause),
        "availability": None,
        "coverage": None,
        "last": None,
        "quorum": None if entry.votes is None else str(entry.check.quorum),
        "vantages": [line.as_json() for line in lines],
        "vantages_disagree": disagree(lines),
    }
    if (figures := journey_figures(ledger, entry, now)) is not None:
        content = figures.as_json()
        described |= {name: content[name] for name in ("availability", "coverage")}
    if last is not None:
        result = last.result
        described["last"] = {
            "at": optional_instant(last.observation.at),
            "outcome": result.outcome.value,
            "reason": result.reason,
            "status": result.status,
            "duration_seconds": last.duration,
            "phases": dict(result.phases),
            "detail": result.detail,
            "steps": steps_as_json(result),
        }
    return described


def incident_json(ledger: Ledger, incident: Incident, now: int) -> dict[str, Any]:
    """Return an incident with its downtime until now."""
    downtime = downtime_so_far(ledger, incident, now)
    incident = ledger.with_last_failure(incident)
    return {
        "id": incident.id,
        "product": incident.product,
        "check": incident.check.partition("/")[2],
        "opened": optional_instant(incident.opened),
        "resolved": optional_instant(incident.resolved),
        "reason": incident.reason,
        "downtime_seconds": None if downtime is None else downtime / SECOND,
        "first_failure": None if incident.first is None else incident.first.as_json(),
        "last_failure": None if incident.last is None else incident.last.as_json(),
    }


def optional_instant(at: int | None) -> str | None:
    """Return the instant in RFC 3339, None without an instant."""
    return None if at is None else format_instant(at)
