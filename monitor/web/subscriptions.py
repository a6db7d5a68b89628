"""Subscribe to a status page by e-mail, confirm the address, change what is sent, and leave.

Mail programs and scanners fetch links, so GET changes nothing. The token in the address of a link permits the change,
so these pages need no session. The response to a request is the same whether or not the address is subscribed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web

from monitor.access.link import LinkError
from monitor.access.subscription_link import LinkPurpose, link_token, subscription_of
from monitor.access.subscriptions import Choice, SubscriptionsFullError, checked_address
from monitor.errors import NinewatchError
from monitor.language import translatable
from monitor.web.accept_language import PARAMETER
from monitor.web.access import INVALID_CREDENTIAL_LIMIT, Role, role
from monitor.web.audit import client_address
from monitor.web.context import CONTEXT, address_of, client_network
from monitor.web.errors import Refusal, check_query
from monitor.web.language import page_language
from monitor.web.rate_limit import RateLimit
from monitor.web.status_pages import form_response, page_of_path
from monitor.web.subscription_form import INCOMPLETE, choice_of, chosen_view, form_fields
from monitor.web.write_context import write_context

if TYPE_CHECKING:
    from monitor.access.link import LinkSigner
    from monitor.access.subscriptions import Subscription, Subscriptions
    from monitor.clock import Clock
    from monitor.config.status_pages import StatusPage

routes = web.RouteTableDef()

_NONE = Refusal(404, translatable("this page has no subscription by e-mail"), translatable("follow its Atom feed"))
_OFF = Refusal(503, translatable("subscriptions cannot be changed now"), translatable("try again later"))
_WRONG = Refusal(
    403, translatable("the link is not valid"), translatable("use the complete link of the newest message")
)
_USED = Refusal(
    410,
    translatable("the link has expired, or was used"),
    translatable("subscribe again, or use the link of a newer message"),
)
_LEFT = Refusal(
    410,
    translatable("this subscription does not exist any more, its address was erased"),
    translatable("subscribe again if needed"),
)
_WAIT = (("Retry-After", "60"),)
_TOO_MANY = Refusal(429, translatable("too many requests"), translatable("wait a minute"), _WAIT)
_FULL = Refusal(503, translatable("no more subscriptions are accepted now"), translatable("try again in two days"))


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
    check_query(request, PARAMETER)
    page = _page(request)
    return await _form(request, page, Choice())


@routes.post("/status/{page}/subscribe")
@role(Role.CHECKED_BY_HANDLER, body=True)
async def subscribe(request: web.Request) -> web.Response:
    """Record the request, which a message with a link answers. Redirect to a page that is always the same."""
    check_query(request, PARAMETER)
    page, subscriptions, limits = _page(request), _subscriptions(request), request.app[SUBSCRIBE_LIMITS]
    fields = await form_fields(request)
    choice = choice_of(fields, page)
    text = fields.get("address", [""])[0]
    try:
        address = checked_address(text)
    except ValueError:
        problem = translatable("Write one e-mail address, like name@example.org.")
        return await _form(request, page, choice or Choice(), address=text[:300], problem=problem)
    if choice is None:
        problem = translatable("Choose a service and a kind of message.")
        return await _form(request, page, Choice(), address=address, problem=problem)
    if not limits.network.take(_network(request)) or not limits.all.take(""):
        raise _TOO_MANY
    try:
        await subscriptions.request(page.id, address, choice, request.app[CONTEXT].clock.now())
    except SubscriptionsFullError:
        raise _FULL.without_traceback() from None
    except NinewatchError:
        raise _OFF from None
    return _redirect(request, page, "subscribe/requested")


@routes.get("/status/{page}/subscribe/requested")
@role(Role.PUBLIC)
async def requested(request: web.Request) -> web.Response:
    """Show what happens next."""
    check_query(request, PARAMETER)
    return await form_response(request, "status/requested.html.j2", _page(request))


@routes.get("/status/{page}/subscribe/left")
@role(Role.PUBLIC)
async def left(request: web.Request) -> web.Response:
    """Show that the address was erased."""
    check_query(request, PARAMETER)
    return await form_response(request, "status/left.html.j2", _page(request))


@routes.get("/status/{page}/confirm/{token}")
@role(Role.CHECKED_BY_HANDLER)
async def show_confirmation(request: web.Request) -> web.Response:
    """Show the choice and the button that confirms it, without any change."""
    check_query(request, PARAMETER)
    page = _page(request)
    subscription = _subscriptions(request).get(_id(request, page, LinkPurpose.CONFIRM))
    if subscription is None or not subscription.is_pending(request.app[CONTEXT].clock.now()):
        raise _USED
    chosen, preferred = chosen_view(page, subscription.choice), subscription.choice.language or page.languages[0]
    return await form_response(request, "status/confirm.html.j2", page, preferred=preferred, chosen=chosen)


@routes.post("/status/{page}/confirm/{token}")
@role(Role.CHECKED_BY_HANDLER, body=True)
async def confirm(request: web.Request) -> web.Response:
    """Confirm the address. Redirect to the page for changes."""
    check_query(request, PARAMETER)
    page, name = _page(request), _id(request, _page(request), LinkPurpose.CONFIRM)
    await form_fields(request)
    try:
        if not await _subscriptions(request).confirm(name, request.app[CONTEXT].clock.now()):
            raise _USED
    except NinewatchError:
        raise _OFF from None
    token = link_token(_signer(request), LinkPurpose.MANAGE, page.id, name)
    return _redirect(request, page, f"{LinkPurpose.MANAGE.value}/{token}")


@routes.get("/status/{page}/subscription/{token}")
@role(Role.CHECKED_BY_HANDLER)
async def show(request: web.Request) -> web.Response:
    """Show the choice, and the buttons to change it and to leave, without any change."""
    check_query(request, "saved", PARAMETER)
    page = _page(request)
    subscription = _subscriptions(request).get(_id(request, page, LinkPurpose.MANAGE))
    if subscription is None:
        raise _LEFT
    return await _manage(request, page, subscription, saved="saved" in request.query)


@routes.post("/status/{page}/subscription/{token}")
@role(Role.CHECKED_BY_HANDLER, body=True)
async def change(request: web.Request) -> web.Response:
    """Save another choice, or erase the subscription: with the button, or with the request of RFC 8058."""
    check_query(request, PARAMETER)
    page, subscriptions = _page(request), _subscriptions(request)
    name, fields = _id(request, page, LinkPurpose.MANAGE), await form_fields(request)
    action, spoken = fields.get("action", [""])[0], _language(subscriptions.get(name))
    try:
        if fields.get("List-Unsubscribe") == ["One-Click"]:
            await subscriptions.leave(name)
            return await form_response(request, "status/left.html.j2", page, preferred=spoken)
        if action == "leave":
            await subscriptions.leave(name)
            return _redirect(request, page, "subscribe/left", spoken)
        if action != "save":
            raise INCOMPLETE
        choice, subscription = choice_of(fields, page), subscriptions.get(name)
        if choice is None and subscription is not None:
            problem = translatable("Choose a service and a kind of message, or leave.")
            return await _manage(request, page, subscription, problem=problem)
        if choice is None or not await subscriptions.choose(name, choice):
            raise _LEFT
    except NinewatchError:
        raise _OFF from None
    return _redirect(request, page, f"{LinkPurpose.MANAGE.value}/{request.match_info['token']}", saved=True)


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


def _language(subscription: Subscription | None) -> str:
    """Return the code of the subscriber's language. Empty for the default, and without a subscription."""
    return "" if subscription is None else subscription.choice.language


async def _form(
    request: web.Request, page: StatusPage, choice: Choice, *, address: str = "", problem: str = ""
) -> web.Response:
    spoken = await page_language(request, page.languages)
    chosen = chosen_view(page, choice if choice.language else replace(choice, language=spoken.code))
    values: dict[str, Any] = {"chosen": chosen, "address": address, "problem": problem, "notice": page.subscribe}
    return await form_response(request, "status/subscribe.html.j2", page, status=400 if problem else 200, **values)


async def _manage(
    request: web.Request, page: StatusPage, subscription: Subscription, *, saved: bool = False, problem: str = ""
) -> web.Response:
    chosen, pending = chosen_view(page, subscription.choice), subscription.confirmed is None
    spoken = subscription.choice.language or page.languages[0]
    values: dict[str, Any] = {
        "chosen": chosen,
        "pending": pending,
        "saved": saved,
        "problem": problem,
        "preferred": spoken,
    }
    return await form_response(request, "status/subscription.html.j2", page, status=400 if problem else 200, **values)


def _redirect(
    request: web.Request, page: StatusPage, path: str, spoken: str = "", *, saved: bool = False
) -> web.Response:
    """Redirect to a page of the status page in the language of the request, or else in `spoken` if it is known."""
    code = request.query.get(PARAMETER, spoken)
    query: dict[str, str] = {PARAMETER: code} if code in page.languages else {}
    query |= {"saved": "1"} if saved else {}
    suffix = f"?{urlencode(query)}" if query else ""
    return web.Response(status=303, headers={"Location": f"/status/{page.id}/{path}{suffix}"})
