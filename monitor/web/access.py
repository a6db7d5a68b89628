"""Access to routes: every handler declares a role; requests to a handler without a role are rejected.

Programs send a token as `Authorization: Bearer TOKEN` (RFC 6750). People have a session (`monitor.web.sessions`), and
their changes must come from a page of this server (`monitor.web.same_origin`).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import structlog
from aiohttp import web

from monitor.access.audit_log import ChangeOrigin, Event, Means
from monitor.access.principal import AuthMethod, Principal
from monitor.access.roles import lowest_role
from monitor.access.scopes import Scope, allows
from monitor.errors import NinewatchError
from monitor.web.audit import client_address, record_refusal
from monitor.web.context import CONTEXT
from monitor.web.errors import Refusal, expects_page
from monitor.web.same_origin import check_same_origin
from monitor.web.sessions import has_session, person_of, sign_in_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.access.tokens import Token, TokenFile
    from monitor.web.context import WebContext
    from monitor.web.rate_limit import RateLimit

log = structlog.get_logger(__name__)

H = TypeVar("H", bound="Callable[..., Any]")
_ATTRIBUTE: Final = "ninewatch_role"
TOKENS: web.AppKey[Tokens] = web.AppKey("tokens")
INVALID_CREDENTIAL_LIMIT: web.AppKey[RateLimit] = web.AppKey("invalid_credential_limit")
_PRINCIPAL: web.RequestKey[Principal] = web.RequestKey("principal")
READ_TIMEOUT: Final = 5.0


class Role(StrEnum):
    """The clients that may use a route. Except for PUBLIC and CHECKED_BY_HANDLER, a role is a scope.

    A token has its own scopes, and a person those of `monitor.access.roles.SCOPES`.
    """

    PUBLIC = "public"
    """All clients, for example of /livez and of style sheets."""

    CHECKED_BY_HANDLER = "handler"
    """The handler itself verifies the client: by a heartbeat's token, a signature or the client's network."""

    READ = "read"
    """Clients that may read (`access` of the configuration): all, or those with this scope."""

    CALENDAR_READ = "calendar:read"
    """As READ; the scope is for calendar programs, which store it."""

    ALERTS_READ = "alerts:read"
    ALERTS_WRITE = "alerts:write"
    FACTS_WRITE = "facts:write"
    DRILLS_WRITE = "drills:write"
    GATE_WRITE = "gate:write"
    AUDIT_READ = "audit:read"
    VANTAGE_WRITE = "vantage:write"


class Declaration(NamedTuple):
    """The declaration of a handler: its role, and whether it accepts a request body."""

    role: Role
    body: bool


def role(name: Role, *, body: bool = False) -> Callable[[H], H]:
    """Declare the role of a handler. `body`: whether it accepts a request body, which it must read with a limit."""

    def declare(handler: H) -> H:
        setattr(handler, _ATTRIBUTE, Declaration(name, body))
        return handler

    return declare


def declaration_of(handler: object) -> Declaration | None:
    """Return the declaration of a handler. None without one."""
    declaration = getattr(handler, _ATTRIBUTE, None)
    return declaration if isinstance(declaration, Declaration) else None


def accepts_body(handler: object) -> bool:
    """Return whether the handler accepts a request body."""
    declaration = declaration_of(handler)
    return declaration is not None and declaration.body


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a record. They are read in a separate thread, because a faulty disk may block it."""

    file: TokenFile
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "tokens"))


_UNDECLARED = Refusal(403, "this endpoint is closed", "it declares no role; report this as a defect")
_TOO_MANY_FAILURES = Refusal(429, "too many wrong tokens", "wait a few seconds", (("Retry-After", "10"),))
_SEND_ONE: Final = "send `Authorization: Bearer TOKEN` (`ninewatch token create` makes one), or sign in"
_UNREADABLE = Refusal(503, "the tokens cannot be read", "see the daemon's log")


async def admit(request: web.Request) -> None:
    """Check that the client may use the route.

    Raises:
        Refusal: 401 without authentication, 403 if the client lacks the scope, 429 after many wrong tokens.
        HTTPSeeOther: a browser has to sign in.
    """
    declaration = declaration_of(request.match_info.handler)
    if declaration is None:
        log.error("route_without_role", path=request.path)
        raise _UNDECLARED
    required = declaration.role
    if required in (Role.PUBLIC, Role.CHECKED_BY_HANDLER):
        return
    if required in (Role.READ, Role.CALENDAR_READ) and _reading_is_open(request.app[CONTEXT]):
        return
    request[_PRINCIPAL] = await _authenticated(request, Scope(required.value))


def _reading_is_open(context: WebContext) -> bool:
    """Return whether all clients may read: as configured; without a configuration, if the server is on loopback."""
    portfolio = context.ledger.portfolio
    if portfolio.access.read is not None:
        return portfolio.access.read == "anyone"
    return portfolio.login is None and context.private


def principal_of(request: web.Request) -> Principal:
    """Return the authenticated client. Its name is the author of the facts that the request records."""
    return request[_PRINCIPAL]


def is_still_admitted(request: web.Request) -> bool:
    """Return whether the session that admitted the request, if any, has not ended since. Does not extend it."""
    principal: Principal | None = request.get(_PRINCIPAL)
    return principal is None or principal.method is not AuthMethod.SESSION or has_session(request)


def permitted_products(request: web.Request) -> tuple[str, ...]:
    """Return the products that the token of the request is limited to; empty without a limit or a token."""
    principal: Principal | None = request.get(_PRINCIPAL)
    return () if principal is None else principal.products


async def _authenticated(request: web.Request, required: Scope) -> Principal:
    """Return the client of the request: a person, unless there is a token.

    Raises:
        Refusal: there is neither, or it lacks the scope, or another site's page sent the request.
        HTTPSeeOther: a browser requested a page, and can sign in.
    """
    if "Authorization" not in request.headers:
        person = person_of(request)
        if person is not None:
            check_same_origin(request)
            return _permitted(person, required)
        if _can_sign_in(request):
            raise web.HTTPSeeOther(sign_in_path(request))
    return _permitted(Principal.of_token(await _valid_token(request, _bearer(request))), required)


async def token_of_address(request: web.Request, text: str, scope: Scope) -> Token:
    """Return the valid token in the address of a request.

    Raises:
        Refusal: the token is not valid, or has another scope too. Programs store addresses, and proxies log them.
    """
    token = await _valid_token(request, text)
    if token.scopes != {scope}:
        remedy = f"create a token with `--scope {scope.value}` and no other scope"
        raise Refusal(403, f"a token in an address must have the scope {scope.value} only", remedy)
    return token


def _permitted(principal: Principal, required: Scope) -> Principal:
    """Return the client if it has the scope."""
    if allows(principal.scopes, required):
        return principal
    if principal.role is not None:
        remedy = f"this needs the role {lowest_role(required)}; ask an administrator for it"
        raise Refusal(403, f"your role is {principal.role}", remedy)
    challenge = f'Bearer realm="ninewatch", error="insufficient_scope", scope="{required.value}"'
    remedy = f"create a token with `--scope {required.value}`"
    raise Refusal(403, f"the token lacks the scope {required.value}", remedy, (("WWW-Authenticate", challenge),))


def _can_sign_in(request: web.Request) -> bool:
    """Return whether the client is a browser that requests a page, and there is a provider to sign in with."""
    login = request.app[CONTEXT].ledger.portfolio.login
    return login is not None and login.oidc is not None and request.method == "GET" and expects_page(request)


async def _valid_token(request: web.Request, text: str) -> Token:
    """Return the valid token with the text. Wrong, expired and revoked tokens get the same response."""
    context = request.app[CONTEXT]
    if not text:
        raise _missing_authentication(request)
    token = await _find_token(request, text)
    reason = "unknown" if token is None else token.refusal(context.clock.now())
    if token is None or reason:
        if not request.app[INVALID_CREDENTIAL_LIMIT].take(""):  # this limit does not apply to valid tokens
            raise _TOO_MANY_FAILURES
        log.warning("token_refused", reason=reason, token=None if token is None else token.id, peer=request.remote)
        name, token_id = ("", "") if token is None else (token.name, token.id)
        origin = ChangeOrigin(Means.TOKEN, name, token_id, client_address(request))
        await record_refusal(
            request, Event.TOKEN_REFUSED, origin, {"reason": reason, "method": request.method, "route": _route(request)}
        )
        raise _denial("unknown, expired or revoked token", _SEND_ONE, error="invalid_token")
    return token


def _route(request: web.Request) -> str:
    """Return the pattern of the route: the path itself may contain the token of a link."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


async def _find_token(request: web.Request, text: str) -> Token | None:
    tokens = request.app.get(TOKENS)
    if tokens is None:
        return None
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            return await asyncio.get_running_loop().run_in_executor(tokens.thread, tokens.file.find, text)
    except (NinewatchError, TimeoutError) as error:
        log.error("tokens_unreadable", error=str(error) or "the disk does not answer")
        raise _UNREADABLE from None


def _bearer(request: web.Request) -> str:
    """Return the token of the Authorization header. Empty without a token or with more than one header."""
    headers = request.headers.getall("Authorization", [])
    scheme, _, token = (headers[0] if len(headers) == 1 else "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _missing_authentication(request: web.Request) -> Refusal:
    """Return the error for a request without a token and without a person."""
    if not expects_page(request):
        return _denial("this endpoint needs a token or a sign-in", _SEND_ONE)
    login, problem = request.app[CONTEXT].ledger.portfolio.login, "this page needs a sign-in"
    if login is None:
        remedy = "configure `login` (docs/access.md), or use the commands that `ninewatch --help` lists"
        return _denial(f"{problem}, and the configuration has none", remedy)
    if login.oidc is None:
        return _denial(problem, "open it at the address of the proxy that people sign in to; it needs a role here")
    return _denial(problem, "sign in at /login, then send the form again")


def _denial(problem: str, remedy: str, *, error: str = "") -> Refusal:
    challenge = 'Bearer realm="ninewatch"' + (f', error="{error}"' if error else "")
    return Refusal(401, problem, remedy, (("WWW-Authenticate", challenge),))
