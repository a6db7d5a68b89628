"""/callbacks/RECEIVER: acknowledgements and marks that PagerDuty, Slack and Teams report, each with its signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.receivers.callback import ACKNOWLEDGE, Callback, CallbackRefused, CallbackRequest
from monitor.receivers.registry import kind_of
from monitor.web.access import GUESSES, Role, role
from monitor.web.alerts import acknowledgement, open_alert
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, only
from monitor.web.request_body import whole
from monitor.web.writing import limited, state, writing
from sla.acknowledgement import Via
from sla.page_mark import Mark, PageMark

if TYPE_CHECKING:
    from monitor.config.alerting import ReceiverBase
    from sla.fact import Fact

routes = web.RouteTableDef()

_DENIED = Refusal(403, "unknown receiver or wrong signature", "configure the signing secret of the receiver")
_GUESSED = Refusal(429, "too many callbacks that are not valid", "wait a few seconds", (("Retry-After", "10"),))
_LISTED: Final = 10


@routes.post("/callbacks/{receiver}")
@role(Role.OWN, body=True)
async def callback(request: web.Request) -> web.Response:
    """Take what a service reports. Nothing in it is read before its signature is verified."""
    only(request)
    receiver, found = await _verified(request)
    if not found.action:
        return web.Response(status=200)
    limited(request, f"callback {receiver.id}")
    try:
        fact = _fact(request, receiver, found)
    except Refusal as refusal:
        if not found.replies:
            raise
        return _reply(f"{refusal.problem}; {refusal.remedy}")
    await state(request, fact)
    done = "Acknowledged" if found.action == ACKNOWLEDGE else f"Marked as {found.action}"
    return _reply(f"{done}: {fact.content()['key']}") if found.replies else web.Response(status=200)


async def _verified(request: web.Request) -> tuple[ReceiverBase, Callback]:
    """Return the receiver and what its service reports.

    Raises:
        Refusal: there is no such receiver, or the signature is wrong; both get the same answer.
    """
    context, name = request.app[CONTEXT], request.match_info["receiver"]
    receiver = next((each for each in context.ledger.portfolio.receivers if each.id == name), None)
    headers = {key.lower(): value for key, value in request.headers.items()}
    body = await whole(request)
    try:
        read = None if receiver is None else kind_of(receiver).callback
        if receiver is None or read is None:
            raise CallbackRefused("unknown")
        return receiver, read(receiver, CallbackRequest(headers, body, context.clock.now()))
    except CallbackRefused:
        if not request.app[GUESSES].take("callback"):
            raise _GUESSED from None
        raise _DENIED from None


def _fact(request: web.Request, receiver: ReceiverBase, found: Callback) -> Fact:
    """Return what the callback states, of an alert that the receiver was notified of.

    Raises:
        Refusal: there is no such alert.
    """
    key, by = found.key or _only_open(request, receiver.id), found.by or receiver.id
    if found.action == ACKNOWLEDGE:
        if receiver.id not in writing(request).alerting.notified(key):
            raise Refusal(404, "no open alert of this receiver has the key", _listed(request, receiver.id))
        return acknowledgement(request, open_alert(request, key), by, Via(receiver.kind), receiver.id).fact()
    alert = writing(request).alerting.find(key)
    if alert is None:
        raise Refusal(404, "no alert has the key", _listed(request, receiver.id))
    return PageMark(request.app[CONTEXT].clock.now(), key, Mark(found.action), by, receiver.id, alert.product).fact()


def _open(request: web.Request, receiver: str) -> list[str]:
    alerting = writing(request).alerting
    return [each.key for each in alerting.open_alerts() if receiver in alerting.notified(each.key)]


def _only_open(request: web.Request, receiver: str) -> str:
    keys = _open(request, receiver)
    if len(keys) != 1:
        raise Refusal(404, f"{len(keys)} alerts are open", _listed(request, receiver))
    return keys[0]


def _listed(request: web.Request, receiver: str) -> str:
    keys = _open(request, receiver)
    return f"open: {', '.join(keys[:_LISTED])}" if keys else "none is open"


def _reply(text: str) -> web.Response:
    return as_json({"type": "message", "text": text})
