"""/acknowledge/TOKEN: the page that a message links to. GET shows the alert; POST acknowledges or rates it.

Mail scanners fetch links, so GET changes nothing. The token in the address permits the change: it is known only to
recipients of the message. An error response reports that the token expired, and no other reason.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from aiohttp import web

from monitor.access.audit_log import ChangeOrigin, Means
from monitor.access.link import LinkError
from monitor.views.formatting import moment
from monitor.web.access import INVALID_CREDENTIAL_LIMIT, Role, role
from monitor.web.alerts import find_open_alert, new_acknowledgement
from monitor.web.audit import client_address
from monitor.web.context import CONTEXT
from monitor.web.errors import Refusal, check_query
from monitor.web.request_body import read_body
from monitor.web.visitor import FORM_HEADERS, page_response
from monitor.web.write_context import MAX_NAME, check_change_rate, one_line, record_fact, write_context
from sla.acknowledgement import Via, acknowledgements
from sla.page_rating import PageRating, Rating, page_ratings

if TYPE_CHECKING:
    from monitor.access.link import Claim
    from sla.fact import Fact

routes = web.RouteTableDef()

_ACKNOWLEDGE: Final = "acknowledge"
_ACTIONS: Final = (_ACKNOWLEDGE, *Rating)
_INVALID_LINK = Refusal(403, "the link is not valid", "use the complete link of the newest message")
_EXPIRED_LINK = Refusal(410, "the link has expired", "use the link of the newest message")
_TOO_MANY_INVALID_LINKS = Refusal(429, "too many invalid links", "wait a few seconds", (("Retry-After", "10"),))
_INVALID_FORM = Refusal(400, "the form is not complete", "open the link and use one of its buttons")


@routes.get("/acknowledge/{token}")
@role(Role.CHECKED_BY_HANDLER)
async def show(request: web.Request) -> web.Response:
    """Show the alert and the form, without any change."""
    check_query(request)
    return page_response(request, "acknowledge.html.j2", _page(request, _claim(request)))


@routes.post("/acknowledge/{token}")
@role(Role.CHECKED_BY_HANDLER, body=True)
async def submit(request: web.Request) -> web.Response:
    """Acknowledge the alert, or rate its notification as useful or noise. Redirect to the same address."""
    check_query(request)
    claim = _claim(request)
    action, by = await _form(request)
    check_change_rate(request, f"link {claim.receiver}")
    name = by or claim.receiver
    origin = ChangeOrigin(Means.LINK, name, claim.receiver, client_address(request))
    await record_fact(request, _fact(request, claim, action, name), origin)
    return web.Response(status=303, headers={"Location": request.match_info["token"], **FORM_HEADERS})


def _claim(request: web.Request) -> Claim:
    """Return the claim of the link.

    Raises:
        Refusal: the link is not valid or has expired, or there were too many invalid links recently.
    """
    signer = write_context(request).signer
    try:
        if signer is None:
            raise LinkError("invalid")
        return signer.claim(request.match_info["token"], request.app[CONTEXT].clock.now())
    except LinkError as error:
        if not request.app[INVALID_CREDENTIAL_LIMIT].take("link"):
            raise _TOO_MANY_INVALID_LINKS from None
        raise (_EXPIRED_LINK if str(error) == "expired" else _INVALID_LINK) from None


async def _form(request: web.Request) -> tuple[str, str]:
    """Return the action, by default to acknowledge, and the name of the person, which may be empty.

    Raises:
        Refusal: the body is not the form of the page.
    """
    body = await read_body(request)
    if body and request.content_type != "application/x-www-form-urlencoded":
        raise _INVALID_FORM
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        raise _INVALID_FORM from None
    action, by = fields.get("action", [_ACKNOWLEDGE])[0], fields.get("by", [""])[0]
    if action not in _ACTIONS:
        raise _INVALID_FORM
    return action, one_line(by, "by", MAX_NAME) if by.strip() else ""


def _fact(request: web.Request, claim: Claim, action: str, by: str) -> Fact:
    if action == _ACKNOWLEDGE:
        alert = find_open_alert(request, claim.key)
        return new_acknowledgement(request, alert, by, Via.LINK, by).fact()
    now = request.app[CONTEXT].clock.now()
    return PageRating(now, claim.key, Rating(action), by, claim.receiver, claim.product).fact()


def _page(request: web.Request, claim: Claim) -> SimpleNamespace:
    """Return the values of the page. If the alert is not known any more, the title is its key."""
    alerting, ledger = write_context(request).alerting, request.app[CONTEXT].ledger
    alert, zone, facts = alerting.find(claim.key), ledger.portfolio.zone, ledger.facts.all
    return SimpleNamespace(
        title=claim.key if alert is None else alert.summary,
        severity="" if alert is None else alert.severity.value,
        opened=None if alert is None else moment(alert.opened, zone),
        product=claim.product if claim.product in ledger.products else "",
        open=alert is not None and alerting.is_open(alert),
        acknowledged=[
            SimpleNamespace(by=fact.by, at=moment(fact.made, zone))
            for fact in acknowledgements(facts)
            if fact.key == claim.key
        ],
        marked=[mark for mark in page_ratings(facts) if mark.key == claim.key],
        max_name=MAX_NAME,
    )
