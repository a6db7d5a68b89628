"""Subscribe to a status page by e-mail, confirm the address, change what is sent, and leave.

Mail programs and scanners fetch links, so GET changes nothing. The token in the address of a link permits the change,
so these pages need no session. The response to a request is the same whether or not the address is subscribed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from aiohttp import web

from monitor.access.link import LinkError
from monitor.access.subscription_link import LinkPurpose, link_token, subscription_of
from monitor.access.subscriptions import KINDS, Choice, SubscriptionsFullError, checked_address
from monitor.errors import NinewatchError
from monitor.web.access import INVALID_CREDENTIAL_LIMIT, Role, role
from monitor.web.audit import client_address
from monitor.web.context import CONTEXT, address_of, client_network
from monitor.web.errors import Refusal, check_query
from monitor.web.rate_limit import RateLimit
from monitor.web.request_body import read_body
from monitor.web.status_pages import form_response, page_of_path
from monitor.web.write_context import write_context

if TYPE_CHECKING:
    from monitor.access.link import LinkSigner
    from monitor.access.subscriptions import Subscription, Subscriptions
    from monitor.clock import Clock
    from monitor.config.status_pages import StatusPage

routes = web.RouteTableDef()

_LABELS: Final = {"incidents": "Incidents", "maintenance": "Planned maintenance"}
_NONE = Refusal(404, "this page has no subscription by e-mail", "follow its Atom feed")
_OFF = Refusal(503, "subscriptions cannot be changed now", "try again later")
_WRONG = Refusal(403, "the link is not valid", "use the complete link of the newest message")
_USED = Refusal(410, "the link has expired, or was used", "subscribe again, or use the link of a newer message")
_LEFT = Refusal(410, "this subscription does not exist any more, its address was erased", "subscribe again if needed")
_FORM = Refusal(400, "the form is not complete", "open the page again and use its buttons")
_WAIT = (("Retry-After", "60"),)
_TOO_MANY = Refusal(429, "too many requests", "wait a minute", _WAIT)


@dataclass(frozen=True, slots=True)
class SubscribeLimits:
    """Limits of requests to subscribe, each of which may send a message: of a client's network, and of all clients."""

    network: RateLimit
    all: RateLimit

    @classmethod
    def of(cls, clock: Clock) -> SubscribeLimits:
        """Return the limits: 10 per network, then one per 30 seconds; 100 of all clients, then one per second."""
        return cls(RateLimit(clock, rate=1 / 30, burst=10), RateLimit(clock, rate=1.0, burst=100))


SUBSCRIBE_LIMITS: web.AppKey[SubscribeLimits] = web.AppKey("subscribe_limits")


@routes.get("/status/{page}/subscribe")
@role(Role.PUBLIC)
async def form(request: web.Request) -> web.Response:
    """Show the form with the collection notice."""
    check_query(request)
    page = _page(request)
    return await _form(request, page, Choice())


@routes.post("/status/{page}/subscribe")
@role(Role.CHECKED_BY_HANDLER, body=True)
async def subscribe(request: web.Request) -> web.Response:
    """Record the request, which a message with a link answers. Redirect to a page that is always the same."""
    check_query(request)
    page, subscriptions, limits = _page(request), _subscriptions(request), request.app[SUBSCRIBE_LIMITS]
    fields = await _fields(request)
    choice = _choice(fields, page)
    text = fields.get("address", [""])[0]
    try:
        address = checked_address(text)
    except ValueError:
        problem = "Write one e-mail address, like name@example.org."
        return await _form(request, page, choice or Choice(), address=text[:300], problem=problem)
    if choice is None:
        return await _form(request, page, Choice(), address=address, problem="Choose a service and a kind of message.")
    if not limits.network.take(_network(request)) or not limits.all.take(""):
        raise _TOO_MANY
    try:
        await subscriptions.request(page.id, address, choice, request.app[CONTEXT].clock.now())
    except SubscriptionsFullError:
        raise Refusal(503, "no more subscriptions are accepted now", "try again in two days") from None
    except NinewatchError:
        raise _OFF from None
    return _redirect(page, "subscribe/requested")


@routes.get("/status/{page}/subscribe/requested")
@role(Role.PUBLIC)
async def requested(request: web.Request) -> web.Response:
    """Show what happens next."""
    check_query(request)
    return await form_response(request, "status/requested.html.j2", _page(request))


@routes.get("/status/{page}/subscribe/left")
@role(Role.PUBLIC)
async def left(request: web.Request) -> web.Response:
    """Show that the address was erased."""
    check_query(request)
    return await form_response(request, "status/left.html.j2", _page(request))


@routes.get("/status/{page}/confirm/{token}")
@role(Role.CHECKED_BY_HANDLER)
async def show_confirmation(request: web.Request) -> web.Response:
    """Show the choice and the button that confirms it, without any change."""
    check_query(request)
    page = _page(request)
    subscription = _subscriptions(request).get(_id(request, page, LinkPurpose.CONFIRM))
    if subscription is None or not subscription.is_pending(request.app[CONTEXT].clock.now()):
        raise _USED
    return await form_response(request, "status/confirm.html.j2", page, chosen=_chosen(page, subscription.choice))


@routes.post("/status/{page}/confirm/{token}")
@role(Role.CHECKED_BY_HANDLER, body=True)
async def confirm(request: web.Request) -> web.Response:
    """Confirm the address. Redirect to the page for changes."""
    check_query(request)
    page, name = _page(request), _id(request, _page(request), LinkPurpose.CONFIRM)
    await _fields(request)
    try:
        if not await _subscriptions(request).confirm(name, request.app[CONTEXT].clock.now()):
            raise _USED
    except NinewatchError:
        raise _OFF from None
    token = link_token(_signer(request), LinkPurpose.MANAGE, page.id, name)
    return _redirect(page, f"{LinkPurpose.MANAGE.value}/{token}")


@routes.get("/status/{page}/subscription/{token}")
@role(Role.CHECKED_BY_HANDLER)
async def show(request: web.Request) -> web.Response:
    """Show the choice, and the buttons to change it and to leave, without any change."""
    check_query(request, "saved")
    page = _page(request)
    subscription = _subscriptions(request).get(_id(request, page, LinkPurpose.MANAGE))
    if subscription is None:
        raise _LEFT
    return await _manage(request, page, subscription, saved="saved" in request.query)


@routes.post("/status/{page}/subscription/{token}")
@role(Role.CHECKED_BY_HANDLER, body=True)
async def change(request: web.Request) -> web.Response:
    """Save another choice, or erase the subscription: with the button, or with the request of RFC 8058."""
    check_query(request)
    page, subscriptions = _page(request), _subscriptions(request)
    name, fields = _id(request, page, LinkPurpose.MANAGE), await _fields(request)
    action = fields.get("action", [""])[0]
    try:
        if fields.get("List-Unsubscribe") == ["One-Click"]:
            await subscriptions.leave(name)
            return await form_response(request, "status/left.html.j2", page)
        if action == "leave":
            await subscriptions.leave(name)
            return _redirect(page, "subscribe/left")
        if action != "save":
            raise _FORM
        choice, subscription = _choice(fields, page), subscriptions.get(name)
        if choice is None and subscription is not None:
            problem = "Choose a service and a kind of message, or leave."
            return await _manage(request, page, subscription, problem=problem)
        if choice is None or not await subscriptions.choose(name, choice):
            raise _LEFT
    except NinewatchError:
        raise _OFF from None
    return _redirect(page, f"{LinkPurpose.MANAGE.value}/{request.match_info['token']}?saved=1")


def _page(request: web.Request) -> StatusPage:
    """Return the status page of the path.

    Raises:
        Refusal: there is none, or it has no subscription.
    """
    page = page_of_path(request)
    if page.subscribe is None:
        raise _NONE
    return page


def _subscriptions(request: web.Request) -> Subscriptions:
    context = write_context(request)
    if context.subscriptions is None or context.signer is None:
        raise _OFF
    return context.subscriptions


def _signer(request: web.Request) -> LinkSigner:
    signer = write_context(request).signer
    if signer is None:
        raise _OFF
    return signer


def _id(request: web.Request, page: StatusPage, purpose: LinkPurpose) -> str:
    """Return the id of the subscription of the link.

    Raises:
        Refusal: the link is not valid, or there were too many invalid links recently.
    """
    try:
        return subscription_of(_signer(request), purpose, page.id, request.match_info["token"])
    except LinkError:
        if not request.app[INVALID_CREDENTIAL_LIMIT].take("subscription"):
            raise _TOO_MANY from None
        raise _WRONG from None


def _network(request: web.Request) -> str:
    address = client_address(request)
    return str(client_network(address_of(address))) if address else ""


async def _fields(request: web.Request) -> dict[str, list[str]]:
    """Return the fields of the form. Mail programs send their request also as multipart/form-data (RFC 8058).

    Raises:
        Refusal: the body is neither.
    """
    body = await read_body(request)
    if request.content_type == "multipart/form-data":
        if b'name="List-Unsubscribe"' in body and b"One-Click" in body:
            return {"List-Unsubscribe": ["One-Click"]}
        raise _FORM
    if body and request.content_type != "application/x-www-form-urlencoded":
        raise _FORM
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=500)
    except ValueError:
        raise _FORM from None


def _choice(fields: dict[str, list[str]], page: StatusPage) -> Choice | None:
    """Return the chosen components and kinds; all components as none. None if there is no component or no kind."""
    known = [component.id for component in page.components]
    components = tuple(name for name in known if name in fields.get("component", ()))
    kinds = tuple(kind for kind in KINDS if kind in fields.get("kind", ()))
    if not components or not kinds:
        return None
    return Choice(() if len(components) == len(known) else components, kinds)


def _chosen(page: StatusPage, choice: Choice) -> dict[str, Any]:
    """Return the components and kinds of the page, and which of them are chosen."""
    return {
        "components": [
            {
                "id": component.id,
                "name": component.name,
                "on": not choice.components or component.id in choice.components,
            }
            for component in page.components
        ],
        "kinds": [{"id": kind, "name": _LABELS[kind], "on": kind in choice.kinds} for kind in KINDS],
    }


async def _form(
    request: web.Request, page: StatusPage, choice: Choice, *, address: str = "", problem: str = ""
) -> web.Response:
    values = {"chosen": _chosen(page, choice), "address": address, "problem": problem, "notice": page.subscribe}
    return await form_response(request, "status/subscribe.html.j2", page, status=400 if problem else 200, **values)


async def _manage(
    request: web.Request, page: StatusPage, subscription: Subscription, *, saved: bool = False, problem: str = ""
) -> web.Response:
    chosen, pending = _chosen(page, subscription.choice), subscription.confirmed is None
    values = {"chosen": chosen, "pending": pending, "saved": saved, "problem": problem}
    return await form_response(request, "status/subscription.html.j2", page, status=400 if problem else 200, **values)


def _redirect(page: StatusPage, path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/status/{page.id}/{path}"})
