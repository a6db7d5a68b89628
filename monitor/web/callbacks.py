"""/callbacks/RECEIVER: signed acknowledgements and marks from PagerDuty, Slack and Teams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.access.audit_log import ChangeOrigin, Means
from monitor.receivers.callback import ACKNOWLEDGE, Callback, CallbackRefused, CallbackRequest
from monitor.receivers.registry import kind_of
from monitor.web.access import INVALID_CREDENTIAL_LIMIT, Role, role
from monitor.web.alerts import find_open_alert, new_acknowledgement
from monitor.web.audit import client_address
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.request_body import read_body
from monitor.web.write_context import check_change_rate, record_fact, write_context
from sla.acknowledgement import Via
from sla.page_rating import PageRating, Rating

if TYPE_CHECKING:
    from monitor.config.alerting import ReceiverBase
    from sla.fact import Fact

routes = web.RouteTableDef()

_DENIED = Refusal(403, "unknown receiver or wrong signature", "configure the signing secret of the receiver")
_TOO_MANY_FAILURES = Refusal(429, "too many invalid callbacks", "wait a few seconds", (("Retry-After", "10"),))
_MAX_KEYS: Final = 10


@routes.post("/callbacks/{receiver}")
@role(Role.CHECKED_BY_HANDLER, body=True)
async def callback(request: web.Request) -> web.Response:
    """Record the acknowledgement or mark of a service's request, whose signature is verified first."""
    check_query(request)
    receiver, report = await _verified_callback(request)
    if not report.action:
        return web.Response(status=200)
    check_change_rate(request, f"callback {receiver.id}")
    try:
        fact = _fact(request, receiver, report)
    except Refusal as refusal:
        if not report.replies:
            raise
        refusal.without_traceback()
        return _reply(f"{refusal.problem}; {refusal.remedy}")
    await record_fact(request, fact, ChangeOrigin(Means.CALLBACK, fact.author, receiver.id, client_address(request)))
    text = "Acknowledged" if report.action == ACKNOWLEDGE else f"Marked as {report.action}"
    return _reply(f"{text}: {fact.content()['key']}") if report.replies else web.Response(status=200)


async def _verified_callback(request: web.Request) -> tuple[ReceiverBase, Callback]:
    """Return the receiver and the verified callback.

    Raises:
        Refusal: the receiver is unknown or the signature is wrong. Both get the same response.
    """
    context, name = request.app[CONTEXT], request.match_info["receiver"]
    receiver = next((known for known in context.ledger.portfolio.receivers if known.id == name), None)
    headers = {key.lower(): value for key, value in request.headers.items()}
    body = await read_body(request)
    try:
        verify = None if receiver is None else kind_of(receiver).callback
        if receiver is None or verify is None:
            raise CallbackRefused("unknown")
        return receiver, verify(receiver, CallbackRequest(headers, body, context.clock.now()))
    except CallbackRefused:
        if not request.app[INVALID_CREDENTIAL_LIMIT].take("callback"):
            raise _TOO_MANY_FAILURES from None
        raise _DENIED from None


def _fact(request: web.Request, receiver: ReceiverBase, report: Callback) -> Fact:
    """Return the fact that the callback reports about an alert.

    Raises:
        Refusal: the receiver was not notified of such an alert.
    """
    key, by = report.key or _only_open_key(request, receiver.id), report.by or receiver.id
    if report.action == ACKNOWLEDGE:
        if receiver.id not in write_context(request).alerting.notified(key):
            raise Refusal(404, "no open alert of this receiver has the key", _open_keys_text(request, receiver.id))
        return new_acknowledgement(request, find_open_alert(request, key), by, Via(receiver.kind), receiver.id).fact()
    alert = write_context(request).alerting.find(key)
    if alert is None:
        raise Refusal(404, "no alert has the key", _open_keys_text(request, receiver.id))
    return PageRating(
        request.app[CONTEXT].clock.now(), key, Rating(report.action), by, receiver.id, alert.product
    ).fact()


def _open_keys(request: web.Request, receiver: str) -> list[str]:
    alerting = write_context(request).alerting
    return [alert.key for alert in alerting.open_alerts() if receiver in alerting.notified(alert.key)]


def _only_open_key(request: web.Request, receiver: str) -> str:
    keys = _open_keys(request, receiver)
    if len(keys) != 1:
        raise Refusal(404, f"{len(keys)} alerts are open", _open_keys_text(request, receiver))
    return keys[0]


def _open_keys_text(request: web.Request, receiver: str) -> str:
    keys = _open_keys(request, receiver)
    return f"open: {', '.join(keys[:_MAX_KEYS])}" if keys else "none is open"


def _reply(text: str) -> web.Response:
    return as_json({"type": "message", "text": text})
