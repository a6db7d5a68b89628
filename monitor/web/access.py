"""Who may use a route: every handler declares a role, and one without a role is refused.

A token is sent as `Authorization: Bearer TOKEN` (RFC 6750) and never in a cookie: a page from elsewhere cannot have a
browser send it.
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
GUESSES: web.AppKey[RateLimit] = web.AppKey("guesses")
_HOLDER: web.RequestKey[Token] = web.RequestKey("token")
READING_SECONDS: Final = 5.0


class Role(StrEnum):
    """Who may use a route. Roles other than the first two are the scope that a token needs."""

    PUBLIC = "public"
    """Everyone, always: liveness, style sheets."""

    OWN = "own"
    """Everyone with a proof that the handler verifies: a heartbeat's token, a signature, an allowed network."""

    READ = "read"
    """Everyone, or with `access: {read: token}` a token of this scope."""

    ALERTS_READ = "alerts:read"
    ALERTS_WRITE = "alerts:write"
    FACTS_WRITE = "facts:write"
    DRILLS_WRITE = "drills:write"
    GATE_WRITE = "gate:write"


class Declared(NamedTuple):
    """What a handler declares: who may use it, and whether it accepts a request body."""

    role: Role
    body: bool


def role(name: Role, *, body: bool = False) -> Callable[[H], H]:
    """Declare the role of a handler, and whether it reads a request body itself, with a limit."""

    def declare(handler: H) -> H:
        setattr(handler, _ATTRIBUTE, Declared(name, body))
        return handler

    return declare


def declared(handler: object) -> Declared | None:
    """Return what a handler declares, None if nothing."""
    found = getattr(handler, _ATTRIBUTE, None)
    return found if isinstance(found, Declared) else None


def takes_body(handler: object) -> bool:
    """Return whether the handler accepts a request body."""
    found = declared(handler)
    return found is not None and found.body


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a record, and the one thread that reads them: it may wait for a dead disk."""

    file: TokenFile
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "tokens"))


_UNDECLARED = Refusal(403, "this endpoint is closed", "it declares no role; report this as a defect")
_GUESSED = Refusal(429, "too many wrong tokens", "wait a few seconds", (("Retry-After", "10"),))
_UNREADABLE = Refusal(503, "the tokens cannot be read", "see the daemon's log")


async def admit(request: web.Request) -> None:
    """Refuse the request unless its caller may use the route.

    Raises:
        Refusal: 401 without a valid token, 403 if the token does not permit it, 429 after many wrong ones.
    """
    found = declared(request.match_info.handler)
    if found is None:
        log.error("route_without_role", path=request.path)
        raise _UNDECLARED
    needed = found.role
    if needed in (Role.PUBLIC, Role.OWN):
        return
    if needed is Role.READ and request.app[CONTEXT].ledger.portfolio.access.read == "anyone":
        return
    token = await _token(request)
    if not allows(token.scopes, Scope(needed.value)):
        challenge = f'Bearer realm="ninewatch", error="insufficient_scope", scope="{needed.value}"'
        remedy = f"create a token with `--scope {needed.value}`"
        raise Refusal(403, f"the token lacks the scope {needed.value}", remedy, (("WWW-Authenticate", challenge),))
    request[_HOLDER] = token


def holder(request: web.Request) -> Token:
    """Return the token that the request was admitted with; its name is the author of what the request writes."""
    return request[_HOLDER]


async def _token(request: web.Request) -> Token:
    """Return the valid token of the request. A wrong one gets the same answer as an expired or a revoked one."""
    context, text = request.app[CONTEXT], _bearer(request)
    if not text:
        raise _denied("this endpoint needs a token")
    found = await _found(request, text)
    why = "unknown" if found is None else found.refusal(context.clock.now())
    if found is None or why:
        if not request.app[GUESSES].take(""):  # a limit for wrong tokens only: it takes nothing from valid ones
            raise _GUESSED
        log.warning("token_refused", reason=why, token=None if found is None else found.id, peer=request.remote)
        raise _denied("unknown, expired or revoked token", error="invalid_token")
    return found


async def _found(request: web.Request, text: str) -> Token | None:
    tokens = request.app.get(TOKENS)
    if tokens is None:
        return None
    try:
        async with asyncio.timeout(READING_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(tokens.thread, tokens.file.find, text)
    except (NinewatchError, TimeoutError) as error:
        log.error("tokens_unreadable", error=str(error) or "the disk does not answer")
        raise _UNREADABLE from None


def _bearer(request: web.Request) -> str:
    """Return what the header has after `Bearer`; nothing if there is none, or more than one header."""
    given = request.headers.getall("Authorization", [])
    scheme, _, token = (given[0] if len(given) == 1 else "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _denied(problem: str, *, error: str = "") -> Refusal:
    challenge = 'Bearer realm="ninewatch"' + (f', error="{error}"' if error else "")
    remedy = "send `Authorization: Bearer TOKEN`; `ninewatch token create` makes one"
    return Refusal(401, problem, remedy, (("WWW-Authenticate", challenge),))
