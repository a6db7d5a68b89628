"""Access to routes: every handler declares a role; requests to a handler without a role are rejected.

Clients send a token as `Authorization: Bearer TOKEN` (RFC 6750). Cookies are not used, because browsers would also
send them with requests from pages of other sites.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import structlog
from aiohttp import web

from monitor.access.scopes import Scope, allows
from monitor.errors import NinewatchError
from monitor.web.context import CONTEXT
from monitor.web.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.access.tokens import Token, TokenFile
    from monitor.web.rate_limit import RateLimit

log = structlog.get_logger(__name__)

H = TypeVar("H", bound="Callable[..., Any]")
_ATTRIBUTE: Final = "ninewatch_role"
TOKENS: web.AppKey[Tokens] = web.AppKey("tokens")
FAILED_ATTEMPTS: web.AppKey[RateLimit] = web.AppKey("failed_attempts")
_TOKEN: web.RequestKey[Token] = web.RequestKey("token")
READ_TIMEOUT: Final = 5.0


class Role(StrEnum):
    """The clients that may use a route. Except for PUBLIC and HANDLER, a role is the scope that a token needs."""

    PUBLIC = "public"
    """All clients, for example of /livez and of style sheets."""

    HANDLER = "handler"
    """The handler itself verifies the client: by a heartbeat's token, a signature or the client's network."""

    READ = "read"
    """All clients; with `access: {read: token}`, clients with a token of this scope."""

    ALERTS_READ = "alerts:read"
    ALERTS_WRITE = "alerts:write"
    FACTS_WRITE = "facts:write"
    DRILLS_WRITE = "drills:write"
    GATE_WRITE = "gate:write"


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
_UNREADABLE = Refusal(503, "the tokens cannot be read", "see the daemon's log")


async def admit(request: web.Request) -> None:
    """Check that the client may use the route.

    Raises:
        Refusal: 401 without a valid token, 403 if the token lacks the scope, 429 after many wrong tokens.
    """
    declaration = declaration_of(request.match_info.handler)
    if declaration is None:
        log.error("route_without_role", path=request.path)
        raise _UNDECLARED
    required = declaration.role
    if required in (Role.PUBLIC, Role.HANDLER):
        return
    if required is Role.READ and request.app[CONTEXT].ledger.portfolio.access.read == "anyone":
        return
    token = await _valid_token(request)
    if not allows(token.scopes, Scope(required.value)):
        challenge = f'Bearer realm="ninewatch", error="insufficient_scope", scope="{required.value}"'
        remedy = f"create a token with `--scope {required.value}`"
        raise Refusal(403, f"the token lacks the scope {required.value}", remedy, (("WWW-Authenticate", challenge),))
    request[_TOKEN] = token


def token_of(request: web.Request) -> Token:
    """Return the valid token of the request. The token's name is the author of the facts that the request records."""
    return request[_TOKEN]


async def _valid_token(request: web.Request) -> Token:
    """Return the valid token of the request. Wrong, expired and revoked tokens get the same response."""
    context, text = request.app[CONTEXT], _bearer(request)
    if not text:
        raise _denial("this endpoint needs a token")
    token = await _find_token(request, text)
    reason = "unknown" if token is None else token.refusal(context.clock.now())
    if token is None or reason:
        if not request.app[FAILED_ATTEMPTS].take(""):  # this limit does not apply to valid tokens
            raise _TOO_MANY_FAILURES
        log.warning("token_refused", reason=reason, token=None if token is None else token.id, peer=request.remote)
        raise _denial("unknown, expired or revoked token", error="invalid_token")
    return token


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


def _denial(problem: str, *, error: str = "") -> Refusal:
    challenge = 'Bearer realm="ninewatch"' + (f', error="{error}"' if error else "")
    remedy = "send `Authorization: Bearer TOKEN`; `ninewatch token create` makes one"
    return Refusal(401, problem, remedy, (("WWW-Authenticate", challenge),))
