"""/acknowledge/TOKEN: the page behind the link of a message. GET only shows it; POST acknowledges or marks.

Mail scanners fetch links, so GET changes nothing. The token in the address is the proof: every holder of the link may
use it, and a page from elsewhere does not have it. What is wrong with a token is not explained further.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from aiohttp import web

from monitor.access.link import LinkError
from monitor.views.formatting import moment
from monitor.web.access import GUESSES, Role, role
from monitor.web.alerts import acknowledgement, open_alert
from monitor.web.context import CONTEXT, HEADERS, POLICY
from monitor.web.errors import Refusal, only
from monitor.web.request_body import whole
from monitor.web.writing import LONGEST_NAME, limited, state, words, writing
from sla.acknowledgement import Via, acknowledgements
from sla.page_mark import Mark, PageMark, page_marks

if TYPE_CHECKING:
    from monitor.access.link import Claim
    from sla.fact import Fact

routes = web.RouteTableDef()

_FORMS: Final = {POLICY: HEADERS[POLICY].replace("form-action 'none'", "form-action 'self'")}
_ACKNOWLEDGE: Final = "acknowledge"
_ACTIONS: Final = (_ACKNOWLEDGE, *Mark)
_WRONG = Refusal(403, "the link is not valid", "use the link of the newest message as it is")
_EXPIRED = Refusal(410, "the link has expired", "use the link of the newest message")
_GUESSED = Refusal(429, "too many links that are not valid", "wait a few seconds", (("Retry-After", "10"),))
_FORM = Refusal(400, "the form is not complete", "open the link and use one of its buttons")


@routes.get("/acknowledge/{token}")
@role(Role.OWN)
async def show(request: web.Request) -> web.Response:
    """Show the alert and the form; changes nothing."""
    only(request)
    context, claim = request.app[CONTEXT], _claim(request)
    page = _page(request, claim)
    text = context.assets.render("acknowledge.html.j2", page=page, site_title=context.ledger.portfolio.title)
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=_FORMS)


@routes.post("/acknowledge/{token}")
@role(Role.OWN, body=True)
async def answer(request: web.Request) -> web.Response:
    """Acknowledge the alert, or mark its page as useful or noise; then lead back to the page."""
    only(request)
    claim = _claim(request)
    action, by = await _form(request)
    limited(request, f"link {claim.receiver}")
    await state(request, _fact(request, claim, action, by or claim.receiver))
    return web.Response(status=303, headers={"Location": request.match_info["token"], **_FORMS})


def _claim(request: web.Request) -> Claim:
    """Return what the link permits.

    Raises:
        Refusal: it is wrong or has expired, or there were many wrong ones of late.
    """
    signer = writing(request).signer
    try:
        if signer is None:
            raise LinkError("wrong")
        return signer.claim(request.match_info["token"], request.app[CONTEXT].clock.now())
    except LinkError as error:
        if not request.app[GUESSES].take("link"):
            raise _GUESSED from None
        raise (_EXPIRED if str(error) == "expired" else _WRONG) from None


async def _form(request: web.Request) -> tuple[str, str]:
    """Return the action and the name of the person, which may be empty.

    Raises:
        Refusal: it is not the form of the page.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        raise _FORM
    try:
        fields = parse_qs((await whole(request)).decode(), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        raise _FORM from None
    action, by = (fields.get(name, [""])[0] for name in ("action", "by"))
    if action not in _ACTIONS:
        raise _FORM
    return action, words(by, "by", LONGEST_NAME) if by.strip() else ""


def _fact(request: web.Request, claim: Claim, action: str, by: str) -> Fact:
    if action == _ACKNOWLEDGE:
        alert = open_alert(request, claim.key)
        return acknowledgement(request, alert, by, Via.LINK, by).fact()
    now = request.app[CONTEXT].clock.now()
    return PageMark(now, claim.key, Mark(action), by, claim.receiver, claim.product).fact()


def _page(request: web.Request, claim: Claim) -> SimpleNamespace:
    """Return what the page shows of an alert; of one that is not known any more, its key."""
    alerting, ledger = writing(request).alerting, request.app[CONTEXT].ledger
    alert, zone, facts = alerting.find(claim.key), ledger.portfolio.zone, ledger.facts.all
    return SimpleNamespace(
        title=claim.key if alert is None else alert.summary,
        severity="" if alert is None else alert.severity.value,
        opened=None if alert is None else moment(alert.opened, zone),
        product=claim.product if claim.product in ledger.products else "",
        open=alert is not None and alerting.is_open(alert),
        acknowledged=[
            SimpleNamespace(by=each.by, at=moment(each.made, zone))
            for each in acknowledgements(facts)
            if each.key == claim.key
        ],
        marked=[each for each in page_marks(facts) if each.key == claim.key],
        longest=LONGEST_NAME,
    )
