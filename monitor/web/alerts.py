"""/api/v1: alerts, their acknowledgement, notifications and test messages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import web

from monitor.alerting.test_message import send_test
from monitor.errors import StoreError
from monitor.log import concealed
from monitor.storage.reader import reading
from monitor.views.notification_json import notification_json
from monitor.views.response_json import response_json
from monitor.web.access import Role, holder, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, only
from monitor.web.request_body import json_object
from monitor.web.writing import LONGEST_NAME, author, state, within_limit, words, writing
from sla.acknowledgement import Acknowledgement, Via, acknowledgements
from sla.fact import Fact
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

MOST: Final = 1_000
_STATES: Final = ("waiting", "delivered")


@routes.get("/api/v1/alerts")
@role(Role.READ)
async def alerts(request: web.Request) -> web.Response:
    """List the open alerts, oldest first, with the latest acknowledgement of each that covers its severity."""
    only(request, "product")
    product, alerting = request.query.get("product"), writing(request).alerting
    stated = acknowledgements(request.app[CONTEXT].ledger.facts.all)
    given = {each.key: each for each in stated if _covers(alerting, each)}
    chosen = (each for each in alerting.open_alerts() if product in (None, each.product))
    listed = sorted(chosen, key=lambda each: each.opened)
    return as_json([alert_json(each, given.get(each.key), alerting.responses.of(each.key)) for each in listed])


def _covers(alerting: Alerting, given: Acknowledgement) -> bool:
    """Return whether an acknowledgement counts: not one of a ticket that has become a page since."""
    response = alerting.responses.of(given.key)
    return response is None or given.made >= response.started


@routes.post("/api/v1/alerts/{key:.+}/acknowledge")
@role(Role.ALERTS_WRITE, body=True)
async def acknowledge(request: web.Request) -> web.Response:
    """Acknowledge an open alert: a person takes care of it."""
    only(request)
    token, body = author(request), await json_object(request, "by")
    alert = open_alert(request, request.match_info["key"])
    within_limit(token, alert.product)
    by = words(body["by"], "by", LONGEST_NAME) if "by" in body else token.name
    made = acknowledgement(request, alert, by, Via.API, token.name)
    await state(request, made.fact())
    return as_json(acknowledgement_json(made))


def open_alert(request: web.Request, key: str) -> Alert:
    """Return the alert of a key.

    Raises:
        Refusal: there is none, or it is resolved.
    """
    alerting = writing(request).alerting
    alert = alerting.find(key)
    if alert is None:
        raise Refusal(404, "unknown alert", "GET /api/v1/alerts lists those that are open")
    if not alerting.is_open(alert):
        raise Refusal(409, "the alert is resolved", "there is nothing to acknowledge")
    return alert


def acknowledgement(request: web.Request, alert: Alert, by: str, via: Via, stated_by: str) -> Acknowledgement:
    """Return the acknowledgement of an alert by a person, made now."""
    now = request.app[CONTEXT].clock.now()
    incident = "" if alert.incident is None else alert.incident.id
    return Acknowledgement(now, alert.key, by, via, alert.product, incident, "" if stated_by == by else stated_by)


def alert_json(alert: Alert, given: Acknowledgement | None, response: Response | None) -> dict[str, Any]:
    """Return an alert as the API lists it. An acknowledgement from before it became a page does not count."""
    if given is not None and response is not None and given.made < response.started:
        given = None
    return {
        "key": alert.key,
        "product": alert.product or None,
        "severity": alert.severity.value,
        "opened": format_instant(alert.opened),
        "summary": alert.summary,
        "acknowledged": None if given is None else acknowledgement_json(given),
        "response": None if response is None else response_json(response),
    }


def acknowledgement_json(made: Acknowledgement) -> dict[str, Any]:
    """Return an acknowledgement as the API shows it."""
    return {
        "key": made.key,
        "product": made.product or None,
        "incident": made.incident or None,
        "at": format_instant(made.made),
        "by": made.by,
        "via": str(made.via),
        "author": made.author or made.by,
    }


@routes.get("/api/v1/notifications")
@role(Role.ALERTS_READ)
async def notifications(request: web.Request) -> web.Response:
    """List notifications: those that wait with their last error, longest due first, then the latest delivered ones."""
    only(request, "state", "receiver", "product", "limit")
    query, limits = request.query, holder(request).products
    if (wanted := query.get("state")) not in (None, *_STATES):
        raise Refusal(400, "unknown state", "write state=waiting or state=delivered, or omit it")
    limit = _limit(query.get("limit", "100"))
    found = [] if wanted == "delivered" else _waiting(request)
    found += [] if wanted == "waiting" else await _delivered(request)
    chosen = (
        each
        for each in found
        if query.get("receiver") in (None, each.receiver)
        and query.get("product") in (None, each.product)
        and (not limits or each.product in limits)
    )
    return as_json([notification_json(each) for each in chosen][:limit])


def _waiting(request: web.Request) -> list[Notification]:
    return sorted(writing(request).alerting.outbox.waiting(), key=lambda each: (each.due, each.key))


async def _delivered(request: web.Request) -> list[Notification]:
    record = request.app[CONTEXT].record
    try:
        return [] if record is None else await asyncio.to_thread(_latest, record)
    except StoreError:
        raise Refusal(503, "the record cannot be read", "see the log of the daemon") from None


def _latest(record: Path) -> list[Notification]:
    with reading(record, trusted=True) as found:
        return [each for each in found.latest_notifications(MOST) if each.done is not None]


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise Refusal(400, "limit is not a positive integer", f"write limit=20; at most {MOST} are returned")
    return min(int(text), MOST)


@routes.post("/api/v1/notifications/retry")
@role(Role.ALERTS_WRITE, body=True)
async def retry(request: web.Request) -> web.Response:
    """Send again now what could not be delivered, to all receivers or to one."""
    only(request)
    token, body = author(request), await json_object(request, "receiver")
    within_limit(token, None)
    receiver = body.get("receiver")
    lanes = writing(request).alerting.outbox.lanes
    if receiver is not None and (not isinstance(receiver, str) or receiver not in {**_receivers(request), **lanes}):
        raise _unknown_receiver(request)
    await state(request, Fact.of(request.app[CONTEXT].clock.now(), token.name, RETRY, "", {"receiver": receiver or ""}))
    waiting = sum(receiver in (None, each.receiver) for each in _waiting(request))
    return as_json({"receiver": receiver, "waiting": waiting}, status=202)


@routes.post("/api/v1/receivers/{id}/test")
@role(Role.ALERTS_WRITE)
async def test(request: web.Request) -> web.Response:
    """Send a test message to a receiver, and answer once it has confirmed it or not."""
    only(request)
    within_limit(author(request), None)
    context, parts = request.app[CONTEXT], writing(request)
    receiver = _receivers(request).get(request.match_info["id"])
    if receiver is None:
        raise _unknown_receiver(request)
    outcome = await send_test(context.ledger.portfolio, receiver, parts.make_attempt(), context.clock.now())
    log.info("test_message", receiver=receiver.id, author=holder(request).name, error=outcome.error)
    if outcome.error:
        raise Refusal(502, concealed(f"not delivered: {outcome.error}"), "check the receiver's configuration")
    return as_json({"receiver": receiver.id, "delivered": True})


def _receivers(request: web.Request) -> dict[str, Any]:
    return {each.id: each for each in request.app[CONTEXT].ledger.portfolio.receivers}


def _unknown_receiver(request: web.Request) -> Refusal:
    known = ", ".join(_receivers(request))
    return Refusal(404, "unknown receiver", f"there are {known}" if known else "add one under `receivers:`")
