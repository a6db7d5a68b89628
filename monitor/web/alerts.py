"""/api/v1: alerts and their acknowledgements, notifications, and test messages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import web

from monitor.access.audit_log import Event
from monitor.alerting.receiver_check import send_test
from monitor.errors import StoreError
from monitor.log import conceal_secrets
from monitor.storage.reader import reading
from monitor.views.notification_json import notification_json
from monitor.views.response_json import response_json
from monitor.web.access import Role, principal_of, role
from monitor.web.audit import origin_of, record_event
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.query import parse_limit
from monitor.web.request_body import json_object
from monitor.web.write_context import (
    MAX_NAME,
    check_product,
    one_line,
    principal_for_change,
    record_fact,
    write_context,
)
from sla.acknowledgement import Acknowledgement, Via, acknowledgements
from sla.fact import Fact
from sla.page_rating import PageRating, Rating
from sla.silence import RETRY
from sla.window import format_instant

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.alerting.alert import Alert
    from monitor.alerting.service import Alerting
    from monitor.notification import Notification
    from sla.page_response import Response

log = structlog.get_logger(__name__)
routes = web.RouteTableDef()

MAX_NOTIFICATIONS: Final = 1_000
_STATES: Final = ("waiting", "delivered")


@routes.get("/api/v1/alerts")
@role(Role.READ)
async def alerts(request: web.Request) -> web.Response:
    """List the open alerts, oldest first, each with the latest acknowledgement that covers its severity."""
    check_query(request, "product")
    return as_json(open_alert_rows(request, request.query.get("product")))


def open_alert_rows(request: web.Request, product: str | None) -> list[dict[str, Any]]:
    """Return the open alerts of a product, or of all, as the API lists them."""
    alerting = write_context(request).alerting
    recorded = acknowledgements(request.app[CONTEXT].ledger.facts.all)
    valid = {
        acknowledgement.key: acknowledgement for acknowledgement in recorded if _is_valid(alerting, acknowledgement)
    }
    selected = (alert for alert in alerting.open_alerts() if product in (None, alert.product))
    rows = sorted(selected, key=lambda alert: alert.opened)
    return [alert_json(alert, valid.get(alert.key), alerting.responses.of(alert.key)) for alert in rows]


def _is_valid(alerting: Alerting, acknowledgement: Acknowledgement) -> bool:
    """Return whether an acknowledgement is valid. If a ticket becomes a page, its acknowledgements become invalid."""
    response = alerting.responses.of(acknowledgement.key)
    return response is None or acknowledgement.made >= response.started


@routes.post("/api/v1/alerts/{key:(?s:.+)}/acknowledge")
@role(Role.ALERTS_WRITE, body=True)
async def acknowledge(request: web.Request) -> web.Response:
    """Acknowledge an open alert."""
    check_query(request)
    client, body = principal_for_change(request), await json_object(request, "by")
    alert = find_open_alert(request, request.match_info["key"])
    check_product(client, alert.product)
    by = one_line(body["by"], "by", MAX_NAME) if "by" in body else client.name
    acknowledgement = new_acknowledgement(request, alert, by, Via.API, client.name)
    await record_fact(request, acknowledgement.fact())
    return as_json(acknowledgement_json(acknowledgement))


@routes.post("/api/v1/alerts/{key:(?s:.+)}/mark")
@role(Role.ALERTS_WRITE, body=True)
async def mark(request: web.Request) -> web.Response:
    """Mark the page of an open or recently resolved alert as useful or noise, as the page of a link does."""
    check_query(request)
    client, body = principal_for_change(request), await json_object(request, "mark")
    alert = write_context(request).alerting.find(request.match_info["key"])
    if alert is None:
        raise Refusal(404, "unknown alert", "GET /api/v1/alerts lists the open alerts")
    check_product(client, alert.product)
    if body.get("mark") not in list(Rating):
        raise Refusal(400, "the mark is neither useful nor noise", 'use {"mark": "useful"} or {"mark": "noise"}')
    now = request.app[CONTEXT].clock.now()
    page_rating = PageRating(now, alert.key, Rating(body["mark"]), client.name, "", alert.product)
    await record_fact(request, page_rating.fact())
    return as_json({"key": alert.key, "mark": page_rating.rating, "by": client.name, "at": format_instant(now)})


def find_open_alert(request: web.Request, key: str) -> Alert:
    """Return the open alert of a key.

    Raises:
        Refusal: the alert is unknown or resolved.
    """
    alerting = write_context(request).alerting
    alert = alerting.find(key)
    if alert is None:
        raise Refusal(404, "unknown alert", "GET /api/v1/alerts lists the open alerts")
    if not alerting.is_open(alert):
        raise Refusal(409, "the alert is resolved", "there is nothing to acknowledge")
    return alert


def new_acknowledgement(request: web.Request, alert: Alert, by: str, via: Via, author: str) -> Acknowledgement:
    """Return the acknowledgement of an alert by a person as of now. `author` is the token or receiver."""
    now = request.app[CONTEXT].clock.now()
    incident = "" if alert.incident is None else alert.incident.id
    return Acknowledgement(now, alert.key, by, via, alert.product, incident, "" if author == by else author)


def alert_json(alert: Alert, acknowledgement: Acknowledgement | None, response: Response | None) -> dict[str, Any]:
    """Return an alert as the API lists it. Acknowledgements from before it became a page are ignored."""
    if acknowledgement is not None and response is not None and acknowledgement.made < response.started:
        acknowledgement = None
    return {
        "key": alert.key,
        "product": alert.product or None,
        "severity": alert.severity.value,
        "opened": format_instant(alert.opened),
        "summary": alert.summary,
        "acknowledged": None if acknowledgement is None else acknowledgement_json(acknowledgement),
        "response": None if response is None else response_json(response),
    }


def acknowledgement_json(acknowledgement: Acknowledgement) -> dict[str, Any]:
    """Return an acknowledgement as the API shows it."""
    return {
        "key": acknowledgement.key,
        "product": acknowledgement.product or None,
        "incident": acknowledgement.incident or None,
        "at": format_instant(acknowledgement.made),
        "by": acknowledgement.by,
        "via": str(acknowledgement.via),
        "author": acknowledgement.author or acknowledgement.by,
    }


@routes.get("/api/v1/notifications")
@role(Role.ALERTS_READ)
async def notifications(request: web.Request) -> web.Response:
    """List the undelivered notifications with their last error, longest due first, then the latest delivered ones."""
    check_query(request, "state", "receiver", "product", "limit")
    query, permitted_products = request.query, principal_of(request).products
    if (state := query.get("state")) not in (None, *_STATES):
        raise Refusal(400, "unknown state", "use state=waiting or state=delivered, or omit it")
    limit = parse_limit(query.get("limit", "100"), MAX_NOTIFICATIONS)
    rows = [] if state == "delivered" else _waiting_notifications(request)
    rows += [] if state == "waiting" else await _delivered_notifications(request)
    selected = (
        row
        for row in rows
        if query.get("receiver") in (None, row.receiver)
        and query.get("product") in (None, row.product)
        and (not permitted_products or row.product in permitted_products)
    )
    return as_json([notification_json(row) for row in selected][:limit])


def _waiting_notifications(request: web.Request) -> list[Notification]:
    return sorted(write_context(request).alerting.outbox.waiting(), key=lambda row: (row.due, row.key))


async def _delivered_notifications(request: web.Request) -> list[Notification]:
    record = request.app[CONTEXT].record
    try:
        return [] if record is None else await asyncio.to_thread(_latest, record)
    except StoreError:
        raise Refusal(503, "the record cannot be read", "see the log of the daemon") from None


def _latest(record: Path) -> list[Notification]:
    with reading(record, trusted=True) as reader:
        return [row for row in reader.latest_notifications(MAX_NOTIFICATIONS) if row.done is not None]


@routes.post("/api/v1/notifications/retry")
@role(Role.ALERTS_WRITE, body=True)
async def retry(request: web.Request) -> web.Response:
    """Retry undelivered notifications now, to all receivers or to one."""
    check_query(request)
    client, body = principal_for_change(request), await json_object(request, "receiver")
    check_product(client, None)
    receiver = body.get("receiver")
    queues = write_context(request).alerting.outbox.queues
    if receiver is not None and (not isinstance(receiver, str) or receiver not in {**_receivers(request), **queues}):
        raise _unknown_receiver(request)
    await record_fact(
        request, Fact.of(request.app[CONTEXT].clock.now(), client.name, RETRY, "", {"receiver": receiver or ""})
    )
    waiting = sum(receiver in (None, row.receiver) for row in _waiting_notifications(request))
    return as_json({"receiver": receiver, "waiting": waiting}, status=202)


@routes.post("/api/v1/receivers/{id}/test")
@role(Role.ALERTS_WRITE)
async def test(request: web.Request) -> web.Response:
    """Send a test message to a receiver, and respond when the receiver has accepted or rejected it."""
    check_query(request)
    check_product(principal_for_change(request), None)
    context, attempt = request.app[CONTEXT], write_context(request).make_attempt()
    receiver = _receivers(request).get(request.match_info["id"])
    if receiver is None:
        raise _unknown_receiver(request)
    outcome = await send_test(context.ledger.portfolio, receiver, attempt, context.clock.now())
    client, detail = principal_of(request), {"receiver": receiver.id, "error": conceal_secrets(outcome.error)}
    log.info("test_message", receiver=receiver.id, author=client.name, error=outcome.error)
    await record_event(request, Event.TEST_MESSAGE, origin_of(request, client), detail)
    if outcome.error:
        raise Refusal(502, conceal_secrets(f"not delivered: {outcome.error}"), "check the receiver's configuration")
    return as_json({"receiver": receiver.id, "delivered": True})


def _receivers(request: web.Request) -> dict[str, Any]:
    return {receiver.id: receiver for receiver in request.app[CONTEXT].ledger.portfolio.receivers}


def _unknown_receiver(request: web.Request) -> Refusal:
    known = ", ".join(_receivers(request))
    return Refusal(404, "unknown receiver", f"configured receivers: {known}" if known else "add one under `receivers:`")
