"""Sign-in and sign-out of people: /login, /login/callback, /session and /logout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from monitor.access.audit_log import ChangeOrigin, Event, Means
from monitor.access.roles import relevant_names, role_of
from monitor.login.errors import ProviderError, SignInRefused
from monitor.login.transaction import Transaction
from monitor.web.access import Role, role
from monitor.web.audit import client_address, record_event, record_refusal
from monitor.web.context import CONTEXT, address_of, client_network
from monitor.web.errors import Refusal, check_query
from monitor.web.rate_limit import RateLimit
from monitor.web.same_origin import check_same_origin, own_origin
from monitor.web.sessions import (
    SIGN_INS,
    delete_cookie,
    local_path,
    session_cookie,
    set_cookie,
    sign_in_cookie,
)
from monitor.web.visitor import page_response
from monitor.web.write_context import write_context

if TYPE_CHECKING:
    from monitor.access.sessions import Session
    from monitor.clock import Clock
    from monitor.config.login import OidcLogin
    from monitor.login.id_token import Person
    from monitor.login.provider import Provider

log = structlog.get_logger(__name__)

routes = web.RouteTableDef()

SIGN_IN_LIMIT: web.AppKey[RateLimit] = web.AppKey("sign_in_limit")
_START_AGAIN: Final = "open /login to start again"
_NO_PROVIDER = Refusal(404, "there is no sign-in with a provider", "configure `login: {oidc: ...}`")
_TOO_MANY = Refusal(429, "too many sign-ins from this network", "wait a few seconds", (("Retry-After", "10"),))
_UNAVAILABLE = Refusal(503, "the sign-in provider cannot be used", "try again; the daemon's log has the reason")
_STATE = Refusal(400, "this sign-in was not started here, has expired, or was completed", _START_AGAIN)
_REFUSED = Refusal(403, "the sign-in was refused", f"{_START_AGAIN}; the daemon's log has the reason")
_NO_ROLE = Refusal(
    403, "your account has no role here", "ask the operator of this monitor for a role, then open /login"
)


def new_sign_in_limit(clock: Clock) -> RateLimit:
    """Return the limit of sign-in attempts per path and client network: 10 at once, then one per second."""
    return RateLimit(clock, rate=1.0, burst=10.0)


@routes.get("/login", allow_head=False)
@role(Role.PUBLIC)
async def start(request: web.Request) -> web.Response:
    """Redirect to the provider, where the person signs in."""
    check_query(request, "return")
    oidc = _oidc(request)
    _count(request)
    transaction = Transaction.new(local_path(request.query.get("return", "/")), request.app[CONTEXT].clock.now())
    try:
        provider = await _provider(request, oidc)
        address = await provider.authorization_url(transaction, _redirect_uri(request))
    except ProviderError as error:
        raise _unavailable(error) from None
    response = web.Response(status=303, headers={"Location": address})
    set_cookie(request, response, sign_in_cookie(request), request.app[SIGN_INS].signer.cookie(transaction))
    return response


@routes.get("/login/callback", allow_head=False)
@role(Role.PUBLIC)
async def callback(request: web.Request) -> web.Response:
    """Complete a sign-in: verify the provider's answer, create the session, and redirect to the page."""
    oidc = _oidc(request)
    _count(request)
    transaction = _transaction(request)
    try:
        person = await _verified_person(request, oidc, transaction)
    except ProviderError as error:
        raise _unavailable(error) from None
    except SignInRefused as refused:
        log.warning("sign_in_refused", reason=refused.detail, peer=request.remote)
        await record_refusal(request, Event.SIGN_IN_REFUSED, _origin(request), {"reason": refused.detail})
        raise _REFUSED from None
    return await _signed_in(request, oidc, transaction, person)


@routes.get("/session")
@role(Role.PUBLIC)
async def session(request: web.Request) -> web.Response:
    """Show who is signed in, with the form to sign out."""
    check_query(request)
    return page_response(request, "session.html.j2")


@routes.post("/logout")
@role(Role.CHECKED_BY_HANDLER, body=True)
async def logout(request: web.Request) -> web.Response:
    """End the session here, then redirect to the provider, which ends its own session."""
    oidc = _oidc(request)
    check_same_origin(request)
    ended = request.app[SIGN_INS].sessions.end(request.cookies.get(session_cookie(request), ""))
    response = web.Response(status=303, headers={"Location": await _after_logout(request, oidc, ended)})
    delete_cookie(request, response, session_cookie(request))
    if ended is not None:
        log.info("signed_out", name=ended.name)
        await record_event(request, Event.SIGN_OUT, _origin(request, ended))
    return response


def _oidc(request: web.Request) -> OidcLogin:
    login = request.app[CONTEXT].ledger.portfolio.login
    if login is None or login.oidc is None:
        raise _NO_PROVIDER
    return login.oidc


def _count(request: web.Request) -> None:
    """Count a request of a sign-in, because each may cause requests to the provider."""
    client = client_network(address_of(request.remote or "0.0.0.0"))  # noqa: S104 - a placeholder
    if not request.app[SIGN_IN_LIMIT].take(f"{request.path} {client}"):
        raise _TOO_MANY


def _unavailable(error: ProviderError) -> Refusal:
    log.error("sign_in_unavailable", reason=error.detail)
    return _UNAVAILABLE


async def _provider(request: web.Request, oidc: OidcLogin) -> Provider:
    return await request.app[SIGN_INS].provider(oidc, write_context(request).make_attempt)


def _redirect_uri(request: web.Request) -> str:
    return f"{own_origin(request)}/login/callback"


def _transaction(request: web.Request) -> Transaction:
    """Return the transaction of the cookie, if the provider's answer has its state.

    Raises:
        Refusal: this browser did not start the sign-in, or it has expired.
    """
    cookie, state = request.cookies.get(sign_in_cookie(request), ""), request.query.getall("state", [])
    transaction = request.app[SIGN_INS].signer.read(cookie, request.app[CONTEXT].clock.now())
    if transaction is None or len(state) != 1 or not transaction.has_state(state[0]):
        raise _STATE
    return transaction


async def _verified_person(request: web.Request, oidc: OidcLogin, transaction: Transaction) -> Person:
    """Return the person, after an exchange of the code in the provider's answer.

    Raises:
        ProviderError: the provider cannot be used.
        SignInRefused: it refused the sign-in, or the answer is not valid.
    """
    query = request.query
    if query.get("iss", oidc.issuer) != oidc.issuer:  # RFC 9207: an answer of another provider
        raise SignInRefused("the answer is from another issuer")
    if "error" in query or len(query.getall("code", [])) != 1:
        raise SignInRefused(f"the provider answered {query.get('error', 'without a code')[:100]!r}")
    provider = await _provider(request, oidc)
    return await provider.person(query["code"], transaction, _redirect_uri(request))


async def _signed_in(request: web.Request, oidc: OidcLogin, transaction: Transaction, person: Person) -> web.Response:
    """Create the session, and replace the one that the browser had.

    Raises:
        Refusal: the person has no role.
    """
    names = relevant_names(oidc.roles.by_role, person.names)
    granted = role_of(oidc.roles.by_role, names)
    if granted is None:
        log.warning("sign_in_without_role", name=person.name)
        await record_refusal(request, Event.SIGN_IN_REFUSED, _origin(request, person), {"reason": "no role"})
        raise _NO_ROLE
    sessions = request.app[SIGN_INS].sessions
    _end_expired(request)
    sessions.end(request.cookies.get(session_cookie(request), ""))
    value = sessions.create(oidc.issuer, person.subject, person.name, names, person.id_token)
    response = web.Response(status=303, headers={"Location": transaction.return_to})
    set_cookie(request, response, session_cookie(request), value)
    delete_cookie(request, response, sign_in_cookie(request))
    log.info("signed_in", name=person.name, role=granted.value)
    await record_event(request, Event.SIGN_IN, _origin(request, person), {"role": granted.value})
    return response


def _origin(request: web.Request, person: Person | Session | None = None) -> ChangeOrigin:
    """Return the origin of a sign-in or sign-out. Without a person if the provider stated none."""
    name, subject = ("", "") if person is None else (person.name, person.subject)
    return ChangeOrigin(Means.SESSION, name, subject, client_address(request))


def _end_expired(request: web.Request) -> None:
    login = request.app[CONTEXT].ledger.portfolio.login
    if login is not None:
        request.app[SIGN_INS].sessions.end_expired(login.session.idle, login.session.longest)


async def _after_logout(request: web.Request, oidc: OidcLogin, ended: Session | None) -> str:
    """Return the provider's logout address, or the local page if there is none or no session was ended."""
    local = "/session"
    if ended is None:
        return local
    try:
        provider = await _provider(request, oidc)
        return await provider.logout_url(ended.id_token, f"{own_origin(request)}{local}") or local
    except ProviderError as error:
        log.warning("provider_logout_unavailable", reason=error.detail)
        return local
